//! The routes.

use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse,
    http::{StatusCode, header::CONTENT_TYPE},
    web::{self, Bytes, PayloadConfig, ServiceConfig},
};
use portcullis::{
    actix::{AuthError, Present, Session, SessionMiddleware, VerifiedSession, not_found},
    http::{FieldError, HttpError, Sessions},
    store::MAX_SESSION_BYTES,
};

use crate::data::{Admin, JsonObject};

/// Mounts everything.
pub fn routes(sessions: Sessions<JsonObject>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let routes = web::scope("")
            .wrap(SessionMiddleware::new(sessions))
            .app_data(PayloadConfig::new(MAX_SESSION_BYTES))
            .route("/setSession", web::post().to(set))
            .route("/getSession", web::get().to(get))
            .route("/deleteSession", web::post().to(delete))
            .route("/admin", web::get().to(admin))
            .default_service(web::to(not_found));
        config.service(routes);
    }
}

async fn set(
    session: Session<JsonObject>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Result<HttpResponse, AuthError> {
    // A form of another site can send text, but no JSON.
    if request.headers().contains_key(CONTENT_TYPE) && request.content_type() != "application/json" {
        return Err(no_object().into());
    }
    let body = body.map_err(|error| match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => HttpError::PayloadTooLarge,
        _ => HttpError::BadRequest,
    })?;
    let data = JsonObject::parse(&body).ok_or_else(no_object)?;
    session.set(data);
    // Each set sends the cookie. An application that logs users in leaves this out.
    session.resend_id();
    Ok(null())
}

async fn get(session: VerifiedSession<Present, JsonObject>) -> HttpResponse {
    json(session.with(|data| data.map_or_else(|| "null".to_owned(), |data| data.text().to_owned())))
}

async fn delete(session: Session<JsonObject>) -> Result<HttpResponse, AuthError> {
    session.end().await?;
    Ok(null())
}

async fn admin(_session: VerifiedSession<Admin, JsonObject>) -> HttpResponse {
    null()
}

fn null() -> HttpResponse {
    json("null".to_owned())
}

fn json(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text)
}

fn no_object() -> HttpError {
    HttpError::Unprocessable(vec![FieldError::for_body(
        "dict_type",
        "Input should be a valid dictionary",
    )])
}
