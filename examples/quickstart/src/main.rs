//! A service with registration, log-in and a protected route, on SQLite in a file.
use std::{error::Error, sync::Arc};

use actix_web::{App, HttpServer, Responder, web};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, CurrentUser, bind_error},
    http::{AuthBackend, BearerTransport, CookieTransport},
    jwt::JwtStrategy,
    sql::sqlite::{self, Database, SqliteAccessTokenStore, SqliteUserStore},
    users::{FolderMailer, UserManager},
};

async fn hello(user: CurrentUser) -> impl Responder {
    format!("Hello, {}!", user.email)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();

    let pool = sqlite::connect("sqlite://quickstart.db").await?;
    sqlite::migrate(&pool).await?;
    let database = Database::new(pool);
    let tokens = Arc::new(SqliteAccessTokenStore::new(&database));

    // Make one with `openssl rand -base64 32`. Without it, each start makes a new one and logs a warning.
    let secret = SigningSecret::from_env_or_generate("AUTH_SECRET")?;
    let users = UserManager::builder(Arc::new(SqliteUserStore::new(&database)), &secret)
        .mailer(Arc::new(FolderMailer::new("outbox")?))
        .build()?;

    // For plain HTTP on your own machine. In production use `CookieTransport::default()`, which is `Secure`.
    let cookie = CookieTransport::builder()
        .name("quickstart")
        .secure(false)
        .allow_insecure()
        .build()?;
    let hour = Lifetime::from_secs(3600)?;
    let auth = Auth::builder(users)
        .backend(AuthBackend::new(
            "bearer",
            BearerTransport,
            OpaqueStrategy::new(tokens.clone(), hour),
        ))
        .backend(AuthBackend::new(
            "cookie",
            cookie,
            OpaqueStrategy::new(tokens, hour),
        ))
        .backend(AuthBackend::stateless(
            "jwt",
            BearerTransport,
            JwtStrategy::hs256(&secret, hour)?,
        ))
        .build()?;

    let address = std::env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    tracing::info!("open http://{address}/docs");
    HttpServer::new(move || {
        App::new()
            .route("/hello", web::get().to(hello))
            .configure(auth.routes())
            .configure(auth.docs("/docs"))
    })
    .bind(&address)
    .map_err(bind_error("BIND", &address))?
    .run()
    .await?;
    Ok(())
}
