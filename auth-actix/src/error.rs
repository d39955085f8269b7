//! An error of an extractor, a guard or an endpoint.

use std::fmt;

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, body::BoxBody, http::StatusCode};
use auth_http::{HttpError, Response};

/// Why a request was not let through, ready to be answered: the contract's body, and nothing of the cause.
#[derive(Clone, Debug)]
pub struct AuthError(Response);

impl From<HttpError> for AuthError {
    fn from(error: HttpError) -> Self {
        Self(error.into_response())
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request was answered with status {}", self.0.status)
    }
}

impl std::error::Error for AuthError {}

impl ResponseError for AuthError {
    fn status_code(&self) -> StatusCode {
        status(&self.0)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        into_http(self.0.clone())
    }
}

pub(crate) fn into_http(response: Response) -> HttpResponse {
    let mut builder = HttpResponseBuilder::new(status(&response));
    for (name, value) in response.headers {
        builder.append_header((name, value));
    }
    match response.body {
        Some(json) => builder.content_type("application/json").body(json),
        None => builder.finish(),
    }
}

fn status(response: &Response) -> StatusCode {
    StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
