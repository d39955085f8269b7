//! Routes as a careful hand would write them: the same look-ups and the same checks, with no library.

pub(crate) mod mariadb;
pub(crate) mod mongodb;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod sqlite;

use actix_web::{Error, HttpRequest, error::ErrorUnauthorized, http::header::AUTHORIZATION};
use portcullis::store::TokenDigest;
use serde::Serialize;
use uuid::Uuid;

/// What `/protected/db` answers.
#[derive(Serialize)]
struct Protected {
    email: String,
}

/// What `/log-in` answers.
#[derive(Serialize)]
pub(crate) struct LogIn {
    pub(crate) user_id: Uuid,
}

pub(crate) fn bearer(request: &HttpRequest) -> Result<&str, Error> {
    request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or_else(unauthorized)
}

/// What the stores know of an opaque token: it is bound to the name of the backend that issued it.
fn digest(token: &str) -> TokenDigest {
    TokenDigest::for_audience("db", token)
}

pub(crate) fn unauthorized() -> Error {
    ErrorUnauthorized("Unauthorized")
}
