use std::{borrow::Cow, time::Duration};

use auth_core::{ExposeSecret as _, Issued, IssuedToken, Rejection};
use cookie::Cookie;

mod builder;

use super::{Presented, Scheme, Slot, Transport, whole_lifetime};
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
///
/// The cookie of the refresh token cannot have the prefix `__Host-`, which requires the path `/`. So a sibling host, such as
/// `blog.example.com` beside `app.example.com`, can set one of its own for `example.com`, under that name. A user who has no
/// refresh token then continues, with the next refresh, in a log-in that is not theirs (a fixation of the log-in). Neither
/// `Secure` nor a double submit keeps that out. Run nothing on sibling hosts that you do not trust, put what others write on
/// another registrable domain, or use a Bearer transport or a strategy without refresh tokens.
///
/// # Refresh tokens
/// A strategy with refresh tokens gets a second cookie, for example `__Secure-portcullis-refresh`: `__Secure-`, the name
/// without its prefix, and `-refresh`. It is `HttpOnly`, `Secure` and `SameSite=Strict`. A browser sends it to the routes of its
/// backend alone, such as `/auth/web/refresh`, and to the host alone that set it. It keeps it as long as the refresh token
/// is valid, or until it closes if the first cookie is for [that long](MaxAge::Session).
///
/// Two settings of the first cookie change the second one. With [`SameSite::None`], it is `SameSite=None`, too, because a page
/// that is embedded in another site gets no other. If it is not `Secure`, neither is the second one, whose name then has no
/// prefix.
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

    /// The fixed time after which the browser drops it, however long the token in it is valid.
    pub(crate) fn fixed_age(&self) -> Option<Duration> {
        match self.max_age {
            MaxAge::Fixed(span) => Some(Duration::from_secs(span.as_secs())),
            MaxAge::Token | MaxAge::Session => None,
        }
    }

    /// The name of the cookie of `slot`.
    fn name_of(&self, slot: Slot) -> Cow<'_, str> {
        if slot == Slot::Access {
            return Cow::Borrowed(&self.name);
        }
        let prefix = ["__Host-", "__Secure-"]
            .into_iter()
            .find(|prefix| self.has_prefix(prefix));
        let bare = &self.name[prefix.map_or(0, str::len)..];
        let secure = if self.secure { "__Secure-" } else { "" };
        Cow::Owned(format!("{secure}{bare}-refresh"))
    }

    /// The value of the header that sets the cookie of `slot`.
    fn set(&self, slot: Slot, value: &str, max_age: Option<time::Duration>) -> String {
        let mut cookie = Cookie::new(self.name_of(slot), value);
        cookie.set_secure(self.secure);
        cookie.set_partitioned(self.partitioned);
        match slot {
            Slot::Access => {
                cookie.set_http_only(self.http_only);
                cookie.set_same_site(self.same_site);
                if let Some(path) = &self.path {
                    cookie.set_path(path.as_str());
                } else if self.has_prefix("__Host-") {
                    cookie.set_path("/");
                }
                if let Some(domain) = &self.domain {
                    cookie.set_domain(domain.as_str());
                }
            }
            Slot::Refresh => {
                cookie.set_http_only(true);
                cookie.set_same_site(match self.same_site {
                    SameSite::None => SameSite::None,
                    SameSite::Lax | SameSite::Strict => SameSite::Strict,
                });
            }
        }
        if let Some(max_age) = max_age {
            cookie.set_max_age(max_age);
        }
        cookie.to_string()
    }

    /// The value of the header that gives the client the `token` of `slot`.
    ///
    /// # Errors
    /// [`HttpError::Internal`] if a browser would drop it.
    fn carry(&self, slot: Slot, token: &IssuedToken) -> Result<String, HttpError> {
        let value = token.secret.expose_secret();
        if self.name_of(slot).len() + value.len() > MAX_COOKIE_BYTES {
            return Err(HttpError::Internal("a token is too long for a cookie"));
        }
        let max_age = match self.max_age {
            MaxAge::Session => None,
            MaxAge::Fixed(span) if slot == Slot::Access => time::Duration::try_from(span).ok(),
            MaxAge::Fixed(_) | MaxAge::Token => whole_lifetime(token).map(time::Duration::seconds),
        };
        Ok(self.set(slot, value, max_age))
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
        let mut presented = Presented::Nothing;
        each_cookie(&self.name_of(slot), head, &mut |value| {
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
        let mut response = Response::empty(204).no_store();
        response = response.header(SET_COOKIE, self.carry(Slot::Access, &issued.access)?);
        if let Some(refresh) = &issued.refresh {
            response = response.header(SET_COOKIE, self.carry(Slot::Refresh, refresh)?);
        }
        Ok(response)
    }

    fn clear(&self, slot: Slot) -> Response {
        let removal = self.set(slot, "", Some(time::Duration::ZERO));
        Response::empty(204).no_store().header(SET_COOKIE, removal)
    }
}

/// True if a path with it can be an attribute of a cookie.
pub(crate) fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte)
}

pub(crate) fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

#[cfg(test)]
mod tests;
