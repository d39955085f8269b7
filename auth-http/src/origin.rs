//! Origins (RFC 6454).

use url::Url;

/// Scheme, host and port as a browser writes them: in lower case, without the default port. Two origins are equal if
/// their texts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// The origin in the header `Origin`. `None` for `null`, a list, or anything else that is not one origin.
    pub(crate) fn from_header(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        web(text).or_else(|| named(text)).map(Self)
    }

    /// The origin of the service itself, by the connection and the authority of a request.
    pub(crate) fn of_target(is_tls: bool, authority: &str) -> Option<Self> {
        // If the host has port 443 on a connection without TLS, a proxy ended TLS on that port.
        let scheme = if is_tls || authority.ends_with(":443") {
            "https"
        } else {
            "http"
        };
        web(&format!("{scheme}://{authority}")).map(Self)
    }

    /// An origin from a configuration.
    ///
    /// # Errors
    /// The problem, and what to write instead.
    pub(crate) fn configured(text: &str) -> Result<Self, String> {
        if let Some(origin) = web(text) {
            return Ok(Self(origin));
        }
        let Some((scheme, rest)) = split(text) else {
            return Err(match text {
                "null" => "`null` is the origin of every sandboxed page, whatever its site".to_owned(),
                _ => format!("{text:?} is not of the form `https://host` or `https://host:port`"),
            });
        };
        match &*scheme.to_ascii_lowercase() {
            "http" | "https" => {}
            "ws" => {
                return Err(format!(
                    "{text:?} is not the origin of a page: write \"http://{rest}\""
                ));
            }
            "wss" => {
                return Err(format!(
                    "{text:?} is not the origin of a page: write \"https://{rest}\""
                ));
            }
            "file" => return Err(format!("{text:?} is every file of a machine")),
            _ => {
                return named(text).map(Self).ok_or_else(|| {
                    format!("{text:?} is not of the form `scheme://name`, its scheme in lower case")
                });
            }
        }
        Err(
            match Url::parse(text).map(|url| url.origin().ascii_serialization()) {
                Ok(_) if rest.contains('*') => format!("{text:?} is not one host: name each of them"),
                Ok(origin) => format!("{text:?} is not an origin as a browser writes it: write {origin:?}"),
                Err(error) => format!("{text:?} is not an origin: {error}"),
            },
        )
    }

    /// The origin as a browser writes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port, without the scheme.
    pub(crate) fn authority(&self) -> &str {
        self.0
            .split_once("://")
            .map_or("", |(_scheme, authority)| authority)
    }
}

/// The origin of a page of the web.
fn web(text: &str) -> Option<String> {
    let (scheme, authority) = split(text)?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if !is_web || !authority.bytes().all(is_plain) {
        return None;
    }
    Some(Url::parse(text).ok()?.origin().ascii_serialization())
}

/// The origin of a page in an application or an extension, for example `tauri://localhost`. Each has its own rules, so
/// it is compared byte by byte.
fn named(text: &str) -> Option<String> {
    let (scheme, name) = split(text)?;
    let is_web = matches!(scheme, "https" | "http" | "wss" | "ws" | "file");
    let is_lower = !scheme.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    (!is_web && is_lower && !name.is_empty() && name.bytes().all(is_plain)).then(|| text.to_owned())
}

/// The scheme (RFC 3986 §3.1), and the text after its `://`.
fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_scheme =
        scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_plain);
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(text: &str) -> Result<String, String> {
        Origin::configured(text).map(|origin| origin.0)
    }

    #[test]
    fn x5_an_origin_is_a_scheme_a_host_and_a_port_however_they_are_written() {
        for (text, origin) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("https://a.example:", "https://a.example"),
            ("HTTPS://A.Example:0443", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://a.example:443", "http://a.example:443"),
            ("https://a.example:80", "https://a.example:80"),
            ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(configured(text).as_deref(), Ok(origin), "{text}");
            let sent = Origin::from_header(text.as_bytes());
            assert_eq!(sent.as_ref().map(Origin::as_str), Some(origin), "{text}");
        }
    }

    #[test]
    fn x6_the_origin_of_an_application_is_its_name() {
        for text in [
            "tauri://localhost",
            "capacitor://localhost",
            "ionic://localhost",
            "app://-",
            "app://.",
            "app://obsidian.md",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://0e1b9e0a-7f5c-4c43-9c52-6a1f0f9c1d2e",
            "vscode-webview://1a2b3c4d5e6f",
            "tauri://localhost:1420",
        ] {
            assert_eq!(configured(text).as_deref(), Ok(text));
            let sent = Origin::from_header(text.as_bytes());
            assert_eq!(sent.as_ref().map(Origin::as_str), Some(text));
        }
    }

    #[test]
    fn x5_what_no_browser_writes_is_refused_and_the_error_says_what_to_write() {
        for (text, told) in [
            ("", "https://host"),
            ("*", "https://host"),
            ("example.com", "https://host"),
            ("https:a.example", "https://host"),
            ("null", "sandboxed"),
            ("https://", "empty host"),
            ("https://:443", "empty host"),
            ("https://a.example:99999", "port"),
            ("https://*.a.example", "name each"),
            ("https://a.example/", "write \"https://a.example\""),
            ("https://a.example:443/app?x#y", "write \"https://a.example\""),
            ("https://user@a.example:8443", "write \"https://a.example:8443\""),
            ("https://a.example\\@evil.example", "write \"https://a.example\""),
            (
                "https://münchen.example",
                "write \"https://xn--mnchen-3ya.example\"",
            ),
            ("wss://a.example", "write \"https://a.example\""),
            ("ws://a.example:8080", "write \"http://a.example:8080\""),
            ("file://", "every file"),
            ("Tauri://localhost", "lower case"),
            ("tauri://", "scheme://name"),
            ("tauri://localhost/", "scheme://name"),
            ("tauri://*", "scheme://name"),
            (" https://a.example", "https://host"),
        ] {
            let error = configured(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
            assert_eq!(Origin::from_header(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Origin::from_header(b"https://a.example https://b.example"), None);
        assert_eq!(Origin::from_header(b"https://\xff.example"), None);
    }

    #[test]
    fn c4_the_scheme_is_that_of_the_connection_unless_the_host_names_port_443() {
        for (is_tls, authority, origin) in [
            (false, "a.example", Some("http://a.example")),
            (false, "A.example:80", Some("http://a.example")),
            (false, "a.example:8443", Some("http://a.example:8443")),
            (false, "a.example:443", Some("https://a.example")),
            (true, "a.example", Some("https://a.example")),
            (true, "a.example:443", Some("https://a.example")),
            (true, "a.example:80", Some("https://a.example:80")),
            (false, "[::1]:8080", Some("http://[::1]:8080")),
            (false, "user@a.example", None),
            (false, "a.example/b", None),
            (false, "", None),
        ] {
            let target = Origin::of_target(is_tls, authority);
            assert_eq!(target.as_ref().map(Origin::as_str), origin, "{authority}");
        }
    }
}
