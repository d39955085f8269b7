//! The health of the service.

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

/// 200 while the process runs, whatever its stores do, so that it is not restarted.
async fn live() -> HttpResponse {
    fine("live")
}

/// 200 if the stores answer, else 503, so that it gets no requests. Only the log has the reason.
async fn ready(stores: Data<Stores>) -> Result<HttpResponse, AuthError> {
    stores.answer().await?;
    Ok(fine("ready"))
}

fn fine(status: &str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(json!({ "status": status }))
}
