//! Serves the library on `http://127.0.0.1:8080`.

use std::error::Error;

use actix_web::{App, HttpServer};
use custom_user::{database, service};
use portcullis::{SigningSecret, actix::bind_error};

const ADDRESS: &str = "127.0.0.1:8080";

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let database = database::open("sqlite://library.db").await?;
    let secret = SigningSecret::from_env_or_generate("AUTH_SECRET")?;
    let auth = service::auth(&database, &secret)?;
    tracing::info!("open http://{ADDRESS}/docs");
    HttpServer::new(move || App::new().configure(service::routes(&auth, &database)))
        .bind(ADDRESS)
        .map_err(bind_error("ADDRESS", ADDRESS))?
        .run()
        .await?;
    Ok(())
}
