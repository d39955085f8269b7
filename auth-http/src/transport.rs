//! Transports: how a credential travels.

mod bearer;
mod cookie;

pub use bearer::BearerTransport;
pub use cookie::{CookieBuilder, CookieTransport, MaxAge, SameSite};
pub(crate) use cookie::{is_domain_byte, is_path_byte};

use std::fmt;

use auth_core::{Issued, IssuedToken, Rejection};

use crate::{HttpError, RequestHead, Response};

/// The white space allowed around a header's value (RFC 9110 §5.6.3). Any other belongs to the value: a browser does
/// not bind a cookie called `\u{2000}__Host-name` to the host, so it must not be taken for one that is bound.
pub(crate) const OWS: [char; 2] = [' ', '\t'];

/// Carries a credential between a client and the service.
#[diagnostic::on_unimplemented(
    message = "`{Self}` carries no credentials",
    label = "no `Transport`",
    note = "the second argument of an `AuthBackend` is its transport, `BearerTransport` or `CookieTransport`; the third is its strategy"
)]
pub trait Transport: Send + Sync {
    /// The way in which clients send it, also for the check against cross-site requests.
    fn scheme(&self) -> Scheme<'_>;

    /// Extracts the credential of `slot` from the head of a request.
    fn extract<'a>(&self, slot: Slot, head: &'a dyn RequestHead) -> Presented<'a>;

    /// The answer that gives the client the `issued` credentials. A cookie without a path gets one: that of the service, or for
    /// the refresh token that of the backend.
    ///
    /// # Errors
    /// [`HttpError::Internal`] if the transport cannot carry it.
    fn deliver(&self, issued: &Issued) -> Result<Response, HttpError>;

    /// The answer that makes the client forget its credential of `slot`, if the transport can.
    fn clear(&self, slot: Slot) -> Response;
}

/// The two credentials that a client can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The one that it presents with each request.
    Access,
    /// The one that it exchanges for the next pair. A Bearer client sends it in a body, never in the head.
    Refresh,
}

/// How a client sends a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme<'a> {
    /// In the `Authorization` header, which the client adds itself.
    Bearer,
    /// In the cookie of this name. A browser adds it by itself, so cross-site requests must be refused.
    Cookie(&'a str),
}

/// The credential that a request presents to a transport.
#[derive(Clone, Copy)]
pub enum Presented<'a> {
    /// No credential of this transport.
    Nothing,
    /// One credential.
    Token(&'a str),
    /// Something that cannot be a credential of this transport.
    Invalid(Rejection),
}

impl fmt::Debug for Presented<'_> {
    /// Prints no token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Token(_) => f.write_str("Token([REDACTED])"),
            Self::Invalid(rejection) => f.debug_tuple("Invalid").field(rejection).finish(),
        }
    }
}

/// The seconds for which a client keeps `token`, rounded up: if a browser dropped its cookie too early, it would end a session
/// that is still valid.
fn whole_lifetime(token: &IssuedToken) -> Option<i64> {
    // A log-in in its last second can have a token that has already ended.
    let lifetime = (token.expires_at? - token.issued_at).max(time::Duration::ZERO);
    Some(lifetime.whole_seconds() + i64::from(lifetime.subsec_nanoseconds() > 0))
}

/// A [`Presented`] with its token, for tests.
#[cfg(test)]
fn seen(presented: Presented<'_>) -> String {
    match presented {
        Presented::Token(token) => format!("Token({token:?})"),
        other => format!("{other:?}"),
    }
}
