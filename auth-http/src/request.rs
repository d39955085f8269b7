//! The parts of a request that the library reads.

use std::{borrow::Cow, net::IpAddr};

/// The head of a request, as a binding to a framework presents it.
pub trait RequestHead {
    /// The method, in upper case.
    fn method(&self) -> &str;

    /// The target of the request.
    fn target(&self) -> Target<'_>;

    /// The path at which the routes of the library are mounted, as this request asks for it: `/api` if `/auth/web/login` is
    /// `/api/auth/web/login` here, and empty if nothing is in front. `None` if the binding cannot tell.
    ///
    /// It is only asked for if no [public URL](crate::EndpointsBuilder::public_url) is configured, when a refresh token goes to
    /// a browser: the cookie is for `/api/auth/web`.
    fn mount(&self) -> Option<String>;

    /// The address of the peer, which is the last proxy if the request came through one.
    fn peer(&self) -> Option<IpAddr>;

    /// Calls `each` with the value of every header called `name` (given in lower case), in their order.
    fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8]));
}

/// The target of a request, as the service itself knows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target<'a> {
    /// True if the connection to this process uses TLS.
    pub is_tls: bool,
    /// The authority that the client asked for: `Host`, or `:authority` in HTTP/2.
    pub host: Option<&'a str>,
    /// The path, without the query.
    pub path: &'a str,
    /// The route of the path, for the log: a pattern such as `/invitations/{token}`, because a path can contain a secret.
    pub route: Option<Cow<'a, str>>,
}

impl<'a> Target<'a> {
    /// A request for `path` with an unknown route.
    ///
    /// # Security
    /// Take `is_tls` and `host` from the connection and from `Host` or `:authority`. Never take them from `Forwarded` or
    /// an `X-Forwarded-…` header, which any client can send. For a service behind a proxy, set
    /// [`EndpointsBuilder::public_url`](crate::EndpointsBuilder::public_url).
    #[must_use]
    pub fn new(is_tls: bool, host: Option<&'a str>, path: &'a str) -> Self {
        Self {
            is_tls,
            host,
            path,
            route: None,
        }
    }

    /// Sets the pattern of its route.
    #[must_use]
    pub fn by_route(mut self, pattern: impl Into<Cow<'a, str>>) -> Self {
        self.route = Some(pattern.into());
        self
    }
}

/// The values of a header that should occur at most once.
pub(crate) enum Header<'a> {
    Absent,
    One(&'a [u8]),
    Many,
}

pub(crate) fn header<'a>(head: &'a (impl RequestHead + ?Sized), name: &'static str) -> Header<'a> {
    let mut found = Header::Absent;
    head.headers(name, &mut |value| {
        found = match found {
            Header::Absent => Header::One(value),
            Header::One(_) | Header::Many => Header::Many,
        };
    });
    found
}

/// Calls `each` with the value of every cookie called `name`.
pub(crate) fn each_cookie<'a>(
    name: &str,
    head: &'a (impl RequestHead + ?Sized),
    each: &mut dyn FnMut(&'a [u8]),
) {
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

/// The text without the white space of HTTP around it: see [`OWS`](crate::transport::OWS).
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// True if the request must not change anything: its method is safe (RFC 9110 §9.2.1), and it does not open another
/// protocol, in which later data could change something.
pub(crate) fn is_safe(head: &(impl RequestHead + ?Sized)) -> bool {
    has_safe_method(head) && matches!(header(head, "upgrade"), Header::Absent)
}

/// True if the request opens a WebSocket, by `Upgrade` (RFC 6455 §4.1), or by `CONNECT` in HTTP/2 and later (RFC 8441).
/// A page cannot add a header to such a request.
pub(crate) fn is_handshake(head: &(impl RequestHead + ?Sized)) -> bool {
    head.method() == "CONNECT" || (has_safe_method(head) && !is_safe(head))
}

fn has_safe_method(head: &(impl RequestHead + ?Sized)) -> bool {
    matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

#[cfg(test)]
mod tests {
    use super::{test_head::Head, *};

    #[test]
    fn x4_a_request_for_another_protocol_is_no_safe_one() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(is_safe(&Head::new(method, &[])), "{method}");
            for upgrade in [
                &[("upgrade", "websocket")][..],
                &[("upgrade", "WebSocket")],
                &[("upgrade", "h2c, websocket")],
                &[("upgrade", "h2c"), ("upgrade", "websocket")],
                &[("upgrade", "")],
            ] {
                let head = Head::new(method, upgrade);
                assert!(!is_safe(&head) && is_handshake(&head), "{method} {upgrade:?}");
            }
        }
        let extended = Head::new("CONNECT", &[]);
        assert!(!is_safe(&extended) && is_handshake(&extended));
        let post = Head::new("POST", &[("upgrade", "websocket")]);
        assert!(!is_safe(&post) && !is_handshake(&post));
    }
}

#[cfg(test)]
#[allow(dead_code, reason = "test programs use the rest")]
#[path = "../tests/fixture/head.rs"]
pub(crate) mod test_head;
