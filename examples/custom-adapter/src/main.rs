//! Serves the adapter's users on `http://127.0.0.1:8080`.

use std::error::Error;

use actix_web::{App, HttpServer};
use custom_adapter::{Database, service};
use portcullis::SigningSecret;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let database = Database::open("custom-adapter.redb")?;
    let auth = service::auth(&database, &SigningSecret::generate()?)?;
    HttpServer::new(move || App::new().configure(service::routes(&auth)))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await?;
    Ok(())
}
