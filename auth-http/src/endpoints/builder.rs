use std::sync::Arc;

use auth_core::{ConfigError, Profile, UserId};
use auth_users::{ProtectedFields, UserManager, check_profile_names};
use uuid::Uuid;

use super::Endpoints;
use crate::{AuthBackend, Authenticator, CsrfPolicy, PublicUrl, TrustedProxies};

/// The paths of the routes, and which routes there are.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    pub(crate) auth_path: String,
    pub(crate) users_path: String,
    pub(crate) register: bool,
    pub(crate) verify: bool,
    pub(crate) reset: bool,
    pub(crate) users: bool,
}

/// Builds [`Endpoints`].
#[must_use]
pub struct EndpointsBuilder<Id = Uuid, P = ()> {
    users: Arc<UserManager<Id, P>>,
    backends: Vec<AuthBackend<Id>>,
    csrf: CsrfPolicy,
    protected: Vec<String>,
    mount: Mount,
    proxies: TrustedProxies,
    public_url: Option<PublicUrl>,
}

impl<Id: UserId, P: Profile> EndpointsBuilder<Id, P> {
    pub(super) fn new(users: Arc<UserManager<Id, P>>) -> Self {
        Self {
            users,
            backends: Vec::new(),
            csrf: CsrfPolicy::same_origin(),
            protected: Vec::new(),
            mount: Mount {
                auth_path: "/auth".to_owned(),
                users_path: "/users".to_owned(),
                register: true,
                verify: true,
                reset: true,
                users: true,
            },
            proxies: TrustedProxies::default(),
            public_url: None,
        }
    }

    /// Adds a backend. It is tried after those that were added before.
    pub fn backend(mut self, backend: AuthBackend<Id>) -> Self {
        self.backends.push(backend);
        self
    }

    /// The check against cross-site requests. By default only the service's own origin is trusted.
    pub fn csrf(mut self, policy: CsrfPolicy) -> Self {
        self.csrf = policy;
        self
    }

    /// The reverse proxies whose word for a client's address is believed: none by default.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// The URL under which clients reach the routes, for example `https://example.com` or `https://example.com/api`. A
    /// route that this service knows as `/users/me` is `https://example.com/api/users/me` to them.
    ///
    /// A service behind a proxy needs it if the proxy ends TLS, rewrites `Host` or strips a prefix of the path. These follow it:
    ///
    /// - the service's own origin, with which [`CsrfPolicy`] compares that of a request;
    /// - the URLs of the OpenAPI document;
    /// - the `Path` of a cookie that has [no path of its own](crate::CookieBuilder::path).
    ///
    /// A URL with `http`, but for this machine's, is warned of at start if a backend's cookie is `Secure`: browsers drop that.
    ///
    /// # Errors
    /// [`ConfigError`] as from [`PublicUrl::parse`].
    pub fn public_url(mut self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.public_url = Some(PublicUrl::parse(url.as_ref())?);
        Ok(self)
    }

    /// The path of log-in, registration, verification and reset, instead of `/auth`.
    pub fn auth_path(mut self, path: impl Into<String>) -> Self {
        self.mount.auth_path = path.into();
        self
    }

    /// The path of the users, instead of `/users`.
    pub fn users_path(mut self, path: impl Into<String>) -> Self {
        self.mount.users_path = path.into();
        self
    }

    /// Leaves out `POST /register`.
    pub fn without_registration(mut self) -> Self {
        self.mount.register = false;
        self
    }

    /// Leaves out `POST /request-verify-token` and `POST /verify`.
    pub fn without_verification(mut self) -> Self {
        self.mount.verify = false;
        self
    }

    /// Leaves out `POST /forgot-password` and `POST /reset-password`.
    pub fn without_reset(mut self) -> Self {
        self.mount.reset = false;
        self
    }

    /// Leaves out the routes of the users.
    pub fn without_users(mut self) -> Self {
        self.mount.users = false;
        self
    }

    /// Ignores these fields of the profile in what users say of themselves: only a superuser sets them. Use the names that
    /// they have in JSON. A `#[serde(alias)]` of such a field is protected with it.
    pub fn protected_fields(mut self, fields: impl IntoIterator<Item: Into<String>>) -> Self {
        self.protected.extend(fields.into_iter().map(Into::into));
        self
    }

    /// The endpoints. From now on the user manager revokes a user's credentials of these backends when it deletes the user,
    /// or ends all of their credentials.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting: as from [`Authenticator::new`]; a path that does not
    /// start with `/`, ends with one, or is both paths; `profile` if that has a field that every user has;
    /// `protected_fields` if the profile has no such field.
    pub fn build(self) -> Result<Endpoints<Id, P>, ConfigError> {
        self.mount.check()?;
        super::session::check(self.backends.iter())?;
        check_profile_names::<P>()?;
        let authenticator = Authenticator::new(self.backends, Arc::clone(self.users.store()), self.csrf)?;
        let authenticator = match self.public_url {
            Some(url) => authenticator.reached_at(url),
            None => authenticator,
        };
        let protected = ProtectedFields::of::<P>(self.protected)?;
        for strategy in authenticator.backends().filter_map(AuthBackend::revocable) {
            self.users.revoke_through(Arc::clone(strategy));
        }
        Ok(Endpoints {
            users: self.users,
            authenticator,
            protected,
            mount: self.mount,
            proxies: self.proxies,
        })
    }
}

impl Mount {
    fn check(&self) -> Result<(), ConfigError> {
        for (setting, path) in [("auth_path", &self.auth_path), ("users_path", &self.users_path)] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
            if !path.starts_with('/') || path.ends_with('/') || !path.bytes().all(plain) {
                return Err(ConfigError::new(
                    setting,
                    format_args!("{path:?} is no path like `/auth`"),
                ));
            }
        }
        if self.auth_path == self.users_path {
            return Err(ConfigError::new("users_path", "is the path of `auth_path`"));
        }
        Ok(())
    }
}
