//! An error of an extractor, a guard or an endpoint.

use std::fmt;

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, body::BoxBody, http::StatusCode};
use auth_core::StoreError;
use auth_http::{HttpError, Response};
use auth_users::{
    AuthenticateError, CreateUserError, DeleteUserError, HookError, ResetPasswordError, UpdateError,
    VerifyError,
};

use crate::body::{Rest, unread};

/// Why a request was not let through, ready to be answered: the contract's body, and nothing of the cause.
#[derive(Clone, Debug)]
pub struct AuthError {
    response: Response,
    /// The body of the request that an extractor refused: its answer closes the connection rather than wait for it.
    rest: Option<Rest>,
}

impl AuthError {
    /// The answer to a request of which `rest` was not read.
    pub(crate) fn leaving(self, rest: Option<Rest>) -> Self {
        Self { rest, ..self }
    }
}

/// So that a handler of the application's own answers by `?` as the routes here do.
macro_rules! from {
    ($($error:ty),+) => {
        $(impl From<$error> for AuthError {
            fn from(error: $error) -> Self {
                Self { response: HttpError::from(error).into_response(), rest: None }
            }
        })+
    };
}

from!(
    HttpError,
    StoreError,
    HookError,
    AuthenticateError,
    CreateUserError,
    DeleteUserError,
    ResetPasswordError,
    UpdateError,
    VerifyError
);

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.response.status;
        write!(f, "the request was answered with status {status}")
    }
}

impl std::error::Error for AuthError {}

impl ResponseError for AuthError {
    fn status_code(&self) -> StatusCode {
        status(&self.response)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let answer = into_http(self.response.clone());
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
