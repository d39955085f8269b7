//! The backends.

use std::sync::Arc;

use portcullis::{
    ConfigError, Lifetime, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport},
    jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy},
    store::RotateTokens,
};

use crate::stores::Stores;

/// Every backend, in the order in which a request's credentials are tried.
///
/// # Errors
/// [`ConfigError`] naming the setting that cannot be used.
pub(crate) fn all(
    stores: &Stores,
    secret: &SigningSecret,
    lifetime: Lifetime,
) -> Result<Vec<AuthBackend>, ConfigError> {
    // Services that verified the tokens of FastAPI Users ask for its audience.
    let jwt = JwtStrategy::hs256(secret, lifetime)?.audience(FASTAPI_USERS_AUDIENCE);
    let mut all = vec![
        AuthBackend::stateless("jwt", BearerTransport, jwt),
        AuthBackend::bearer("db", opaque(stores.tokens(), lifetime)),
        AuthBackend::cookie("cookie", opaque(stores.tokens(), lifetime)),
    ];
    if let Some(tokens) = stores.redis_tokens() {
        all.push(AuthBackend::bearer("redis", opaque(tokens, lifetime)));
        all.push(AuthBackend::cookie("redis-cookie", opaque(tokens, lifetime)));
    }
    Ok(all)
}

fn opaque(tokens: &Arc<dyn RotateTokens>, lifetime: Lifetime) -> OpaqueStrategy {
    OpaqueStrategy::new(tokens.clone(), lifetime)
}
