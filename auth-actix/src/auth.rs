//! What a service says of its authentication, once.

use std::{sync::Arc, time::Duration};

use actix_web::web::{Data, ServiceConfig};
use auth_core::{ConfigError, Profile, UserId};
use auth_http::{AuthBackend, CsrfPolicy, Enabled, Endpoints};
use auth_users::UserManager;
use uuid::Uuid;

use crate::{
    guard::{Accepting, Guard},
    role::Role,
    routes,
};

/// The users, the backends and the routes of a service. It is cheap to clone: one for each worker.
pub struct Auth<Id = Uuid, P = ()> {
    pub(crate) shared: Data<Shared<Id, P>>,
}

pub(crate) struct Shared<Id, P> {
    pub(crate) endpoints: Endpoints<Id, P>,
    pub(crate) mount: Mount,
    pub(crate) body_limit: Duration,
    #[cfg(feature = "openapi")]
    pub(crate) docs: std::sync::OnceLock<crate::Docs>,
}

/// Where the routes are, and which of them.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    pub(crate) auth: String,
    pub(crate) users_path: String,
    pub(crate) register: bool,
    pub(crate) verify: bool,
    pub(crate) reset: bool,
    pub(crate) users: bool,
}

/// Builds an [`Auth`].
pub struct AuthBuilder<Id = Uuid, P = ()> {
    users: Arc<UserManager<Id, P>>,
    backends: Vec<AuthBackend<Id>>,
    csrf: CsrfPolicy,
    mount: Mount,
    body_limit: Duration,
}

impl<Id, P> Clone for Auth<Id, P> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<Id: UserId, P: Profile> Auth<Id, P> {
    /// A builder for the accounts that `users` manages.
    pub fn builder(users: UserManager<Id, P>) -> AuthBuilder<Id, P> {
        AuthBuilder {
            users: Arc::new(users),
            backends: Vec::new(),
            csrf: CsrfPolicy::same_origin(),
            mount: Mount {
                auth: "/auth".to_owned(),
                users_path: "/users".to_owned(),
                register: true,
                verify: true,
                reset: true,
                users: true,
            },
            body_limit: Duration::from_secs(10),
        }
    }

    /// Mounts the routes, for `App::configure`. The extractors work in the same `App`.
    ///
    /// A route of the application's own under one of these paths, say `DELETE /users/me`, is added to the `App`
    /// **before** this call: actix-web takes the first that matches.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<Id, P> {
        let auth = self.clone();
        move |config| routes::mount(&auth, config)
    }

    /// A guard for a whole scope: its handlers run for users of this role alone.
    pub fn require<R: Role>(&self, _role: R) -> Guard<Id, P> {
        Guard::new(self.clone(), R::REQUIREMENT)
    }

    /// Accepts only the backends of `names` in a scope. The extractors and guards within see no others.
    #[must_use]
    pub fn accept<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Accepting {
        Accepting::always(Enabled::only(names))
    }

    /// Accepts the backends that `choose` picks for each request.
    pub fn accept_by(&self, choose: impl Fn(&actix_web::HttpRequest) -> Enabled + 'static) -> Accepting {
        Accepting::by(choose)
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> &Arc<UserManager<Id, P>> {
        self.shared.endpoints.users()
    }
}

impl<Id: UserId, P: Profile> AuthBuilder<Id, P> {
    /// Adds a backend, to be tried after those that were added before. It is mounted at `/auth/NAME`.
    #[must_use]
    pub fn backend(mut self, backend: AuthBackend<Id>) -> Self {
        self.backends.push(backend);
        self
    }

    /// The check against cross-site requests; by default only the service's own origin is trusted.
    #[must_use]
    pub fn csrf(mut self, policy: CsrfPolicy) -> Self {
        self.csrf = policy;
        self
    }

    /// The path of log-in, registration, verification and reset, instead of `/auth`.
    #[must_use]
    pub fn auth_at(mut self, path: impl Into<String>) -> Self {
        self.mount.auth = path.into();
        self
    }

    /// The path of the users, instead of `/users`.
    #[must_use]
    pub fn users_at(mut self, path: impl Into<String>) -> Self {
        self.mount.users_path = path.into();
        self
    }

    /// Leaves out `POST /register`.
    #[must_use]
    pub fn without_registration(mut self) -> Self {
        self.mount.register = false;
        self
    }

    /// Leaves out `POST /request-verify-token` and `POST /verify`.
    #[must_use]
    pub fn without_verification(mut self) -> Self {
        self.mount.verify = false;
        self
    }

    /// Leaves out `POST /forgot-password` and `POST /reset-password`.
    #[must_use]
    pub fn without_reset(mut self) -> Self {
        self.mount.reset = false;
        self
    }

    /// Leaves out the routes of the users.
    #[must_use]
    pub fn without_users(mut self) -> Self {
        self.mount.users = false;
        self
    }

    /// How long a request's body may take to arrive, instead of 10 seconds.
    #[must_use]
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_limit = limit;
        self
    }

    /// The finished configuration.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting: no backend, two backends of one name or one cookie, a backend called like
    /// a route, a path that does not start with `/` or ends with one, a body time-out of zero.
    pub fn build(self) -> Result<Auth<Id, P>, ConfigError> {
        for (setting, path) in [
            ("auth_at", &self.mount.auth),
            ("users_at", &self.mount.users_path),
        ] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
            if !path.starts_with('/') || path.ends_with('/') || !path.bytes().all(plain) {
                return Err(ConfigError::new(
                    setting,
                    format_args!("{path:?} is no path like `/auth`"),
                ));
            }
        }
        if self.mount.auth == self.mount.users_path {
            return Err(ConfigError::new("users_at", "is the path of `auth_at`"));
        }
        if self.body_limit.is_zero() {
            return Err(ConfigError::new(
                "body_timeout",
                "is zero, so that no body could arrive",
            ));
        }
        let endpoints = Endpoints::new(self.users, self.backends, self.csrf)?;
        let shared = Shared {
            endpoints,
            mount: self.mount,
            body_limit: self.body_limit,
            #[cfg(feature = "openapi")]
            docs: std::sync::OnceLock::new(),
        };
        Ok(Auth {
            shared: Data::new(shared),
        })
    }
}
