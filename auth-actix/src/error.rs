//! An error of an extractor, a guard or an endpoint.

use std::fmt;

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, body::BoxBody, http::StatusCode};
use auth_core::StoreError;
use auth_http::{HttpError, Response};
use auth_users::{
    AuthenticateError, CreateUserError, DeleteUserError, EventHandlerError, ResetPasswordError, UpdateError,
    VerifyError,
};

use crate::body::{Rest, unread};

/// Why a request was not let through, ready to be answered: the contract's body, and nothing of the cause.
#[derive(Clone, Debug)]
pub struct AuthError(Response);

/// Why [`CurrentUser`](crate::CurrentUser) or [`OptionalUser`](crate::OptionalUser) refused a request: an [`AuthError`],
/// and what has not arrived of the request's body.
///
/// Its answer closes the connection if the body has not arrived whole. That of the [`AuthError`] alone does not, and
/// actix-web may wait without end for a chunked body. Return this error itself from a handler that took a
/// `Result<CurrentUser, ExtractError>` and does not read the body.
///
/// It is not `Send`, as the body is not. The [`AuthError`] is.
#[derive(Clone, Debug)]
pub struct ExtractError {
    error: AuthError,
    rest: Option<Rest>,
}

impl ExtractError {
    /// `error` as the answer to a request of which `rest` was not read.
    pub(crate) fn new(error: AuthError, rest: Option<Rest>) -> Self {
        Self { error, rest }
    }
}

impl From<ExtractError> for AuthError {
    fn from(refused: ExtractError) -> Self {
        refused.error
    }
}

/// So that a handler of the application's own answers by `?` as the routes here do.
macro_rules! from {
    ($($error:ty),+) => {
        $(impl From<$error> for AuthError {
            fn from(error: $error) -> Self {
                Self(HttpError::from(error).into_response())
            }
        })+
    };
}

from!(
    HttpError,
    StoreError,
    EventHandlerError,
    AuthenticateError,
    CreateUserError,
    DeleteUserError,
    ResetPasswordError,
    UpdateError,
    VerifyError
);

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

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for ExtractError {}

impl ResponseError for ExtractError {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let answer = self.error.error_response();
        match &self.rest {
            Some(rest) => unread(answer, rest.clone()),
            None => answer,
        }
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
