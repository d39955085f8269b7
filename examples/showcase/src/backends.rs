//! The backends.

use std::sync::Arc;

use portcullis::{
    ConfigError, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport},
    jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy, RefreshTokens, TrackedJwtStrategy},
    store::RotateTokens,
};

use crate::{log_ins::LogIns, stores::Stores};

/// Every backend, in the order in which a request's credentials are tried.
///
/// # Errors
/// [`ConfigError`] naming the setting that cannot be used.
pub(crate) fn all(
    stores: &Stores,
    secret: &SigningSecret,
    log_ins: &LogIns,
) -> Result<Vec<AuthBackend>, ConfigError> {
    // Services that verified the tokens of FastAPI Users ask for its audience.
    let jwt = JwtStrategy::hs256(secret, log_ins.token_lifetime)?.audience(FASTAPI_USERS_AUDIENCE);
    let mut all = vec![
        AuthBackend::stateless("jwt", BearerTransport, jwt),
        AuthBackend::bearer("db", opaque(stores.tokens(), log_ins)),
        AuthBackend::cookie("cookie", opaque(stores.tokens(), log_ins)),
    ];
    if let Some(tokens) = stores.redis_tokens() {
        all.push(AuthBackend::bearer("redis", opaque(tokens, log_ins)));
        all.push(AuthBackend::cookie("redis-cookie", opaque(tokens, log_ins)));
    }
    let tracked = || tracked(stores.redis_tokens().unwrap_or(stores.tokens()), secret, log_ins);
    all.push(AuthBackend::bearer("jwt-tracked", tracked()?));
    all.push(AuthBackend::cookie("jwt-tracked-cookie", tracked()?));
    Ok(all)
}

fn opaque(tokens: &Arc<dyn RotateTokens>, log_ins: &LogIns) -> OpaqueStrategy {
    let strategy = OpaqueStrategy::new(tokens.clone(), log_ins.token_lifetime);
    match log_ins.max_sessions {
        Some(cap) => strategy.cap(cap),
        None => strategy.uncapped(),
    }
}

fn tracked(
    tokens: &Arc<dyn RotateTokens>,
    secret: &SigningSecret,
    log_ins: &LogIns,
) -> Result<TrackedJwtStrategy, ConfigError> {
    let refresh = RefreshTokens::new(secret)
        .idle(log_ins.refresh_idle)
        .map_err(|error| error.in_setting("REFRESH_IDLE"))?
        .grace(log_ins.refresh_grace)
        .map_err(|error| error.in_setting("REFRESH_GRACE"))?;
    let jwt = JwtStrategy::hs256(secret, log_ins.access_token_lifetime)?;
    let strategy = TrackedJwtStrategy::new(jwt, tokens.clone(), log_ins.refresh_token_lifetime)
        .map_err(|error| error.in_setting("REFRESH_TOKEN_LIFETIME"))?;
    let mut strategy = strategy.refresh_tokens(refresh);
    if let Some(rotation) = log_ins.rotation {
        let rotating = strategy.rotation(rotation);
        strategy = rotating.map_err(|error| match error.setting() {
            "rotation grace" => error.in_setting("ROTATION_GRACE"),
            _ => error.in_setting("ROTATE_AFTER"),
        })?;
    }
    Ok(match log_ins.max_sessions {
        Some(cap) => strategy.cap(cap),
        None => strategy.uncapped(),
    })
}
