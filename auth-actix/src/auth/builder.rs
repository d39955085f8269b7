use std::{sync::atomic::AtomicBool, time::Duration};

use actix_web::web::Data;
use auth_core::{ConfigError, Profile, UserId};
use auth_http::{AuthBackend, CsrfPolicy, EndpointsBuilder, TrustedProxies};
use uuid::Uuid;

use super::{Auth, Shared};

/// Builds an [`Auth`].
pub struct AuthBuilder<Id = Uuid, P = ()> {
    endpoints: EndpointsBuilder<Id, P>,
    body_limit: Duration,
}

impl<Id: UserId, P: Profile> AuthBuilder<Id, P> {
    pub(super) fn new(endpoints: EndpointsBuilder<Id, P>) -> Self {
        Self {
            endpoints,
            body_limit: Duration::from_secs(10),
        }
    }

    /// Adds a backend, which is tried after those added before. It is mounted at `/auth/NAME`. A strategy with refresh tokens
    /// gets the route `POST /auth/NAME/refresh`.
    #[must_use]
    pub fn backend(mut self, backend: AuthBackend<Id>) -> Self {
        self.endpoints = self.endpoints.backend(backend);
        self
    }

    /// Sets the check against cross-site requests. By default only the service's own origin is trusted.
    #[must_use]
    pub fn csrf(mut self, policy: CsrfPolicy) -> Self {
        self.endpoints = self.endpoints.csrf(policy);
        self
    }

    /// Sets the reverse proxies that are trusted to name the client's address. By default there is none. The address is
    /// in the list of a user's log-ins.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.endpoints = self.endpoints.trusted_proxies(proxies);
        self
    }

    /// Sets the URL at which clients reach the routes, for example `https://example.com` or `https://example.com/api`.
    /// A service behind a proxy needs it if the proxy ends TLS, rewrites `Host` or strips a prefix of the path. The
    /// check against cross-site requests, the OpenAPI document and cookies follow it. See
    /// [`EndpointsBuilder::public_url`](auth_http::EndpointsBuilder::public_url).
    ///
    /// If the routes are mounted in a scope, the scope's path is a part of it: `https://example.com/api/v2`.
    ///
    /// # Errors
    /// [`ConfigError`] naming `public_url` and what to write if `url` is not an absolute `http` or `https` URL, or has
    /// a user name, a password, a query, a fragment, or a path that is not like `/api`.
    pub fn public_url(mut self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoints = self.endpoints.public_url(url)?;
        Ok(self)
    }

    /// Sets the path of log-in, registration, verification and reset. The default is `/auth`.
    #[must_use]
    pub fn auth_path(mut self, path: impl Into<String>) -> Self {
        self.endpoints = self.endpoints.auth_path(path);
        self
    }

    /// Sets the path of the users. The default is `/users`.
    #[must_use]
    pub fn users_path(mut self, path: impl Into<String>) -> Self {
        self.endpoints = self.endpoints.users_path(path);
        self
    }

    /// Leaves out `POST /register`.
    #[must_use]
    pub fn without_registration(mut self) -> Self {
        self.endpoints = self.endpoints.without_registration();
        self
    }

    /// Leaves out `POST /request-verify-token` and `POST /verify`.
    #[must_use]
    pub fn without_verification(mut self) -> Self {
        self.endpoints = self.endpoints.without_verification();
        self
    }

    /// Leaves out `POST /forgot-password` and `POST /reset-password`.
    #[must_use]
    pub fn without_reset(mut self) -> Self {
        self.endpoints = self.endpoints.without_reset();
        self
    }

    /// Leaves out the routes of the users.
    #[must_use]
    pub fn without_users(mut self) -> Self {
        self.endpoints = self.endpoints.without_users();
        self
    }

    /// Lets only superusers set these fields of the profile, for example a plan or a credit limit. In the bodies of
    /// registration and of `PATCH /me` they are ignored, like the flags, so each needs a default.
    ///
    /// # Security
    /// Without this, users can set every field of their profile.
    ///
    /// Use the exact names in JSON. Every `#[serde(alias)]` of such a field is protected, too. [`build`](Self::build)
    /// refuses an unknown name. If the names cannot be found, for example because of `#[serde(flatten)]`, it refuses a
    /// field that the profile does not write.
    #[must_use]
    pub fn protected_fields<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.endpoints = self.endpoints.protected_fields(fields);
        self
    }

    /// Keeps users logged in who change their own password by `PATCH /users/me`: the answer has the tokens of a new log-in, in
    /// the cookie, or for a Bearer client in the headers `X-Access-Token` and `X-Refresh-Token`. By default that client is
    /// logged out with all others. See
    /// [`EndpointsBuilder::keep_log_in_after_password_change`](auth_http::EndpointsBuilder::keep_log_in_after_password_change).
    #[must_use]
    pub fn keep_log_in_after_password_change(mut self) -> Self {
        self.endpoints = self.endpoints.keep_log_in_after_password_change();
        self
    }

    /// Sets the time limit for the arrival of a request's body. The default is 10 seconds.
    #[must_use]
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_limit = limit;
        self
    }

    /// Builds the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting: no backend, two backends with the same name or cookie, a path that does not
    /// start with `/` or ends with one, a body time-out of zero, a protected field that the profile does not have, or a
    /// profile with a field that every user has.
    pub fn build(self) -> Result<Auth<Id, P>, ConfigError> {
        if self.body_limit.is_zero() {
            return Err(ConfigError::new(
                "body_timeout",
                "is zero, so that no body could arrive",
            ));
        }
        let shared = Shared {
            endpoints: self.endpoints.build()?,
            body_limit: self.body_limit,
            warned_of_rotation: AtomicBool::new(false),
            #[cfg(feature = "openapi")]
            docs: std::sync::OnceLock::new(),
        };
        Ok(Auth {
            shared: Data::new(shared),
        })
    }
}
