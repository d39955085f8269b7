use std::time::Duration;

use auth_core::{ExposeSecret as _, Issued, Rejection};
use cookie::Cookie;

mod builder;
mod strays;

use strays::strays;

use super::{
    Presented, Scheme, Slot, Transport,
    double_submit::{self, DoubleSubmit},
};
use crate::{
    HttpError, RequestHead, Response,
    response::{MAX_SET_COOKIE_BYTES, SET_COOKIE, set_cookie_bytes},
};

pub use builder::CookieBuilder;
pub use cookie::SameSite;

/// RFC 6265bis §5.6: a browser drops a cookie whose name and value are longer together.
const MAX_COOKIE_BYTES: usize = 4096;

/// How many cookies of others one answer removes, so that a user who logs in again is not sent dozens of headers.
const MAX_REMOVALS: usize = 16;

/// A cookie. By default `__Host-portcullis; HttpOnly; SameSite=Lax; Secure; Path=/` without a domain, living as long
/// as the token in it.
///
/// # Security
/// Keep the prefix `__Host-` in the name. Cookies are not kept apart by port, and those for a domain not by host: without
/// the prefix, any other service of the host or of a sibling host can set a second cookie of the same name, under another
/// path or domain. A request with two is 401, since nobody can tell which is ours. A browser lets nobody set a `__Host-`
/// cookie but the host itself over HTTPS, for the path `/` (RFC 6265bis §4.1.3.2).
///
/// Without the prefix, that 401 removes the cookies of the name that can have come with its request, ours included. They
/// are those for the paths above it, of the host and of the domains above the host. A log-in removes them before it sets
/// ours. The user has to log in once more, and again after each visit to the other service. The log of the 401 names the
/// cookie.
///
/// With a [double submit](CookieBuilder::double_submit), a page that reads another service's `NAME-csrf` gets 403 for
/// unsafe requests. The next log-in that receives such a cookie removes it. So does a log-out or a 401 that receives two
/// of the name and removes ours.
///
/// One answer removes at most 16 cookies of others. Its `Set-Cookie` headers come to at most 2 KiB, ours included, unless
/// ours alone are longer: a proxy such as nginx answers 502 if the head of an answer is longer than 4 KiB. The likeliest
/// come first: those for our own path, for `/` and for short paths, of the host, and of the shortest domain above it. A
/// cookie that is left has to be removed by the service that set it.
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

impl CookieTransport {
    /// A builder that starts from the secure defaults.
    #[must_use]
    pub fn builder() -> CookieBuilder {
        CookieBuilder::new()
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cookie of the credential and, if a page has to confirm its requests, the one that it reads for that. If the
    /// request brought as many cookies of a name as `suspicious`, the others of that name are removed.
    fn response(
        &self,
        credential: &str,
        max_age: Option<time::Duration>,
        head: &dyn RequestHead,
        suspicious: usize,
    ) -> Response {
        let mut names = vec![(self.name.clone(), self.http_only)];
        let mut ours = vec![self.cookie(&self.name, credential, self.http_only, max_age)];
        if let Some(double_submit) = &self.double_submit {
            let token = if credential.is_empty() {
                String::new()
            } else {
                double_submit.token(credential)
            };
            let name = format!("{}-csrf", self.name);
            ours.push(self.cookie(&name, &token, false, max_age));
            names.push((name, false));
        }
        names.retain(|(name, _http_only)| {
            let mut sent = 0;
            each_sent(name, head, &mut |_value| sent += 1);
            sent >= suspicious && !self.has_prefix("__Host-")
        });
        // They come first: to some clients a cookie for a domain is the one of the host of that name.
        let cookies = self.removals(&names, head, &ours).into_iter().chain(ours);
        cookies.fold(Response::empty(204).no_store(), |response, cookie| {
            response.header(SET_COOKIE, cookie)
        })
    }

    /// Removes the cookies of `names` that somebody else may have set, the likeliest first, as many as fit into an answer
    /// with `ours`.
    fn removals(&self, names: &[(String, bool)], head: &dyn RequestHead, ours: &[String]) -> Vec<String> {
        if names.is_empty() {
            return Vec::new();
        }
        let target = head.target();
        let is_ours = |place: &(&str, Option<&str>)| *place == (&*self.path, self.domain.as_deref());
        let places = strays(&target, &self.path)
            .into_iter()
            .filter(|place| !is_ours(place));
        let removals = places.flat_map(|(path, domain)| {
            let stray = Self {
                path: path.to_owned(),
                domain: domain.map(str::to_owned),
                ..self.clone()
            };
            let remove = move |(name, http_only): &(String, bool)| {
                stray.cookie(name, "", *http_only, Some(time::Duration::ZERO))
            };
            names.iter().map(remove)
        });
        let mut bytes: usize = ours.iter().map(|cookie| set_cookie_bytes(cookie)).sum();
        let fits = |removal: &String| {
            bytes += set_cookie_bytes(removal);
            bytes <= MAX_SET_COOKIE_BYTES
        };
        removals.take(MAX_REMOVALS).take_while(fits).collect()
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

impl Transport for CookieTransport {
    fn scheme(&self) -> Scheme<'_> {
        Scheme::Cookie(&self.name)
    }

    fn extract<'a>(&self, slot: Slot, head: &'a dyn RequestHead) -> Presented<'a> {
        if slot == Slot::Refresh {
            return Presented::Nothing;
        }
        let mut presented = Presented::Nothing;
        each_sent(&self.name, head, &mut |value| {
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

    fn confirms(&self, head: &dyn RequestHead, credential: &str) -> bool {
        self.double_submit
            .as_ref()
            .is_none_or(|double_submit| double_submit.confirms(head, credential))
    }

    fn confirmation(&self) -> Option<&str> {
        self.double_submit.as_ref().map(|_| double_submit::HEADER)
    }

    fn deliver(&self, issued: &Issued, head: &dyn RequestHead) -> Result<Response, HttpError> {
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
        // Any cookie of the name may be another than the one that is set now: the two would shut the user out.
        Ok(self.response(value, max_age, head, 1))
    }

    fn clear(&self, head: &dyn RequestHead) -> Response {
        self.response("", Some(time::Duration::ZERO), head, 2)
    }
}

/// Calls `each` with the value of every cookie called `name`.
fn each_sent<'a>(name: &str, head: &'a dyn RequestHead, each: &mut dyn FnMut(&'a [u8])) {
    head.headers("cookie", &mut |header| {
        for pair in header.split(|byte| *byte == b';') {
            let Some(at) = pair.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            if trim(&pair[..at]) == name.as_bytes() {
                each(trim(&pair[at + 1..]));
            }
        }
    });
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

fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

#[cfg(test)]
mod tests;
