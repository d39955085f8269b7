//! A service with registration, log-in and a protected route, on axum and SQLite.
use std::{error::Error, net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use axum_binding::{Auth, CurrentUser};
use portcullis::{
    Lifetime, SigningSecret,
    http::{AuthBackend, Endpoints},
    sql::sqlite::Database,
    users::{FolderMailer, UserManager},
};

async fn hello(user: CurrentUser) -> String {
    format!("Hello, {}!", user.email)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();

    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://axum.db".to_owned());
    let database = Database::open(&url).await?;
    let secret = SigningSecret::from_env_or_generate("AUTH_SECRET")?;
    let outbox = std::env::var("OUTBOX").unwrap_or_else(|_| "outbox".to_owned());
    let users = UserManager::builder(database.users(), &secret)
        .mailer(Arc::new(FolderMailer::new(outbox)?))
        .build()?;
    let hour = Lifetime::from_secs(3600)?;
    let endpoints = Endpoints::builder(users)
        .backend(AuthBackend::bearer("bearer", database.tokens(hour)))
        .backend(AuthBackend::cookie("cookie", database.tokens(hour)))
        .build()?;

    let auth = Auth::new(endpoints);
    let app = Router::new()
        .route("/hello", get(hello))
        .merge(auth.router())
        .with_state(auth);
    let address = std::env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
