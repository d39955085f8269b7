//! Registration, log-in and a protected route on the adapter, at `http://127.0.0.1:8080`.

use std::{error::Error, sync::Arc};

use actix_web::{App, HttpServer, web};
use custom_adapter::{Database, RedbAccessTokenStore, RedbUserStore};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, CurrentUser},
    http::{AuthBackend, BearerTransport},
    users::UserManager,
};

async fn hello(user: CurrentUser) -> String {
    format!("Hello, {}!", user.email)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let database = Database::open("custom-adapter.redb")?;
    let users = Arc::new(RedbUserStore(database.clone()));
    let users: UserManager = UserManager::builder(users, &SigningSecret::generate()?).build()?;
    let tokens = Arc::new(RedbAccessTokenStore(database));
    let tokens = OpaqueStrategy::new(tokens, Lifetime::from_secs(3600)?);
    let auth = Auth::builder(users)
        .backend(AuthBackend::new("bearer", BearerTransport, tokens))
        .build()?;
    HttpServer::new(move || {
        App::new()
            .configure(auth.routes())
            .route("/hello", web::get().to(hello))
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await?;
    Ok(())
}
