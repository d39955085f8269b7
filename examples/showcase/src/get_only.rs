//! A path that only allows `GET`.

use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, http::header::ALLOW, web};
use serde_json::json;

/// Answers `GET` on `path` by `handler`. Other methods get the same 405 as on the library's routes.
pub(crate) fn get_only<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler))
        .default_service(web::to(refuse))
}

async fn refuse() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, "GET"))
        .json(json!({ "detail": "Method Not Allowed" }))
}
