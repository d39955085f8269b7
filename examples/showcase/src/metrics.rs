//! What Prometheus scrapes, at an address of its own: it is not for the public.

use std::{error::Error, net::SocketAddr, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Server,
    http::header::ContentType,
    rt,
    web::{self, Data},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use portcullis::{
    actix::{bind_error, not_found},
    metrics::{SECONDS_BUCKETS, describe},
};

use crate::get_only::get_only;

/// How often samples that nobody scrapes are put together.
const UPKEEP: Duration = Duration::from_secs(5);

/// Records metrics from now on, and serves them at `/metrics` of `addresses`.
pub(crate) fn serve(addresses: &[SocketAddr]) -> Result<Server, Box<dyn Error>> {
    let recorder = PrometheusBuilder::new().set_buckets(&SECONDS_BUCKETS)?;
    let handle = recorder.install_recorder()?;
    describe();
    let (kept, shared) = (handle.clone(), Data::new(handle));
    rt::spawn(async move {
        loop {
            rt::time::sleep(UPKEEP).await;
            kept.run_upkeep();
        }
    });
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .service(get_only("/metrics", scrape))
            .default_service(web::to(not_found))
    })
    .workers(1)
    .disable_signals()
    .bind(addresses)
    .map_err(bind_error("METRICS_BIND", names.join(", ")))?;
    for address in server.addrs() {
        tracing::info!("metrics at http://{address}/metrics");
    }
    Ok(server.run())
}

async fn scrape(handle: Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(ContentType::plaintext())
        .body(handle.render())
}
