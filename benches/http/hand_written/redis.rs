//! The token in Redis, the user on SQLite; and the log-in of a JWT, without the user.

use actix_web::{
    Error, HttpRequest,
    error::{ErrorServiceUnavailable, ErrorUnauthorized},
    web::{self, Data, Json, ServiceConfig},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use portcullis::{
    SigningSecret,
    redis::fred::{self, bytes::Bytes, interfaces::KeysInterface as _},
    sql::sqlite,
    store::{TokenDigest, TokenLookup},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    LogIn, Protected, bearer, digest,
    sqlite::{now, user_of},
    unauthorized,
};
use crate::service::TRACKED;

struct State {
    tokens: fred::clients::Pool,
    prefix: String,
    users: sqlite::Pool,
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    epoch: i64,
}

/// The instants and names that this handler has no use for.
type Others = ([u8; 6], [u8; 6], [u8; 3], [u8; 4], [u8; 16]);

/// A number, and the instant of its beginning.
type Generation = ([u8; 8], [u8; 6]);

/// The first part of the row, as the library's store writes it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read, to come to what stands behind it")]
struct Token<'a> {
    form: u8,
    last_used_at: [u8; 6],
    expires_at: [u8; 6],
    others: Others,
    generations: [Option<Generation>; 2],
    /// A mark, and the bytes of a UUID.
    user_id: &'a [u8],
    backend: &'a str,
    epoch: i64,
}

pub(crate) fn routes(
    tokens: fred::clients::Pool,
    prefix: &str,
    users: sqlite::Pool,
    secret: &SigningSecret,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let prefix = prefix.to_owned();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[TRACKED]);
    let state = Data::new(State {
        tokens,
        prefix,
        users,
        key: DecodingKey::from_secret(secret.expose()).expect("not empty"),
        validation,
    });
    move |config| {
        config
            .app_data(state.clone())
            .route("/protected/db", web::get().to(protected))
            .route("/log-in", web::get().to(log_in));
    }
}

async fn protected(request: HttpRequest, state: Data<State>) -> Result<Json<Protected>, Error> {
    let presented = bearer(&request)?;
    let (id, epoch) = state.find(presented, digest(presented)).await?;
    let connection = state.users.get().await.map_err(ErrorServiceUnavailable)?;
    let user = { connection }
        .spawn_blocking(move |connection| user_of(id, connection))
        .await
        .map_err(ErrorServiceUnavailable)?
        .filter(|user| user.is_active && user.security_epoch == epoch)
        .ok_or_else(unauthorized)?;
    Ok(Json(Protected { email: user.email }))
}

async fn log_in(request: HttpRequest, state: Data<State>) -> Result<Json<LogIn>, Error> {
    let token = jsonwebtoken::decode::<Claims>(bearer(&request)?, &state.key, &state.validation);
    let claims = token.map_err(ErrorUnauthorized)?.claims;
    let digest = TokenDigest::for_audience("tracked/jti", &claims.jti);
    let (id, epoch) = state.find(&claims.jti, digest).await?;
    if epoch != claims.epoch {
        return Err(unauthorized());
    }
    let user_id = Uuid::from_slice(&id).map_err(ErrorServiceUnavailable)?;
    Ok(Json(LogIn { user_id }))
}

impl State {
    /// The user and the epoch of the token of `digest`.
    async fn find(&self, token: &str, digest: TokenDigest) -> Result<(Vec<u8>, i64), Error> {
        let tag = TokenLookup::new(token).tag.ok_or_else(unauthorized)?;
        let digest = URL_SAFE_NO_PAD.encode(digest.as_bytes());
        let key = format!("{}{{{:04x}}}:t:{digest}", self.prefix, tag.get());
        let value: Option<Bytes> = self.tokens.get(key).await.map_err(ErrorServiceUnavailable)?;
        let value = value.ok_or_else(unauthorized)?;
        let token: Token<'_> = postcard::from_bytes(&value).map_err(ErrorServiceUnavailable)?;
        let [a, b, c, d, e, f] = token.expires_at;
        if i64::from_be_bytes([0, 0, a, b, c, d, e, f]) <= now() {
            return Err(unauthorized());
        }
        Ok((token.user_id[1..].to_vec(), token.epoch))
    }
}
