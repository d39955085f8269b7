//! The backends, as this service builds them.

use std::sync::Arc;

use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport, CookieTransport},
    jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy},
    store::{AccessTokenStore, Clock},
};

use crate::Kind;

/// The lifetime of every credential, in seconds.
pub(super) const LIFETIME: u64 = 3600;

pub fn backend(
    kind: Kind,
    tokens: &Arc<dyn RotateTokens>,
    secret: &SigningSecret,
    clock: &Arc<dyn Clock>,
    takes_fastapi_users: bool,
) -> AuthBackend {
    let lifetime = Lifetime::from_secs(LIFETIME).expect("positive");
    let opaque = || OpaqueStrategy::new(tokens.clone(), lifetime).clock(Arc::clone(clock));
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
        let name = kind.cookie().expect("a cookie");
        CookieTransport::builder().name(name).build().expect("secure")
    };
    match kind {
        Kind::JwtBearer => AuthBackend::stateless(kind.name(), BearerTransport, jwt()),
        Kind::DbBearer => AuthBackend::new(kind.name(), BearerTransport, opaque()),
        Kind::DbCookie => AuthBackend::new(kind.name(), cookie(), opaque()),
        Kind::JwtCookie => AuthBackend::stateless(kind.name(), cookie(), jwt()),
        Kind::RedisBearer | Kind::RedisCookie => panic!("this service has no Redis"),
    }
}
