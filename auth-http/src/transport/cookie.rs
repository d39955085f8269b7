use std::time::Duration;

use auth_core::{ConfigError, ExposeSecret as _, IssuedToken, Rejection, SigningSecret};
use cookie::Cookie;

use super::{Presented, Scheme, Transport, double_submit::DoubleSubmit};
use crate::{HttpError, RequestHead, Response};

pub use cookie::SameSite;

/// RFC 6265bis §5.6: a browser drops a cookie whose name and value are longer together.
const MAX_COOKIE_BYTES: usize = 4096;

/// A cookie. By default `__Host-portcullis; HttpOnly; SameSite=Lax; Secure; Path=/` without a domain, living as long
/// as the token in it.
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

    /// The cookie of the credential and, where a page has to confirm its requests, the one that it reads for that.
    fn response(&self, credential: &str, max_age: Option<time::Duration>) -> Response {
        let mut response = Response::empty(204)
            .header(
                "set-cookie",
                self.cookie(&self.name, credential, self.http_only, max_age),
            )
            .no_store();
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
    /// The name. `__Host-` and `__Secure-` bind a browser to what they say (RFC 6265bis §4.1.3).
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
    /// registration, which come before it, are checked by their origin alone.
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
        let prefixed = |prefix: &str| {
            cookie
                .name
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if prefixed("__Host-") && cookie.domain.is_some() {
            return error("domain", "a `__Host-` cookie has none");
        }
        if prefixed("__Host-") && cookie.path != "/" {
            return error("path", "a `__Host-` cookie has the path `/`");
        }
        if (prefixed("__Host-") || prefixed("__Secure-")) && !cookie.secure {
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
        head.headers("cookie", &mut |header| {
            let Ok(header) = std::str::from_utf8(header) else {
                presented = Presented::Refused(Rejection::Malformed);
                return;
            };
            for pair in header.split(';') {
                let Some((name, value)) = pair.split_once('=') else {
                    continue;
                };
                if name.trim() == self.name {
                    presented = match presented {
                        Presented::Nothing => Presented::Token(value.trim()),
                        Presented::Token(_) => Presented::Refused(Rejection::Ambiguous),
                        refused @ Presented::Refused(_) => refused,
                    };
                }
            }
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

    fn log_in(&self, token: &IssuedToken) -> Result<Response, HttpError> {
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

    fn log_out(&self) -> Response {
        self.response("", Some(time::Duration::ZERO))
    }
}

/// Rounded up: a browser that lets go of the cookie too early ends a session that the server still knows.
fn whole_seconds(span: time::Duration) -> time::Duration {
    time::Duration::seconds(span.whole_seconds() + i64::from(span.subsec_nanoseconds() > 0))
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
mod tests {
    use auth_core::SecretString;
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::*;
    use crate::request::test_head::Head;

    fn set_cookie(response: &Response) -> Vec<String> {
        let (_, value) = response
            .headers
            .iter()
            .find(|(name, _)| *name == "set-cookie")
            .expect("set-cookie");
        let mut parts: Vec<_> = value.split("; ").map(str::to_owned).collect();
        parts[1..].sort();
        parts
    }

    fn log_in(transport: &CookieTransport, value: &str, seconds: Option<i64>) -> Vec<String> {
        let now = OffsetDateTime::UNIX_EPOCH;
        let expires_at = seconds.map(|seconds| now + time::Duration::seconds(seconds));
        let token = IssuedToken {
            secret: SecretString::from(value),
            issued_at: now,
            expires_at,
        };
        set_cookie(&transport.log_in(&token).expect("cookie"))
    }

    fn presented(headers: &[&str]) -> String {
        let headers: Vec<_> = headers.iter().map(|value| ("cookie", *value)).collect();
        let transport = CookieTransport::builder()
            .name("auth")
            .build()
            .expect("transport");
        format!("{:?}", transport.extract(&Head::new("GET", &headers)))
    }

    #[test]
    fn c1_the_default_is_a_secure_host_cookie() {
        assert_eq!(
            log_in(&CookieTransport::default(), "T", Some(3600)),
            [
                "__Host-portcullis=T",
                "HttpOnly",
                "Max-Age=3600",
                "Path=/",
                "SameSite=Lax",
                "Secure"
            ]
        );
    }

    #[test]
    fn c1_an_insecure_combination_fails_when_built_and_names_the_setting() {
        let builder = CookieTransport::builder;
        for (setting, built) in [
            ("cookie.secure", builder().name("a").secure(false).build()),
            ("cookie.http_only", builder().http_only(false).build()),
            ("cookie.secure", builder().secure(false).allow_insecure().build()),
            (
                "cookie.secure",
                builder()
                    .name("__secure-a")
                    .secure(false)
                    .allow_insecure()
                    .build(),
            ),
            (
                "cookie.secure",
                builder()
                    .name("a")
                    .secure(false)
                    .same_site(SameSite::None)
                    .allow_insecure()
                    .build(),
            ),
            ("cookie.domain", builder().domain("example.com").build()),
            ("cookie.domain", builder().name("a").domain("a; Secure").build()),
            ("cookie.path", builder().path("/a").build()),
            ("cookie.path", builder().name("a").path("a").build()),
            ("cookie.name", builder().name("a b").build()),
            ("cookie.name", builder().name("").build()),
            (
                "cookie.max_age",
                builder().max_age(MaxAge::Fixed(Duration::ZERO)).build(),
            ),
        ] {
            assert_eq!(built.expect_err(setting).setting(), setting);
        }
        assert!(builder().name("a").secure(false).allow_insecure().build().is_ok());
    }

    #[test]
    fn c2_the_removal_cookie_repeats_name_path_domain_secure_and_same_site() {
        let transport = CookieTransport::builder()
            .name("__Secure-a")
            .path("/app")
            .domain("example.com")
            .same_site(SameSite::Strict)
            .build()
            .expect("transport");
        let rest = [
            "Domain=example.com",
            "HttpOnly",
            "Max-Age=0",
            "Path=/app",
            "SameSite=Strict",
            "Secure",
        ];
        let removal = set_cookie(&transport.log_out());
        assert_eq!(removal[0], "__Secure-a=");
        assert_eq!(removal[1..], rest);
    }

    #[test]
    fn c3_a_cookie_over_4096_bytes_is_not_sent() {
        let issued_at = OffsetDateTime::UNIX_EPOCH;
        let token = IssuedToken {
            secret: SecretString::from("x".repeat(4096)),
            issued_at,
            expires_at: None,
        };
        assert!(CookieTransport::default().log_in(&token).is_err());
    }

    #[test]
    fn a_double_submit_token_comes_with_the_cookie_and_goes_with_it() {
        let secret = SigningSecret::new("secret", [7; 32]).expect("secret");
        let transport = CookieTransport::builder()
            .double_submit(&secret)
            .build()
            .expect("transport");
        let issued_at = OffsetDateTime::UNIX_EPOCH;
        let token = IssuedToken {
            secret: SecretString::from("T"),
            issued_at,
            expires_at: None,
        };
        let csrf = |response: &Response| {
            let cookies = response.headers.iter().filter(|(name, _)| *name == "set-cookie");
            cookies
                .map(|(_, value)| value.clone())
                .nth(1)
                .expect("a second cookie")
        };
        let set = csrf(&transport.log_in(&token).expect("cookie"));
        assert!(
            set.starts_with("__Host-portcullis-csrf=") && !set.contains("HttpOnly"),
            "{set}"
        );
        let value = set.split(['=', ';']).nth(1).expect("value");
        assert!(transport.confirms(&Head::new("POST", &[("x-csrf-token", value)]), "T"));
        assert!(!transport.confirms(&Head::new("POST", &[]), "T"));
        let removed = csrf(&transport.log_out());
        assert!(
            removed.starts_with("__Host-portcullis-csrf=;") && removed.contains("Max-Age=0"),
            "{removed}"
        );
    }

    #[test]
    fn a_cookie_without_a_max_age_is_a_session_cookie() {
        let session = CookieTransport::builder()
            .max_age(MaxAge::Session)
            .build()
            .expect("transport");
        assert!(
            !log_in(&session, "T", Some(60))
                .iter()
                .any(|part| part.starts_with("Max-Age"))
        );
        assert!(
            !log_in(&CookieTransport::default(), "T", None)
                .iter()
                .any(|part| part.starts_with("Max-Age"))
        );
    }

    #[test]
    fn the_cookie_of_the_name_is_found_among_others() {
        assert_eq!(presented(&["a=1; auth=T; authx=2"]), r#"Token("T")"#);
        assert_eq!(presented(&["a=1", "auth=T"]), r#"Token("T")"#);
        for none in ["", "AUTH=T", "xauth=T", "auth", "auth=", "a=auth=T"] {
            assert_eq!(presented(&[none]), "Nothing", "{none}");
        }
    }

    #[test]
    fn t3_two_cookies_of_the_name_are_rejected() {
        assert_eq!(presented(&["auth=T; auth=T"]), "Refused(Ambiguous)");
        assert_eq!(presented(&["auth=T", "auth=U"]), "Refused(Ambiguous)");
        assert_eq!(presented(&["auth=; auth=U"]), "Refused(Ambiguous)");
    }

    proptest! {
        #[test]
        fn any_cookie_header_is_read_without_a_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let head = Head { method: "GET", headers: vec![("cookie", value)] };
            let _ = CookieTransport::default().extract(&head);
        }

        #[test]
        fn what_was_set_is_what_comes_back(value in "[A-Za-z0-9_.-]{1,80}", other in "[a-z]{1,9}=[a-z0-9]{0,9}") {
            let transport = CookieTransport::default();
            let pair = log_in(&transport, &value, None)[0].clone();
            let header = format!("{other}; {pair}; x");
            let head = Head::new("GET", &[("cookie", &header)]);
            prop_assert_eq!(transport.extract(&head), Presented::Token(value.as_str()));
        }
    }
}
