//! The errors of extractors, guards and endpoints.

use std::fmt;

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, body::BoxBody, http::StatusCode};
use auth_core::StoreError;
use auth_http::{HttpError, Response};
use auth_users::{
    AfterRegistrationError, AuthenticateError, CreateUserError, DeleteUserError, OneTimeTokenError,
    ResetPasswordError, SetRolesError, UpdateError, VerifyError, VetoError,
};

use crate::body::{Rest, unread};

/// The error of a refused request, ready to answer: the body of the HTTP contract, without the cause.
#[derive(Clone, Debug)]
pub struct AuthError(Response);

/// The error of [`CurrentUser`](crate::CurrentUser) or [`OptionalUser`](crate::OptionalUser): an [`AuthError`], with
/// the part of the request's body that has not arrived.
///
/// If your handler takes a `Result<CurrentUser, ExtractError>` and does not read the body, return this error, not the
/// [`AuthError`] in it. This one's answer closes the connection if the body has not fully arrived. With the other,
/// actix-web may wait for a chunked body without a limit.
///
/// It is not `Send`, because the body is not. The [`AuthError`] is.
#[derive(Clone, Debug)]
pub struct ExtractError {
    error: AuthError,
    rest: Option<Rest>,
}

impl ExtractError {
    /// `error` for a request whose `rest` was not read.
    pub(crate) fn new(error: AuthError, rest: Option<Rest>) -> Self {
        Self { error, rest }
    }
}

impl From<ExtractError> for AuthError {
    fn from(refused: ExtractError) -> Self {
        refused.error
    }
}

/// So that your handlers can use `?`, and answer like the library's routes.
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
    AfterRegistrationError,
    OneTimeTokenError,
    AuthenticateError,
    CreateUserError,
    DeleteUserError,
    ResetPasswordError,
    SetRolesError,
    UpdateError,
    VerifyError,
    VetoError
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
