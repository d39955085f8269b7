//! The backends, as this service builds them.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport, CookieTransport},
    jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy, RefreshTokens, Rotation, TrackedJwtStrategy},
    store::{Clock, RotateTokens},
};

use crate::Kind;

/// The lifetime of every credential, in seconds.
pub(super) const LIFETIME: u64 = 3600;

/// How JWTs that can be revoked are refreshed and replaced, and how many log-ins there can be.
#[derive(Clone, Copy, Debug)]
pub struct Refresh {
    /// How long a replaced refresh token yields the same successor.
    pub grace: Duration,
    /// How many log-ins a user can have at a backend that can revoke, if not the default.
    pub cap: Option<NonZeroU32>,
    /// The age at which an access token is replaced while it is used.
    pub rotate_after: Option<Duration>,
    /// True if an access token is read without a look-up.
    pub only_at_refresh: bool,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            cap: None,
            rotate_after: None,
            only_at_refresh: false,
        }
    }
}

pub fn backend(
    kind: Kind,
    tokens: &Arc<dyn RotateTokens>,
    secret: &SigningSecret,
    clock: &Arc<dyn Clock>,
    takes_fastapi_users: bool,
    refresh: Refresh,
) -> AuthBackend {
    let lifetime = Lifetime::from_secs(LIFETIME).expect("positive");
    let opaque = || {
        let opaque = OpaqueStrategy::new(tokens.clone(), lifetime).clock(Arc::clone(clock));
        match refresh.cap {
            Some(cap) => opaque.cap(cap),
            None => opaque,
        }
    };
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
    let tracked = || {
        let jwt = JwtStrategy::hs256(secret, lifetime).expect("long enough");
        let month = Lifetime::from_secs(30 * 24 * 3600).expect("positive");
        let refresh_tokens = RefreshTokens::new(secret).grace(refresh.grace).expect("a grace");
        let tracked = TrackedJwtStrategy::new(jwt, tokens.clone(), month)
            .expect("longer than a token")
            .refresh_tokens(refresh_tokens)
            .clock(Arc::clone(clock));
        let tracked = match refresh.cap {
            Some(cap) => tracked.cap(cap),
            None => tracked,
        };
        let tracked = match refresh.rotate_after {
            Some(age) => tracked
                .rotation(Rotation::after(age))
                .expect("younger than its end"),
            None => tracked,
        };
        if refresh.only_at_refresh {
            tracked.check_at_refresh_only().expect("with refresh tokens")
        } else {
            tracked
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
        Kind::TrackedBearer => AuthBackend::new(kind.name(), BearerTransport, tracked()),
        Kind::TrackedCookie => AuthBackend::new(kind.name(), cookie(), tracked()),
        Kind::RedisBearer | Kind::RedisCookie => panic!("this service has no Redis"),
    }
}
