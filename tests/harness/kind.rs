//! The backends that a service may have.

use portcullis::{
    AccessTokenStore, Clock, Lifetime, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport, CookieTransport},
    jwt::JwtStrategy,
};
use std::sync::Arc;

use super::Answer;

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

    pub(crate) fn is_cookie(self) -> bool {
        self.cookie().is_some()
    }

    /// Whether a single credential can be revoked.
    pub(crate) fn is_revocable(self) -> bool {
        matches!(self, Self::DbBearer | Self::DbCookie)
    }

    pub(crate) fn login(self) -> String {
        format!("/auth/{}/login", self.name())
    }

    pub(crate) fn logout(self) -> String {
        format!("/auth/{}/logout", self.name())
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
                .clock(Arc::clone(clock));
            if takes_fastapi_users {
                strict.accept_without_epoch()
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

    /// The token in the answer to a log-in.
    #[track_caller]
    pub(crate) fn issued(self, answer: &Answer) -> Pass {
        let token = match self.cookie() {
            None => {
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.json()["access_token"]
                    .as_str()
                    .expect("a token")
                    .to_owned()
            }
            Some(name) => {
                assert_eq!(answer.status, 204, "{answer:?}");
                let cookie = answer.header("set-cookie").expect("a cookie");
                let (pair, _attributes) = cookie.split_once(';').expect("attributes");
                let (found, token) = pair.split_once('=').expect("a value");
                assert_eq!(found, name);
                token.to_owned()
            }
        };
        assert!(!token.is_empty(), "{answer:?}");
        Pass { kind: self, token }
    }
}

/// A credential, and the way it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) kind: Kind,
    pub(crate) token: String,
}

impl Pass {
    pub(crate) fn new(kind: Kind, token: impl Into<String>) -> Self {
        let token = token.into();
        Self { kind, token }
    }

    pub(crate) fn header(&self) -> (&'static str, String) {
        match self.kind.cookie() {
            None => ("authorization", format!("Bearer {}", self.token)),
            Some(name) => ("cookie", format!("{name}={}", self.token)),
        }
    }
}
