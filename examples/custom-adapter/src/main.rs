//! Serves the adapter's users on `http://127.0.0.1:8080`.

use std::error::Error;

use actix_web::{App, HttpServer};
use custom_adapter::{Database, service};
use portcullis::{ConfigError, SigningSecret, actix::bind_error};

const ADDRESS: &str = "127.0.0.1:8080";
const FILE: &str = "custom-adapter.redb";

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let database = Database::open(FILE)
        .map_err(|problem| ConfigError::new("FILE", format_args!("`{FILE}` cannot be used: {problem}")))?;
    let auth = service::auth(&database, &SigningSecret::generate()?)?;
    HttpServer::new(move || App::new().configure(service::routes(&auth)))
        .bind(ADDRESS)
        .map_err(bind_error("ADDRESS", ADDRESS))?
        .run()
        .await?;
    Ok(())
}
