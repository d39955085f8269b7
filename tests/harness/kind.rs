//! The backends that a service may have.

use portcullis::{
    AccessTokenStore, Clock, Lifetime, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport, CookieTransport},
    jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy},
};
use std::sync::Arc;

/// One backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    JwtBearer,
    DbBearer,
    DbCookie,
    JwtCookie,
}

/// The lifetime of every credential, in seconds.
pub(crate) const LIFETIME: u64 = 3600;

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::JwtBearer, Self::DbBearer, Self::DbCookie, Self::JwtCookie];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JwtBearer => "jwt",
            Self::DbBearer => "db",
            Self::DbCookie => "cookie",
            Self::JwtCookie => "jwt-cookie",
        }
    }

    pub(crate) fn cookie(self) -> Option<&'static str> {
        match self {
            Self::JwtBearer | Self::DbBearer => None,
            Self::DbCookie => Some("__Host-portcullis"),
            Self::JwtCookie => Some("__Host-jwt"),
        }
    }

    /// Whether a single credential can be revoked.
    pub(crate) fn is_revocable(self) -> bool {
        matches!(self, Self::DbBearer | Self::DbCookie)
    }

    pub(crate) fn build(
        self,
        tokens: &Arc<dyn AccessTokenStore>,
        secret: &SigningSecret,
        clock: &Arc<dyn Clock>,
        takes_fastapi_users: bool,
    ) -> AuthBackend {
        let lifetime = Lifetime::from_secs(LIFETIME).expect("positive");
        let opaque = || OpaqueStrategy::new(Arc::clone(tokens), lifetime).clock(Arc::clone(clock));
        let jwt = || {
            let strict = JwtStrategy::hs256(secret, lifetime)
                .expect("long enough")
                .audience(FASTAPI_USERS_AUDIENCE)
                .clock(Arc::clone(clock));
            if takes_fastapi_users {
                strict.also_accept(FASTAPI_USERS_AUDIENCE).accept_without_epoch()
            } else {
                strict
            }
        };
        let cookie = || {
            let name = self.cookie().expect("a cookie");
            CookieTransport::builder().name(name).build().expect("secure")
        };
        match self {
            Self::JwtBearer => AuthBackend::stateless(self.name(), BearerTransport, jwt()),
            Self::DbBearer => AuthBackend::new(self.name(), BearerTransport, opaque()),
            Self::DbCookie => AuthBackend::new(self.name(), cookie(), opaque()),
            Self::JwtCookie => AuthBackend::stateless(self.name(), cookie(), jwt()),
        }
    }
}
