use std::sync::Arc;

use auth_core::{ConfigError, Profile, UserId};
use auth_users::{ProtectedFields, UserManager, check_profile_names};
use uuid::Uuid;

use super::Endpoints;
use crate::{AuthBackend, Authenticator, CsrfPolicy, PublicUrl, TrustedProxies};

/// The paths of the routes, and the groups of routes that are enabled.
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
    keeps_log_in: bool,
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
            keeps_log_in: false,
        }
    }

    /// Adds a backend. It is tried after those that were added before.
    pub fn backend(mut self, backend: AuthBackend<Id>) -> Self {
        self.backends.push(backend);
        self
    }

    /// Sets the check against cross-site requests. By default only the service's own origin is trusted.
    pub fn csrf(mut self, policy: CsrfPolicy) -> Self {
        self.csrf = policy;
        self
    }

    /// Sets the reverse proxies that are trusted to name the client's address. By default there is none.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Sets the URL at which clients reach the routes, for example `https://example.com` or `https://example.com/api`.
    /// Then this service's route `/users/me` is `https://example.com/api/users/me` for clients.
    ///
    /// A service behind a proxy needs it if the proxy ends TLS, rewrites `Host` or strips a prefix of the path. These
    /// follow it:
    ///
    /// - the service's own origin, with which [`CsrfPolicy`] compares that of a request;
    /// - the URLs of the OpenAPI document;
    /// - the `Path` of a cookie that has [no path of its own](crate::CookieBuilder::path), and that of the cookie of a refresh
    ///   token.
    ///
    /// If the URL has `http` and is not this machine's, and a backend's cookie is `Secure`, there is a warning at
    /// start, because browsers drop that cookie.
    ///
    /// # Errors
    /// [`ConfigError`] as from [`PublicUrl::parse`].
    pub fn public_url(mut self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.public_url = Some(PublicUrl::parse(url.as_ref())?);
        Ok(self)
    }

    /// Sets the path of log-in, registration, verification and reset. The default is `/auth`.
    pub fn auth_path(mut self, path: impl Into<String>) -> Self {
        self.mount.auth_path = path.into();
        self
    }

    /// Sets the path of the users. The default is `/users`.
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

    /// Lets only superusers set these fields of the profile. In users' own requests they are ignored. Use the names in
    /// JSON. Every `#[serde(alias)]` of such a field is protected, too.
    pub fn protected_fields(mut self, fields: impl IntoIterator<Item: Into<String>>) -> Self {
        self.protected.extend(fields.into_iter().map(Into::into));
        self
    }

    /// Keeps users logged in who change their own password: `PATCH /users/me` ends all their log-ins, and its answer has the
    /// tokens of a new one, for the client that sent the request alone. By default that client is logged out with the rest.
    ///
    /// A cookie is set again. A Bearer client gets its tokens in the headers `X-Access-Token` and `X-Refresh-Token`, in
    /// which it must look for them. A page of another origin can read them if CORS exposes them.
    ///
    /// The new log-in has the label of the present one, and ends when that would have ended at the latest. If that has ended
    /// since, which a strategy that reads without a look-up does not see, the answer is 401, and nothing changes.
    ///
    /// A user who changes the e-mail in the same request is logged out all the same, if the new one must be verified first. If
    /// the new log-in fails, the password has changed, and the client is logged out.
    pub fn keep_log_in_after_password_change(mut self) -> Self {
        self.keeps_log_in = true;
        self
    }

    /// Builds the endpoints. From now on, when the user manager deletes a user, it revokes the credentials of these backends. When
    /// it ends all credentials of a user, every backend rejects them from then on, whatever their rows. A row that is left
    /// behind is in no list, and is removed when its credential is presented, when its user is deleted, or when it expires.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting: as from [`Authenticator::new`]; a path that does not start with `/`, ends
    /// with one, or is the same as the other path; `profile` if it has a field that every user has; `protected_fields`
    /// if the profile has no such field.
    pub fn build(self) -> Result<Endpoints<Id, P>, ConfigError> {
        self.mount.check()?;
        super::credential::check(self.backends.iter())?;
        check_profile_names::<P>()?;
        let authenticator = Authenticator::new(self.backends, Arc::clone(self.users.store()), self.csrf)?
            .mounted_at(&self.mount.auth_path)
            .roles(Arc::clone(self.users.roles()))
            .reporting_to(self.users.audit().clone(), self.proxies);
        let authenticator = match self.public_url {
            Some(url) => authenticator.reached_at(url),
            None => authenticator,
        };
        let protected = ProtectedFields::new::<P>(self.protected)?;
        for strategy in authenticator.backends().filter_map(AuthBackend::revocable) {
            self.users.revoke_through(Arc::clone(strategy));
        }
        Ok(Endpoints {
            users: self.users,
            authenticator,
            protected,
            mount: self.mount,
            keeps_log_in: self.keeps_log_in,
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
