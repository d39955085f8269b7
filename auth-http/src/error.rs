//! Errors as clients see them.

// Clippy finds a variant without a status. The compiler does not: the errors of auth-users are non-exhaustive, so each match
// has a wildcard.
#![warn(clippy::wildcard_enum_match_arm)]

use std::{error::Error, time::Duration};

use auth_core::{MAX_ROLES, StoreError, StoreErrorKind};
use auth_users::{
    AfterRegistrationError, AuthenticateError, CreateUserError, DeleteUserError, OneTimeTokenError, PathStep,
    ProfileError, ResetPasswordError, SetRolesError, UpdateError, VerifyError, VetoError,
};
use serde::{Serialize, Serializer, ser::SerializeSeq as _};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Response,
    response::{MAX_SET_COOKIE_BYTES, SET_COOKIE, set_cookie_bytes},
};

/// The minimum of `Retry-After`.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// A code in `{"detail": …}` that a front end acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The password policy refuses the password of a new user.
    RegisterInvalidPassword,
    /// The e-mail of a new user is taken.
    RegisterUserAlreadyExists,
    /// A unique field of a new user's profile is taken.
    RegisterProfileAlreadyExists,
    /// The user is unknown or inactive, or the password is wrong.
    LoginBadCredentials,
    /// The password is right, but the e-mail must be verified first.
    LoginUserNotVerified,
    /// The token does not allow a reset.
    ResetPasswordBadToken,
    /// The password policy refuses the new password.
    ResetPasswordInvalidPassword,
    /// The token does not verify anyone.
    VerifyUserBadToken,
    /// The user is already verified.
    VerifyUserAlreadyVerified,
    /// The new e-mail is taken.
    UpdateUserEmailAlreadyExists,
    /// A unique field of the changed profile is taken.
    UpdateUserProfileAlreadyExists,
    /// The password policy refuses the changed password.
    UpdateUserInvalidPassword,
}

/// A field of a body that is not valid. It never repeats the value.
///
/// Build one with [`new`](Self::new) for a field of the body, or with [`for_body`](Self::for_body) for the body itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldError {
    /// The kind of error, as pydantic names it: `missing`, `string_type`, `value_error`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The path of the field: `[FIELD]`, with one more step for each level, or empty for the body itself. The answer
    /// has `"body"` before it.
    #[serde(serialize_with = "location")]
    pub loc: Vec<PathStep>,
    /// The error in words.
    pub msg: String,
}

fn location<S: Serializer>(path: &[PathStep], serializer: S) -> Result<S::Ok, S::Error> {
    let mut parts = serializer.serialize_seq(Some(path.len() + 1))?;
    parts.serialize_element("body")?;
    for step in path {
        parts.serialize_element(step)?;
    }
    parts.end()
}

impl FieldError {
    /// An error of `field`, at the top level of the body. For a deeper one, set [`loc`](field@Self::loc).
    pub fn new(kind: &'static str, field: &str, msg: impl Into<String>) -> Self {
        Self {
            loc: vec![PathStep::Key(field.to_owned())],
            ..Self::for_body(kind, msg)
        }
    }

    /// An error of the body itself.
    pub fn for_body(kind: &'static str, msg: impl Into<String>) -> Self {
        Self {
            kind,
            loc: Vec::new(),
            msg: msg.into(),
        }
    }

    /// An error of the item at `index`, in a body that is a list.
    pub(crate) fn of_item(kind: &'static str, index: usize, msg: impl Into<String>) -> Self {
        Self {
            loc: vec![PathStep::Index(index)],
            ..Self::for_body(kind, msg)
        }
    }

    pub(crate) fn undefined_role(index: usize) -> Self {
        Self::of_item("value_error", index, "The service defines no such role")
    }

    pub(crate) fn too_many_roles() -> Self {
        let msg = format!("List should have at most {MAX_ROLES} items");
        Self::for_body("too_long", msg)
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::new("missing", field, "Field required")
    }
}

/// An error as a client sees it.
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpError {
    /// 400 without a code.
    BadRequest,
    /// 400 with a code.
    Code(ErrorCode),
    /// 400 with a code, and the reason of the password policy.
    Password(ErrorCode, String),
    /// 401. `bearer` is true if a Bearer credential would have been read.
    Unauthorized {
        /// True if the answer has `WWW-Authenticate: Bearer`.
        bearer: bool,
        /// The headers that remove a cookie which would stay invalid after a log-in.
        removal: Vec<(&'static str, String)>,
    },
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 409: another request changed the same thing at the same time.
    Conflict,
    /// 408: the body did not arrive in time.
    RequestTimeout,
    /// 413: the body is too large.
    PayloadTooLarge,
    /// 422.
    Unprocessable(Vec<FieldError>),
    /// 503, or 500 if a store has unreadable data, or the fault is in this program, so that retrying does not help.
    Unavailable(StoreError),
    /// 500: what the application does after a registration failed. The user exists.
    AfterRegistration(AfterRegistrationError),
    /// 500: any other error that is not the client's.
    Internal(&'static str),
}

impl HttpError {
    /// Adds `headers` to a 401, except those that it already has. If its `Set-Cookie` headers would become too long, it
    /// adds none: the next 401 sends them, when the first cookies are removed.
    pub(crate) fn removing(mut self, mut headers: Vec<(&'static str, String)>) -> Self {
        if let Self::Unauthorized { removal, .. } = &mut self {
            headers.retain(|header| !removal.contains(header));
            let all = removal.iter().chain(&headers);
            let cookies = all.filter(|(name, _value)| *name == SET_COOKIE);
            let bytes: usize = cookies.map(|(_name, value)| set_cookie_bytes(value)).sum();
            if removal.is_empty() || bytes <= MAX_SET_COOKIE_BYTES {
                removal.append(&mut headers);
            }
        }
        self
    }

    /// The answer to the client. A 5xx is logged with its cause under a correlation id, which the client gets as
    /// `X-Correlation-Id`. The log line has nothing about the request; add a span around the request for that. Every
    /// answer is `no-store`, because its reason may be about the user.
    #[must_use]
    pub fn into_response(self) -> Response {
        let response = match self {
            Self::BadRequest => bare(400, "Bad Request"),
            Self::Code(code) => Response::json(400, &json!({ "detail": code })),
            Self::Password(code, reason) => {
                Response::json(400, &json!({ "detail": { "code": code, "reason": reason } }))
            }
            Self::Unauthorized { bearer, removal } => {
                let mut response = bare(401, "Unauthorized");
                response.headers = removal;
                if bearer {
                    response = response.header("www-authenticate", "Bearer");
                }
                response
            }
            Self::Forbidden => bare(403, "Forbidden"),
            Self::NotFound => bare(404, "Not Found"),
            Self::MethodNotAllowed => bare(405, "Method Not Allowed"),
            Self::Conflict => bare(409, "Conflict"),
            Self::RequestTimeout => bare(408, "Request Timeout").header("connection", "close"),
            Self::PayloadTooLarge => bare(413, "Payload Too Large"),
            Self::Unprocessable(errors) => Response::json(422, &json!({ "detail": errors })),
            Self::Unavailable(error) => unavailable(&error),
            Self::AfterRegistration(error) => internal(&error.to_string()),
            Self::Internal(cause) => internal(cause),
        };
        response.no_store()
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<AfterRegistrationError> for HttpError {
    fn from(error: AfterRegistrationError) -> Self {
        Self::AfterRegistration(error)
    }
}

impl From<VetoError> for HttpError {
    fn from(error: VetoError) -> Self {
        match error {
            VetoError::Refused(_) => Self::Forbidden,
            VetoError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<&ProfileError> for FieldError {
    fn from(error: &ProfileError) -> Self {
        Self {
            kind: error.kind(),
            loc: error.path().to_vec(),
            msg: error.message().to_owned(),
        }
    }
}

impl From<CreateUserError> for HttpError {
    fn from(error: CreateUserError) -> Self {
        match error {
            CreateUserError::InvalidPassword(reason) => {
                Self::Password(ErrorCode::RegisterInvalidPassword, reason)
            }
            CreateUserError::EmailTaken => Self::Code(ErrorCode::RegisterUserAlreadyExists),
            CreateUserError::ProfileTaken => Self::Code(ErrorCode::RegisterProfileAlreadyExists),
            CreateUserError::InvalidProfile(error) => Self::Unprocessable(vec![FieldError::from(&error)]),
            CreateUserError::Veto(error) => error.into(),
            CreateUserError::AfterRegistration(error) => error.into(),
            CreateUserError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<AuthenticateError> for HttpError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::BadCredentials(_) => Self::Code(ErrorCode::LoginBadCredentials),
            AuthenticateError::NotVerified => Self::Code(ErrorCode::LoginUserNotVerified),
            AuthenticateError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<VerifyError> for HttpError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::BadToken => Self::Code(ErrorCode::VerifyUserBadToken),
            VerifyError::AlreadyVerified => Self::Code(ErrorCode::VerifyUserAlreadyVerified),
            VerifyError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<OneTimeTokenError> for HttpError {
    fn from(error: OneTimeTokenError) -> Self {
        match error {
            OneTimeTokenError::BadToken => Self::BadRequest,
            OneTimeTokenError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<ResetPasswordError> for HttpError {
    fn from(error: ResetPasswordError) -> Self {
        match error {
            ResetPasswordError::BadToken => Self::Code(ErrorCode::ResetPasswordBadToken),
            ResetPasswordError::InvalidPassword(reason) => {
                Self::Password(ErrorCode::ResetPasswordInvalidPassword, reason)
            }
            ResetPasswordError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<UpdateError> for HttpError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::InvalidPassword(reason) => {
                Self::Password(ErrorCode::UpdateUserInvalidPassword, reason)
            }
            UpdateError::EmailTaken => Self::Code(ErrorCode::UpdateUserEmailAlreadyExists),
            UpdateError::ProfileTaken => Self::Code(ErrorCode::UpdateUserProfileAlreadyExists),
            UpdateError::InvalidProfile(error) => Self::Unprocessable(vec![FieldError::from(&error)]),
            UpdateError::LossyProfile => Self::Internal("a part of the profile would be lost"),
            UpdateError::NotFound => Self::NotFound,
            UpdateError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<SetRolesError> for HttpError {
    fn from(error: SetRolesError) -> Self {
        match error {
            SetRolesError::Undefined { index } => {
                Self::Unprocessable(vec![FieldError::undefined_role(index)])
            }
            SetRolesError::TooMany => Self::Unprocessable(vec![FieldError::too_many_roles()]),
            SetRolesError::NotFound => Self::NotFound,
            SetRolesError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

impl From<DeleteUserError> for HttpError {
    fn from(error: DeleteUserError) -> Self {
        match error {
            DeleteUserError::NotFound => Self::NotFound,
            DeleteUserError::Veto(error) => error.into(),
            DeleteUserError::Unavailable(error) => error.into(),
            error => unknown(error),
        }
    }
}

/// The answer to an error that only a later version of auth-users has.
fn unknown(error: impl Error + Send + Sync + 'static) -> HttpError {
    StoreError::internal("auth-users", error).into()
}

fn bare(status: u16, detail: &str) -> Response {
    Response::json(status, &json!({ "detail": detail }))
}

fn correlated(status: u16, detail: &str, id: Uuid) -> Response {
    bare(status, detail).header("x-correlation-id", id.to_string())
}

fn unavailable(error: &StoreError) -> Response {
    let (id, kind) = (Uuid::new_v4(), error.kind());
    let cause = error.to_string();
    tracing::error!(target: "portcullis::http", correlation_id = %id, origin = error.origin(), %kind, ?cause, "a request failed");
    if let StoreErrorKind::InvalidData | StoreErrorKind::Internal = kind {
        return internal_server_error(id);
    }
    let wait = error.retry_after().unwrap_or(LEAST_WAIT).max(LEAST_WAIT);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    correlated(503, "Service Unavailable", id).header("retry-after", seconds.to_string())
}

pub(crate) fn internal(cause: &str) -> Response {
    let id = Uuid::new_v4();
    tracing::error!(target: "portcullis::http", correlation_id = %id, ?cause, "a request failed");
    internal_server_error(id)
}

fn internal_server_error(id: Uuid) -> Response {
    correlated(500, "Internal Server Error", id).no_store()
}

#[cfg(test)]
mod tests;
