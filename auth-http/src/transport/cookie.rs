use std::time::Duration;

use auth_core::{ConfigError, ExposeSecret as _, IssuedToken, Rejection, SigningSecret};
use cookie::Cookie;

mod strays;

use strays::strays;

use super::{
    Presented, Scheme, Transport,
    double_submit::{self, DoubleSubmit},
};
use crate::{HttpError, RequestHead, Response};

pub use cookie::SameSite;

/// RFC 6265bis §5.6: a browser drops a cookie whose name and value are longer together.
const MAX_COOKIE_BYTES: usize = 4096;

/// A cookie. By default `__Host-portcullis; HttpOnly; SameSite=Lax; Secure; Path=/` without a domain, living as long
/// as the token in it.
///
/// # Security
/// Keep the prefix `__Host-` in the name. Cookies are not kept apart by port, and those for a domain not by host: without
/// the prefix, any other service of the host or of a sibling host can set a second cookie of the same name, under another
/// path or domain. A request with two is 401, since nobody can tell which is ours. A browser lets nobody set a `__Host-` cookie but the host itself over HTTPS, for the path `/` (RFC 6265bis
/// §4.1.3.2).
///
/// Without the prefix, that 401 removes every cookie of the name that can have come with its request: those for the paths
/// above it, of the host and of each domain above the host, ours included. A log-in removes them before it sets ours. The
/// user has to log in once more, and again after each visit to the other service. The log of the 401 names the cookie.
#[derive(Clone, Debug)]
pub struct CookieTransport {
    name: String,
    max_age: MaxAge,
    path: String,
    domain: Option<String>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    double_submit: Option<DoubleSubmit>,
}

/// How long a browser keeps the cookie. The server's own expiry decides how long the token in it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxAge {
    /// As long as the token lives; until the browser closes if the token lives for ever.
    Token,
    /// Until the browser closes.
    Session,
    /// For this long, in whole seconds.
    Fixed(Duration),
}

/// Builds a [`CookieTransport`].
#[derive(Clone, Debug)]
pub struct CookieBuilder {
    cookie: CookieTransport,
    insecure: bool,
}

impl CookieTransport {
    /// A builder that starts from the secure defaults.
    #[must_use]
    pub fn builder() -> CookieBuilder {
        CookieBuilder {
            cookie: Self::default(),
            insecure: false,
        }
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cookie of the credential and, if a page has to confirm its requests, the one that it reads for that. If the
    /// request brought as many cookies of the name as `suspicious`, the others are removed.
    fn response(
        &self,
        credential: &str,
        max_age: Option<time::Duration>,
        head: &dyn RequestHead,
        suspicious: usize,
    ) -> Response {
        let mut response = Response::empty(204).no_store();
        let mut sent = 0;
        self.each_sent(head, &mut |_value| sent += 1);
        if sent >= suspicious && !self.has_prefix("__Host-") {
            // They come first: to some clients a cookie for a domain is the one of the host of that name.
            for (path, domain) in strays(&head.target(), &self.path) {
                if (path, domain) != (&*self.path, self.domain.as_deref()) {
                    let stray = Self {
                        path: path.to_owned(),
                        domain: domain.map(str::to_owned),
                        ..self.clone()
                    };
                    let removal = stray.cookie(&self.name, "", self.http_only, Some(time::Duration::ZERO));
                    response = response.header("set-cookie", removal);
                }
            }
        }
        let cookie = self.cookie(&self.name, credential, self.http_only, max_age);
        response = response.header("set-cookie", cookie);
        if let Some(double_submit) = &self.double_submit {
            let token = if credential.is_empty() {
                String::new()
            } else {
                double_submit.token(credential)
            };
            let name = format!("{}-csrf", self.name);
            response = response.header("set-cookie", self.cookie(&name, &token, false, max_age));
        }
        response
    }

    /// Calls `each` with every value under this name.
    fn each_sent<'a>(&self, head: &'a dyn RequestHead, each: &mut dyn FnMut(&'a [u8])) {
        head.headers("cookie", &mut |header| {
            for pair in header.split(|byte| *byte == b';') {
                let Some(at) = pair.iter().position(|byte| *byte == b'=') else {
                    continue;
                };
                if trim(&pair[..at]) == self.name.as_bytes() {
                    each(trim(&pair[at + 1..]));
                }
            }
        });
    }

    fn has_prefix(&self, prefix: &str) -> bool {
        let start = self.name.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }

    fn cookie(&self, name: &str, value: &str, http_only: bool, max_age: Option<time::Duration>) -> String {
        let mut cookie = Cookie::build((name, value))
            .path(self.path.as_str())
            .secure(self.secure)
            .http_only(http_only)
            .same_site(self.same_site);
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(domain.as_str());
        }
        if let Some(max_age) = max_age {
            cookie = cookie.max_age(max_age);
        }
        cookie.build().to_string()
    }
}

impl Default for CookieTransport {
    fn default() -> Self {
        Self {
            name: "__Host-portcullis".to_owned(),
            max_age: MaxAge::Token,
            path: "/".to_owned(),
            domain: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            double_submit: None,
        }
    }
}

impl CookieBuilder {
    /// The name. `__Host-` and `__Secure-` bind a browser to what they say (RFC 6265bis §4.1.3). A name without `__Host-`
    /// can be [shadowed](CookieTransport#security) by another service.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// How long a browser keeps it.
    #[must_use]
    pub fn max_age(mut self, max_age: MaxAge) -> Self {
        self.cookie.max_age = max_age;
        self
    }

    /// The path below which a browser sends it.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = path.into();
        self
    }

    /// The domain whose hosts all get it; without one only the host that set it does.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self
    }

    /// Whether a browser sends it over HTTPS alone.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// Whether scripts of the page cannot read it.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Which cross-site requests carry it.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// Asks unsafe requests for a signed double-submit token, on top of the check of their origin. It is set at log-in in
    /// a second cookie, `NAME-csrf`, which scripts of the page read and send back as `X-CSRF-Token`. Log-in and
    /// registration, which come before it, are checked by their origin alone, and so is a WebSocket handshake, to which a
    /// page cannot add a header.
    #[must_use]
    pub fn double_submit(mut self, secret: &SigningSecret) -> Self {
        self.cookie.double_submit = Some(DoubleSubmit(secret.clone()));
        self
    }

    /// Allows a cookie that is not `Secure` or not `HttpOnly`: for trials over plain HTTP, never in production.
    #[must_use]
    pub fn allow_insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// The transport.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting if a browser would refuse the cookie, or if it is insecure and
    /// [`allow_insecure`](Self::allow_insecure) was not called.
    pub fn build(self) -> Result<CookieTransport, ConfigError> {
        let cookie = self.cookie;
        let error =
            |setting: &str, problem: &str| Err(ConfigError::new(format!("cookie.{setting}"), problem));
        if cookie.name.is_empty() || cookie.name.len() > 256 || !cookie.name.bytes().all(is_token_byte) {
            return error("name", "is not 1 to 256 bytes of an HTTP token");
        }
        if !cookie.path.starts_with('/') || !cookie.path.bytes().all(is_attribute_byte) {
            return error(
                "path",
                "does not start with `/`, or holds a byte that no attribute may",
            );
        }
        if cookie
            .domain
            .as_ref()
            .is_some_and(|d| d.is_empty() || !d.bytes().all(is_domain_byte))
        {
            return error("domain", "is no domain name");
        }
        if cookie.has_prefix("__Host-") && cookie.domain.is_some() {
            return error("domain", "a `__Host-` cookie has none");
        }
        if cookie.has_prefix("__Host-") && cookie.path != "/" {
            return error("path", "a `__Host-` cookie has the path `/`");
        }
        if (cookie.has_prefix("__Host-") || cookie.has_prefix("__Secure-")) && !cookie.secure {
            return error("secure", "a `__Host-` or `__Secure-` cookie must be secure");
        }
        if cookie.same_site == SameSite::None && !cookie.secure {
            return error("secure", "a cookie with SameSite=None must be secure");
        }
        if !cookie.secure && !self.insecure {
            return error("secure", "false without `allow_insecure()`");
        }
        if !cookie.http_only && !self.insecure {
            return error("http_only", "false without `allow_insecure()`");
        }
        if matches!(cookie.max_age, MaxAge::Fixed(span) if span.as_secs() == 0 || span.as_secs() > 400 * 86_400)
        {
            return error(
                "max_age",
                "is not between a second and 400 days (RFC 6265bis §5.5)",
            );
        }
        Ok(cookie)
    }
}

impl Transport for CookieTransport {
    fn scheme(&self) -> Scheme<'_> {
        Scheme::Cookie(&self.name)
    }

    fn extract<'a>(&self, head: &'a dyn RequestHead) -> Presented<'a> {
        let mut presented = Presented::Nothing;
        self.each_sent(head, &mut |value| {
            presented = match (presented, std::str::from_utf8(value)) {
                (Presented::Nothing, Ok(value)) => Presented::Token(value),
                (Presented::Nothing, Err(_)) => Presented::Refused(Rejection::Malformed),
                (Presented::Token(_), _) => Presented::Refused(Rejection::Ambiguous),
                (refused @ Presented::Refused(_), _) => refused,
            };
        });
        match presented {
            Presented::Token("") => Presented::Nothing,
            presented => presented,
        }
    }

    fn confirms(&self, head: &dyn RequestHead, credential: &str) -> bool {
        self.double_submit
            .as_ref()
            .is_none_or(|double_submit| double_submit.confirms(head, credential))
    }

    fn confirmation(&self) -> Option<&str> {
        self.double_submit.as_ref().map(|_| double_submit::HEADER)
    }

    fn log_in(&self, token: &IssuedToken, head: &dyn RequestHead) -> Result<Response, HttpError> {
        let value = token.secret.expose_secret();
        if self.name.len() + value.len() > MAX_COOKIE_BYTES {
            return Err(HttpError::Internal("a token is too long for a cookie"));
        }
        let max_age = match self.max_age {
            MaxAge::Session => None,
            MaxAge::Fixed(span) => time::Duration::try_from(span).ok(),
            MaxAge::Token => token.expires_at.map(|end| whole_seconds(end - token.issued_at)),
        };
        // Any cookie of the name may be another than the one that is set now: the two would shut the user out.
        Ok(self.response(value, max_age, head, 1))
    }

    fn log_out(&self, head: &dyn RequestHead) -> Response {
        self.response("", Some(time::Duration::ZERO), head, 2)
    }
}

/// Rounded up: a browser that lets go of the cookie too early ends a session that the server still knows.
fn whole_seconds(span: time::Duration) -> time::Duration {
    time::Duration::seconds(span.whole_seconds() + i64::from(span.subsec_nanoseconds() > 0))
}

/// See [`OWS`](super::OWS).
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_attribute_byte(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && byte != b';'
}

fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

#[cfg(test)]
mod tests;
