//! Cross-site request forgery.

use auth_core::ConfigError;

use crate::{
    RequestHead,
    request::{Header, header, is_safe},
};

/// Tells cross-site requests apart by what the browser says of them, for requests that carry a cookie.
///
/// A safe method passes. Otherwise a request passes if its `Origin` is a trusted one, or its `Sec-Fetch-Site` is
/// `same-origin` or `none`, or, where that header is absent, its `Origin` has the authority of the request itself.
/// Where both headers are absent the client is no browser, and passes.
///
/// Sources: W3C Fetch Metadata; RFC 6454; OWASP's cheat sheet on cross-site request forgery.
#[derive(Clone, Debug, Default)]
pub struct CsrfPolicy {
    trusted: Vec<String>,
}

impl CsrfPolicy {
    /// Only the service's own origin is trusted.
    #[must_use]
    pub fn same_origin() -> Self {
        Self::default()
    }

    /// Trusts pages of `origin` too, say `https://app.example.com`.
    ///
    /// # Errors
    /// [`ConfigError`] if `origin` is not a scheme and an authority in lower case, without a path.
    pub fn trust(mut self, origin: impl Into<String>) -> Result<Self, ConfigError> {
        let origin = origin.into();
        let valid = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"))
            .is_some_and(|authority| !authority.is_empty() && authority.bytes().all(is_authority_byte));
        if !valid {
            return Err(ConfigError::new(
                "csrf.trusted_origin",
                format_args!(
                    "{origin:?} is not of the form `https://host` or `https://host:port` in lower case"
                ),
            ));
        }
        self.trusted.push(origin);
        Ok(self)
    }

    /// Whether the request may act on a credential that the browser added by itself.
    #[must_use]
    pub fn allows(&self, head: &dyn RequestHead) -> bool {
        if is_safe(head) {
            return true;
        }
        let origin = header(head, "origin");
        if let Header::One(origin) = &origin
            && self.trusted.iter().any(|trusted| trusted.as_bytes() == *origin)
        {
            return true;
        }
        match header(head, "sec-fetch-site") {
            Header::One(site) => site == b"same-origin" || site == b"none",
            Header::Many => false,
            Header::Absent => match origin {
                Header::Absent => true,
                Header::Many => false,
                Header::One(origin) => authority(origin).is_some_and(|authority| {
                    head.host()
                        .is_some_and(|host| host.eq_ignore_ascii_case(authority))
                }),
            },
        }
    }
}

fn is_authority_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte)
}

fn authority(origin: &[u8]) -> Option<&str> {
    let (_scheme, authority) = std::str::from_utf8(origin).ok()?.split_once("://")?;
    Some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::test_head::Head;

    fn allows(method: &'static str, headers: &[(&'static str, &str)]) -> bool {
        let mut headers = headers.to_vec();
        headers.push(("host", "app.example.com"));
        let policy = CsrfPolicy::same_origin()
            .trust("https://friend.example")
            .expect("origin");
        policy.allows(&Head::new(method, &headers))
    }

    #[test]
    fn x1_an_unsafe_request_passes_only_from_the_same_or_a_trusted_origin() {
        for (expected, headers) in [
            (true, &[][..]),
            (true, &[("sec-fetch-site", "same-origin")]),
            (true, &[("sec-fetch-site", "none")]),
            (false, &[("sec-fetch-site", "same-site")]),
            (false, &[("sec-fetch-site", "cross-site")]),
            (false, &[("sec-fetch-site", "")]),
            (
                false,
                &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")],
            ),
            (
                false,
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://app.example.com"),
                ],
            ),
            (
                true,
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://friend.example"),
                ],
            ),
            (true, &[("origin", "https://app.example.com")]),
            (true, &[("origin", "https://friend.example")]),
            (false, &[("origin", "https://evil.example")]),
            (false, &[("origin", "https://app.example.com.evil.example")]),
            (false, &[("origin", "https://friend.example:8443")]),
            (false, &[("origin", "null")]),
            (false, &[("origin", "")]),
            (
                false,
                &[
                    ("origin", "https://app.example.com"),
                    ("origin", "https://evil.example"),
                ],
            ),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "post", "BREW"] {
                assert_eq!(allows(method, headers), expected, "{method} {headers:?}");
            }
        }
    }

    #[test]
    fn a_safe_method_passes_from_anywhere() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(allows(
                method,
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://evil.example")
                ]
            ));
        }
    }

    #[test]
    fn a_trusted_origin_that_is_none_is_refused_at_start() {
        for origin in [
            "",
            "*",
            "null",
            "example.com",
            "https://",
            "https://a.example/",
            "https://A.example",
        ] {
            let error = CsrfPolicy::same_origin().trust(origin).expect_err(origin);
            assert_eq!(error.setting(), "csrf.trusted_origin");
        }
    }
}
