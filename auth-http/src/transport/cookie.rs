use std::time::Duration;

use auth_core::{ExposeSecret as _, Issued, Rejection};
use cookie::Cookie;

mod builder;

use super::{Presented, Scheme, Slot, Transport};
use crate::{HttpError, RequestHead, Response, request::each_cookie, response::SET_COOKIE};

pub use builder::CookieBuilder;
pub use cookie::SameSite;

/// RFC 6265bis §5.6: a browser drops a cookie if name and value together are longer.
const MAX_COOKIE_BYTES: usize = 4096;

/// A cookie. The default is `__Host-portcullis; HttpOnly; SameSite=Lax; Secure; Path=/` without a domain, with the
/// lifetime of the token in it.
///
/// # Security
/// Keep the prefix `__Host-` in the name. A browser then lets only the host itself set the cookie, over HTTPS and for
/// the path `/` (RFC 6265bis §4.1.3.2). Browsers do not separate cookies by port, nor those for a domain by host. So
/// without the prefix, another service on the host or a sibling host can set a second cookie of the same name, under
/// another path or domain. A request with two is a 401, because the service cannot tell which is its own.
///
/// Without the prefix, that 401 removes all cookies of the name that can have come with the request: those for paths
/// above the request's, of the host and of the domains above it. A log-in removes them before it sets its own. The user
/// must log in once more, and again after each visit to the other service. The log of the 401 names the cookie.
///
/// With a [double submit](crate::CsrfPolicy::double_submit), a page that reads another service's `NAME-csrf` gets 403 for
/// unsafe requests. The next log-in that receives such a cookie removes it. So does a log-out or a 401 that receives two
/// of the name and removes ours.
///
/// One answer removes at most 16 cookies of others. All its `Set-Cookie` headers have at most 2 KiB, unless its own
/// cookies are longer: a proxy such as nginx answers 502 if the head of an answer is longer than 4 KiB. The likeliest
/// come first: those for the own path, for `/` and for short paths, of the host, and of the shortest domain above it.
/// Any other cookie must be removed by the service that set it.
#[derive(Clone, Debug)]
pub struct CookieTransport {
    name: String,
    max_age: MaxAge,
    path: Option<String>,
    domain: Option<String>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    partitioned: bool,
}

/// The time for which a browser keeps the cookie. The token in it is valid until the server's own expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxAge {
    /// As long as the token is valid; until the browser closes if the token does not expire.
    Token,
    /// Until the browser closes.
    Session,
    /// For this long, in whole seconds.
    Fixed(Duration),
}

impl CookieTransport {
    /// A builder with the secure defaults.
    #[must_use]
    pub fn builder() -> CookieBuilder {
        CookieBuilder::new()
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The answer that sets the cookie.
    fn response(&self, value: &str, max_age: Option<time::Duration>) -> Response {
        let mut cookie = Cookie::build((self.name.as_str(), value))
            .secure(self.secure)
            .http_only(self.http_only)
            .same_site(self.same_site)
            .partitioned(self.partitioned);
        if let Some(path) = &self.path {
            cookie = cookie.path(path.as_str());
        } else if self.has_prefix("__Host-") {
            cookie = cookie.path("/");
        }
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(domain.as_str());
        }
        if let Some(max_age) = max_age {
            cookie = cookie.max_age(max_age);
        }
        Response::empty(204)
            .no_store()
            .header(SET_COOKIE, cookie.build().to_string())
    }

    fn has_prefix(&self, prefix: &str) -> bool {
        let start = self.name.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }
}

impl Default for CookieTransport {
    fn default() -> Self {
        Self {
            name: "__Host-portcullis".to_owned(),
            max_age: MaxAge::Token,
            path: None,
            domain: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            partitioned: false,
        }
    }
}

impl Transport for CookieTransport {
    fn scheme(&self) -> Scheme<'_> {
        Scheme::Cookie(&self.name)
    }

    fn extract<'a>(&self, slot: Slot, head: &'a dyn RequestHead) -> Presented<'a> {
        if slot == Slot::Refresh {
            return Presented::Nothing;
        }
        let mut presented = Presented::Nothing;
        each_cookie(&self.name, head, &mut |value| {
            presented = match (presented, std::str::from_utf8(value)) {
                (Presented::Nothing, Ok(value)) => Presented::Token(value),
                (Presented::Nothing, Err(_)) => Presented::Invalid(Rejection::Malformed),
                (Presented::Token(_), _) => Presented::Invalid(Rejection::Ambiguous),
                (refused @ Presented::Invalid(_), _) => refused,
            };
        });
        match presented {
            Presented::Token("") => Presented::Nothing,
            presented => presented,
        }
    }

    fn deliver(&self, issued: &Issued) -> Result<Response, HttpError> {
        if issued.refresh.is_some() {
            return Err(HttpError::Internal("a refresh token has no cookie"));
        }
        let token = &issued.access;
        let value = token.secret.expose_secret();
        if self.name.len() + value.len() > MAX_COOKIE_BYTES {
            return Err(HttpError::Internal("a token is too long for a cookie"));
        }
        let max_age = match self.max_age {
            MaxAge::Session => None,
            MaxAge::Fixed(span) => time::Duration::try_from(span).ok(),
            MaxAge::Token => token.expires_at.map(|end| whole_seconds(end - token.issued_at)),
        };
        Ok(self.response(value, max_age))
    }

    fn clear(&self) -> Response {
        self.response("", Some(time::Duration::ZERO))
    }
}

/// Rounded up: if the browser dropped the cookie too early, it would end a session that is still valid.
fn whole_seconds(span: time::Duration) -> time::Duration {
    time::Duration::seconds(span.whole_seconds() + i64::from(span.subsec_nanoseconds() > 0))
}

pub(crate) fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

#[cfg(test)]
mod tests;
