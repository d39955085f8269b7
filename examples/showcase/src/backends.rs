//! The backends.

use std::sync::Arc;

use portcullis::{
    ConfigError, Lifetime, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport, CookieTransport},
    jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy},
    store::AccessTokenStore,
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
        bearer("db", stores.tokens(), lifetime),
        cookie("cookie", stores.tokens(), lifetime)?,
    ];
    if let Some(tokens) = stores.redis_tokens() {
        all.push(bearer("redis", tokens, lifetime));
        all.push(cookie("redis-cookie", tokens, lifetime)?);
    }
    Ok(all)
}

fn bearer(name: &'static str, tokens: &Arc<dyn AccessTokenStore>, lifetime: Lifetime) -> AuthBackend {
    AuthBackend::new(
        name,
        BearerTransport,
        OpaqueStrategy::new(Arc::clone(tokens), lifetime),
    )
}

/// The cookie of a backend. It is `Secure` as in production: browsers send it to this machine over plain HTTP, too.
fn cookie(
    name: &'static str,
    tokens: &Arc<dyn AccessTokenStore>,
    lifetime: Lifetime,
) -> Result<AuthBackend, ConfigError> {
    let cookie = CookieTransport::builder()
        .name(format!("__Host-{name}"))
        .build()?;
    Ok(AuthBackend::new(
        name,
        cookie,
        OpaqueStrategy::new(Arc::clone(tokens), lifetime),
    ))
}
