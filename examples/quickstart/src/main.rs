//! A service with registration, log-in and a protected route, on SQLite in a file.
use std::{error::Error, sync::Arc};

use actix_web::{App, HttpServer, Responder, web};
use portcullis::{
    Lifetime, SigningSecret,
    actix::{Auth, CurrentUser, bind_error},
    http::AuthBackend,
    sql::sqlite::Database,
    users::{FolderMailer, UserManager},
};

async fn hello(user: CurrentUser) -> impl Responder {
    format!("Hello, {}!", user.email)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();

    // Creates the file, and the tables in it.
    let database = Database::open("sqlite://quickstart.db").await?;
    // Make one with `openssl rand -base64 32`. Without it, each start makes a new one and logs a warning.
    let secret = SigningSecret::from_env_or_generate("AUTH_SECRET")?;
    let users = UserManager::builder(database.users(), &secret)
        .mailer(Arc::new(FolderMailer::new("outbox")?))
        .build()?;
    let hour = Lifetime::from_secs(3600)?;
    let auth = Auth::builder(users)
        .backend(AuthBackend::bearer("bearer", database.tokens(hour)))
        .backend(AuthBackend::cookie("cookie", database.tokens(hour)))
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
