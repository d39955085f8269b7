//! How a credential travels.

mod bearer;
mod cookie;
mod double_submit;

pub use bearer::BearerTransport;
pub use cookie::{CookieBuilder, CookieTransport, MaxAge, SameSite};

use auth_core::{IssuedToken, Rejection};

use crate::{HttpError, RequestHead, Response};

/// Carries a credential between a client and the service.
pub trait Transport: Send + Sync {
    /// What sort of credential it is, for clients and for the check against cross-site requests.
    fn scheme(&self) -> Scheme<'_>;

    /// Takes the credential out of a request.
    fn extract<'a>(&self, head: &'a dyn RequestHead) -> Presented<'a>;

    /// Whether the page that sends an unsafe request shows that it may act on `credential`, where the transport asks for
    /// more than the request's origin. One that asks for nothing more says `true`.
    fn confirms(&self, head: &dyn RequestHead, credential: &str) -> bool;

    /// Hands an issued `token` to the client.
    ///
    /// # Errors
    /// [`HttpError::Internal`] if the transport cannot carry the token.
    fn log_in(&self, token: &IssuedToken) -> Result<Response, HttpError>;

    /// Tells the client that its credential is gone.
    fn log_out(&self) -> Response;
}

/// What sort of credential a transport carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// In the `Authorization` header, by the client's own doing.
    Bearer,
    /// In the cookie of this name, which a browser adds by itself: cross-site requests must be told apart.
    Cookie(&'a str),
}

/// What a request presents to a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No credential of this transport.
    Nothing,
    /// One credential.
    Token(&'a str),
    /// Something that cannot be a credential of this transport.
    Refused(Rejection),
}
