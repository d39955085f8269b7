//! The settings of a cookie.

use auth_core::ConfigError;

use super::{CookieTransport, MaxAge, SameSite, is_domain_byte};

/// Builds a [`CookieTransport`].
#[derive(Clone, Debug)]
pub struct CookieBuilder {
    cookie: CookieTransport,
    insecure: bool,
}

impl CookieBuilder {
    pub(super) fn new() -> Self {
        Self {
            cookie: CookieTransport::default(),
            insecure: false,
        }
    }

    /// Sets the name. Browsers enforce the prefixes `__Host-` and `__Secure-` (RFC 6265bis §4.1.3). Another service can
    /// [shadow](CookieTransport#security) a name without `__Host-`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// Sets how long a browser keeps it.
    #[must_use]
    pub fn max_age(mut self, max_age: MaxAge) -> Self {
        self.cookie.max_age = max_age;
        self
    }

    /// Sets the path below which a browser sends it. By default that is the path of the service's
    /// [public URL](crate::EndpointsBuilder::public_url), or `/` if it has none; for a `__Host-` cookie it is always `/`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = Some(path.into());
        self
    }

    /// Sets the domain whose hosts all get it. Without one, only the host that set it does.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self
    }

    /// Sets whether a browser sends it over HTTPS only.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// Sets whether it is hidden from scripts of the page.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Sets which cross-site requests have it.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// Sets whether a browser keeps one cookie for each site in whose pages the service is embedded (CHIPS,
    /// draft-cutler-httpbis-partitioned-cookies). A page that is embedded in pages of other sites needs it in browsers that
    /// block third-party cookies, together with [`SameSite::None`]. It has to be `Secure`.
    ///
    /// A user logs in separately on each of those sites, and on the service's own pages.
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self
    }

    /// Allows a cookie that is not `Secure` or not `HttpOnly`, for trials over plain HTTP.
    ///
    /// # Security
    /// Never use it in production.
    #[must_use]
    pub fn allow_insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Builds the transport.
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
        let is_path = |path: &String| path.starts_with('/') && path.bytes().all(is_attribute_byte);
        if !cookie.path.as_ref().is_none_or(is_path) {
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
        if cookie.has_prefix("__Host-") && cookie.path.as_ref().is_some_and(|path| path != "/") {
            return error("path", "a `__Host-` cookie has the path `/`");
        }
        if (cookie.has_prefix("__Host-") || cookie.has_prefix("__Secure-")) && !cookie.secure {
            return error("secure", "a `__Host-` or `__Secure-` cookie must be secure");
        }
        if cookie.same_site == SameSite::None && !cookie.secure {
            return error("secure", "a cookie with SameSite=None must be secure");
        }
        if cookie.partitioned && !cookie.secure {
            return error("partitioned", "a `Partitioned` cookie must be secure");
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

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_attribute_byte(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && byte != b';'
}
