//! The token in Redis, the user on SQLite.

use actix_web::{
    Error, HttpRequest,
    error::ErrorServiceUnavailable,
    web::{self, Data, Json, ServiceConfig},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    redis::fred::{self, bytes::Bytes, interfaces::KeysInterface as _},
    sql::sqlite,
    store::TokenLookup,
};
use serde::Deserialize;

use super::{
    Protected, bearer, digest,
    sqlite::{now, user_of},
    unauthorized,
};

struct State {
    tokens: fred::clients::Pool,
    prefix: String,
    users: sqlite::Pool,
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
) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let prefix = prefix.to_owned();
    let state = Data::new(State {
        tokens,
        prefix,
        users,
    });
    move |config| {
        config
            .app_data(state.clone())
            .route("/protected/db", web::get().to(protected));
    }
}

async fn protected(request: HttpRequest, state: Data<State>) -> Result<Json<Protected>, Error> {
    let presented = bearer(&request)?;
    let tag = TokenLookup::new(presented).tag.ok_or_else(unauthorized)?;
    let digest = URL_SAFE_NO_PAD.encode(digest(presented).as_bytes());
    let key = format!("{}{{{:04x}}}:t:{digest}", state.prefix, tag.get());
    let value: Option<Bytes> = state.tokens.get(key).await.map_err(ErrorServiceUnavailable)?;
    let value = value.ok_or_else(unauthorized)?;
    let token: Token<'_> = postcard::from_bytes(&value).map_err(ErrorServiceUnavailable)?;
    let [a, b, c, d, e, f] = token.expires_at;
    if i64::from_be_bytes([0, 0, a, b, c, d, e, f]) <= now() {
        return Err(unauthorized());
    }
    let epoch = token.epoch;
    let connection = state.users.get().await.map_err(ErrorServiceUnavailable)?;
    let id = token.user_id[1..].to_vec();
    let user = { connection }
        .spawn_blocking(move |connection| user_of(id, connection))
        .await
        .map_err(ErrorServiceUnavailable)?
        .filter(|user| user.is_active && user.security_epoch == epoch)
        .ok_or_else(unauthorized)?;
    Ok(Json(Protected { email: user.email }))
}
