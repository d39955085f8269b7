//! The URL at which clients reach the service.

use std::{fmt, net::IpAddr};

use auth_core::ConfigError;
use url::{Host, Url};

use crate::origin::Origin;

/// The origin and path at which clients reach a service: `https://example.com` or `https://example.com/api`. The
/// service cannot know them by itself, because a proxy may end TLS, rewrite `Host` or strip the path.
///
/// ```
/// use portcullis::http::PublicUrl;
///
/// let url = PublicUrl::parse("https://example.com/api/")?;
/// assert_eq!(url.as_str(), "https://example.com/api");
/// assert_eq!(url.join("/verify"), "https://example.com/api/verify");
/// # assert!(PublicUrl::parse("example.com").is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Without a slash at its end.
    url: String,
    origin: Origin,
    is_secure: bool,
}

impl PublicUrl {
    /// The URL in `text`. A slash at its end and the default port are ignored.
    ///
    /// # Errors
    /// [`ConfigError`] naming `public_url` and what to write if `text` is not an absolute `http` or `https` URL, or has
    /// a user name, a password, a query, a fragment, or a path that is not like `/api`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parsed(text).map_err(|problem| ConfigError::new("public_url", problem))
    }

    fn parsed(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "write the URL that clients use, such as \"https://example.com\" or \"https://example.com/api\"";
        let is_plain =
            |character: char| !character.is_whitespace() && !character.is_control() && character != '\\';
        if !text.chars().all(is_plain) {
            return Err(format!("it has white space or a `\\` in it: {FORM}"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("{text:?} is not an absolute URL: {FORM}"));
        };
        let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error}): {FORM}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            // Not repeated, because it may be a secret.
            return Err(format!(
                "it has a user name or a password in it, which no client may know: {FORM}"
            ));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "{scheme:?} is not `http` or `https`: write \"https://{rest}\""
            ));
        }
        let origin = Origin::configured(&url.origin().ascii_serialization())
            .map_err(|_pattern| format!("{text:?} does not name one host: {FORM}"))?;
        let path = url.path().trim_end_matches('/');
        let clean = format!("{}{path}", origin.as_str());
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("{text:?} has a query or a fragment: write {clean:?}"));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        if !path.bytes().all(is_plain) || path.contains("//") {
            return Err(format!(
                "the path {path:?} is not like `/api`, of letters, digits, `-`, `_`, `.` and `~` between single slashes"
            ));
        }
        let is_local = match url.host() {
            Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        };
        Ok(Self {
            url: clean,
            origin,
            is_secure: url.scheme() == "https" || is_local,
        })
    }

    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The URL of `path` below this one, for example for a link in a mail.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}/{}", self.url, path.trim_start_matches('/'))
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its path, without a slash at its end: `/api`, or nothing.
    pub(crate) fn path(&self) -> &str {
        &self.url[self.origin.as_str().len()..]
    }

    /// True if a browser keeps a `Secure` cookie from there: the scheme is `https`, or the host is this machine.
    pub(crate) fn keeps_secure_cookies(&self) -> bool {
        self.is_secure
    }
}

impl AsRef<str> for PublicUrl {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c7_a_public_url_is_an_origin_and_a_path_however_they_are_written() {
        for (text, origin, path) in [
            ("https://example.com", "https://example.com", ""),
            ("https://example.com/", "https://example.com", ""),
            ("HTTPS://Example.com:443/api/", "https://example.com", "/api"),
            (
                "http://example.com:8080/api/v2",
                "http://example.com:8080",
                "/api/v2",
            ),
            (
                "https://münchen.example/a.b~c-d_e",
                "https://xn--mnchen-3ya.example",
                "/a.b~c-d_e",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("https://[2001:DB8::1]/x/../api", "https://[2001:db8::1]", "/api"),
        ] {
            let url = PublicUrl::parse(text).expect(text);
            assert_eq!((url.origin().as_str(), url.path()), (origin, path), "{text}");
            assert_eq!(url.to_string(), format!("{origin}{path}"));
            for below in ["/verify", "verify"] {
                assert_eq!(url.join(below), format!("{origin}{path}/verify"));
            }
        }
    }

    #[test]
    fn c7_what_is_no_public_url_is_an_error_that_says_what_to_write() {
        for (text, told) in [
            ("", "not an absolute URL"),
            ("/api", "not an absolute URL"),
            ("example.com", "\"https://example.com\""),
            ("example.com:8080/api", "not an absolute URL"),
            ("https:example.com", "not an absolute URL"),
            ("//example.com", "not an absolute URL"),
            ("https://", "empty host"),
            ("https://*.example.com", "one host"),
            ("https://example.com:99999", "port"),
            ("ftp://example.com/api", "write \"https://example.com/api\""),
            ("wss://example.com", "write \"https://example.com\""),
            ("https://example.com/api?x=1", "write \"https://example.com/api\""),
            (
                "https://example.com/api/#top",
                "write \"https://example.com/api\"",
            ),
            ("https://example.com?", "write \"https://example.com\""),
            ("https://example.com/a b", "white space"),
            (" https://example.com", "white space"),
            ("https://example.com\\api", "`\\`"),
            ("https://example.com/a;Secure", "like `/api`"),
            ("https://example.com/%61pi", "like `/api`"),
            ("https://example.com//api", "like `/api`"),
        ] {
            let error = PublicUrl::parse(text).expect_err(text);
            assert_eq!(error.setting(), "public_url");
            assert!(error.to_string().contains(told), "{text}: {error}");
        }
        for secret in [
            "https://arthur:excalibur@example.com",
            "https://excalibur@example.com/api?x",
        ] {
            let error = PublicUrl::parse(secret).expect_err(secret).to_string();
            assert!(
                error.contains("user name") && !error.contains("excalibur"),
                "{error}"
            );
        }
    }

    #[test]
    fn c7_a_secure_cookie_is_kept_over_tls_and_on_this_machine() {
        for (text, keeps) in [
            ("https://example.com", true),
            ("http://localhost:8080", true),
            ("http://app.localhost", true),
            ("http://127.0.0.53", true),
            ("http://[::1]:8080/api", true),
            ("http://example.com", false),
            ("http://localhost.example.com", false),
            ("http://192.168.0.7:8080", false),
        ] {
            let url = PublicUrl::parse(text).expect(text);
            assert_eq!(url.keeps_secure_cookies(), keeps, "{text}");
        }
    }
}
