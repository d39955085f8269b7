//! How the id of a session travels.

use std::time::Duration;

use auth_core::{ConfigError, ExposeSecret as _, Issued, IssuedToken, SecretString};
use time::OffsetDateTime;

use crate::{
    CookieTransport, HttpError, Presented, RequestHead, Response, Slot, Transport as _,
    request::{Header, header},
    response_cookies::with_companion,
};

/// Headers that mean something else.
const TAKEN: &[&str] = &[
    "accept",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "host",
    "location",
    "origin",
    "referer",
    "set-cookie",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "www-authenticate",
    "x-access-token",
    "x-csrf-token",
    "x-refresh-token",
];

/// How the id of a session travels: in a cookie, or in a header of its own.
#[derive(Clone, Debug)]
pub struct SessionTransport(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cookie(CookieTransport),
    Header(&'static str),
}

impl SessionTransport {
    /// In `cookie`. The default is `__Host-ssid; Secure; HttpOnly; SameSite=Lax; Path=/`, kept until the session ends at
    /// the latest.
    #[must_use]
    pub fn cookie(cookie: CookieTransport) -> Self {
        Self(Kind::Cookie(cookie))
    }

    /// In the header `name` of requests and answers, for example `X-Session-Id`. For clients that are no browsers, and
    /// for pages of another origin: those also need [CORS](https://fetch.spec.whatwg.org/#http-access-control-expose-headers)
    /// with the header allowed and exposed.
    ///
    /// # Errors
    /// [`ConfigError`] naming `session header` if `name` is no name of a header, or one that means something else.
    pub fn header(name: &str) -> Result<Self, ConfigError> {
        let lower = name.to_ascii_lowercase();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let problem = if lower.is_empty() || lower.len() > 256 || !lower.bytes().all(is_name) {
            "is not 1 to 256 bytes of an HTTP token, such as `X-Session-Id`"
        } else if TAKEN.contains(&&*lower) {
            "means something else in HTTP: take one such as `X-Session-Id`"
        } else {
            // Once for each header of the configuration.
            return Ok(Self(Kind::Header(lower.leak())));
        };
        Err(ConfigError::new(
            "session header",
            format_args!("{name:?} {problem}"),
        ))
    }

    /// The name of the cookie or, in lower case, of the header.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Cookie(cookie) => cookie.name(),
            Kind::Header(name) => name,
        }
    }

    /// The names of its cookies, with that of a [double submit](crate::CsrfPolicy::double_submit). None if a header carries the
    /// id.
    pub fn cookies(&self) -> impl Iterator<Item = String> {
        let cookie = self.is_cookie().then(|| self.name().to_owned());
        cookie.into_iter().flat_map(with_companion)
    }

    /// True if a browser adds the id by itself, so that cross-site requests must be refused.
    #[must_use]
    pub fn is_cookie(&self) -> bool {
        matches!(self.0, Kind::Cookie(_))
    }

    /// The fixed time after which the client drops the id, however long the session lasts.
    pub(super) fn fixed_age(&self) -> Option<Duration> {
        match &self.0 {
            Kind::Cookie(cookie) => cookie.fixed_age(),
            Kind::Header(_) => None,
        }
    }

    /// The id that a request presents. Two are as none, because nobody can tell which is the service's own.
    pub(super) fn extract(&self, head: &dyn RequestHead) -> Option<SecretString> {
        let presented = match &self.0 {
            Kind::Cookie(cookie) => match cookie.extract(Slot::Access, head) {
                Presented::Token(id) => id,
                Presented::Nothing | Presented::Invalid(_) => return None,
            },
            Kind::Header(name) => match header(head, name) {
                Header::One(value) => std::str::from_utf8(value).ok()?,
                Header::Absent | Header::Many => return None,
            },
        };
        Some(presented.to_owned().into())
    }

    /// The headers that give the client the `id` of a session that ends at `end` at the latest.
    pub(super) fn deliver(
        &self,
        id: &SecretString,
        now: OffsetDateTime,
        end: Option<OffsetDateTime>,
    ) -> Result<Response, HttpError> {
        match &self.0 {
            Kind::Cookie(cookie) => cookie.deliver(&Issued::new(IssuedToken::new(id.clone(), now, end))),
            Kind::Header(name) => Ok(Response::empty(204).no_store().header(name, id.expose_secret())),
        }
    }

    /// The headers that make the client forget its id, if there are any.
    pub(super) fn clear(&self) -> Response {
        match &self.0 {
            Kind::Cookie(cookie) => cookie.clear(Slot::Access),
            Kind::Header(_) => Response::empty(204),
        }
    }
}

impl Default for SessionTransport {
    fn default() -> Self {
        let cookie = CookieTransport::builder().name("__Host-ssid").build();
        Self::cookie(cookie.unwrap_or_else(|_| unreachable!("a valid name and the secure defaults")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::test_head::Head;

    fn presented(transport: &SessionTransport, headers: &[(&'static str, &str)]) -> Option<String> {
        let id = transport.extract(&Head::new("GET", headers))?;
        Some(id.expose_secret().to_owned())
    }

    #[test]
    fn t3_two_ids_are_as_none() {
        let cookie = SessionTransport::default();
        let header = SessionTransport::header("X-Session-Id").expect("a header");
        assert_eq!(
            presented(&cookie, &[("cookie", "a=b; __Host-ssid=x")]).as_deref(),
            Some("x")
        );
        assert_eq!(presented(&header, &[("x-session-id", "x")]).as_deref(), Some("x"));
        assert_eq!(
            presented(&cookie, &[("cookie", "__Host-ssid=x; __Host-ssid=y")]),
            None
        );
        assert_eq!(
            presented(&header, &[("x-session-id", "x"), ("x-session-id", "x")]),
            None
        );
        assert_eq!(presented(&cookie, &[("x-session-id", "x")]), None);
        assert_eq!(
            presented(&header, &[("cookie", "__Host-ssid=x; x-session-id=x")]),
            None
        );
    }

    #[test]
    fn a_header_that_cannot_carry_an_id_is_refused_and_named() {
        for name in [
            "",
            "X Session",
            "Set-Cookie",
            "authorization",
            "X-É",
            "X-CSRF-Token",
            "X-Access-Token",
            "a\r\nb",
        ] {
            let error = SessionTransport::header(name).expect_err(name);
            assert_eq!(error.setting(), "session header");
        }
    }
}
