//! How the service does, for whoever runs it.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue},
    web::{Data, ServiceConfig},
};
use portcullis::actix::AuthError;
use serde_json::json;

use crate::{get_only::get_only, stores::Stores};

/// Mounts `/live` and `/ready`.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(get_only("/live", live))
        .service(get_only("/ready", ready));
}

/// The process runs, whatever its stores do: no reason to restart it.
async fn live() -> HttpResponse {
    fine("live")
}

/// The stores answer, or 503: no reason to send requests here. Why is in the log alone.
async fn ready(stores: Data<Stores>) -> Result<HttpResponse, AuthError> {
    stores.answer().await?;
    Ok(fine("ready"))
}

fn fine(status: &str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(json!({ "status": status }))
}
