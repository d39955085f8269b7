//! Everything in one program, configured by the environment, for trying, testing and measuring. See `settings`.

mod articles;
mod backends;
mod database;
mod docs;
mod domains;
mod events_file;
mod get_only;
mod health;
mod log_ins;
mod metrics;
mod protected;
mod settings;
mod setup;
mod stores;

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    rt::{self, time::timeout},
    web::{self, Data},
};
use portcullis::{
    ConfigError,
    actix::{Auth, AuthBuilder, bind_error, not_found},
    users::UserManager,
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{protected::Protected, settings::Settings, stores::Stores};

/// The time limit for requests, then for mails, and then for events, once the process is told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

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
    let settings = Settings::from_env().await?;
    // First of all, so that it counts from zero.
    let metrics = settings.metrics_bind.as_deref().map(metrics::serve).transpose()?;
    let stores = Data::new(Stores::open(&settings).await?);
    let mut users = UserManager::builder(Arc::clone(stores.users()), &settings.secret)
        .mailer(Arc::new(settings.mailer))
        .mail_budget(settings.mail_budget)
        .requires_verification(settings.requires_verification)
        .roles(articles::roles()?);
    if let Some(domains) = settings.domains {
        users = users.veto(Arc::new(domains));
    }
    let users = users.build()?;
    if let Some(events) = settings.events {
        users.audit().observe(Arc::new(events));
    }
    let backends = backends::all(&stores, &settings.secret, &settings.log_ins)?;
    let names: Vec<String> = backends.iter().map(|backend| backend.name().to_owned()).collect();
    let mut builder = Auth::builder(users)
        .trusted_proxies(settings.trusted_proxies)
        .csrf(settings.csrf);
    if let Some(url) = settings.public_url {
        builder = builder.public_url(url)?;
    }
    let auth = backends.into_iter().fold(builder, AuthBuilder::backend).build()?;
    let protected = Protected::new(&auth, names)?;
    let docs = docs::new(&auth, &protected);

    let (users, app_data, rotate) = (Arc::clone(auth.users()), stores.clone(), auth.rotate());
    let mut server = HttpServer::new(move || {
        App::new()
            .wrap(rotate.clone())
            .app_data(app_data.clone())
            .configure(protected.routes())
            .configure(articles::routes)
            .configure(health::routes)
            .configure(auth.routes())
            .configure(docs.at("/docs"))
            .default_service(web::to(not_found))
    })
    .shutdown_timeout(SHUTDOWN_TIMEOUT.as_secs());
    if let Some(workers) = settings.workers {
        server = server.workers(workers.get().into());
    }
    let addresses: Vec<String> = settings.bind.iter().map(ToString::to_string).collect();
    let server = server
        .bind(&*settings.bind)
        .map_err(bind_error("BIND", addresses.join(", ")))?;
    for address in server.addrs() {
        tracing::info!("open http://{address}/docs");
    }

    rt::spawn(setup::run(stores, Arc::clone(&users), settings.superuser));
    let metrics = metrics.map(|server| (server.handle(), rt::spawn(server)));
    server.run().await?;
    if let Some((server, _task)) = metrics {
        server.stop(true).await;
    }
    let outbox = users.outbox();
    outbox.retry_now();
    if timeout(SHUTDOWN_TIMEOUT, outbox.drained()).await.is_err() {
        let lost = outbox.waiting() + outbox.in_flight();
        tracing::warn!(lost, "stopped before every mail was sent");
    }
    // After the mails, which are told, too.
    let audit = users.audit();
    if timeout(SHUTDOWN_TIMEOUT, audit.drained()).await.is_err() {
        tracing::warn!(lost = audit.waiting(), "stopped before every event was written");
    }
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
