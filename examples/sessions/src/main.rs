//! Serves sessions with data. See `settings` for the variables.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
};

use actix_web::{App, HttpServer};
use portcullis::{ConfigError, actix::bind_error, store::SystemClock};
use sessions::{service, settings::Settings, store};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

#[actix_web::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not by the log, which may be off. If standard error is closed, there is nothing else to do.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    start_log()?;
    let settings = Settings::from_env()?;
    let bind = settings.bind.clone();
    let store = store::open(&settings.store_url).await?;
    let sessions = settings.sessions(store, Arc::new(SystemClock))?;
    let app = move || App::new().configure(service::routes(sessions.clone()));
    let server = HttpServer::new(app)
        .bind(&bind)
        .map_err(bind_error("BIND", &bind))?;
    for address in server.addrs() {
        tracing::info!("serving http://{address}");
    }
    server.run().await?;
    Ok(())
}

/// Logs to standard error, from `info` unless `RUST_LOG` says otherwise.
fn start_log() -> Result<(), ConfigError> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()
        .map_err(|problem| ConfigError::new("RUST_LOG", problem))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    Ok(())
}
