//! The token in Redis, the user on SQLite.

use actix_web::{
    Error, HttpRequest,
    error::ErrorServiceUnavailable,
    web::{self, Data, Json, ServiceConfig},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    redis::fred::{self, interfaces::KeysInterface as _},
    sql::sqlite,
    store::TokenLookup,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Protected, bearer,
    sqlite::{now, user_of},
    unauthorized,
};

struct State {
    tokens: fred::clients::Pool,
    prefix: String,
    users: sqlite::Pool,
}

#[derive(Deserialize)]
struct Token {
    user_id: Uuid,
    epoch: i64,
    expires_at: Option<i64>,
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
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(presented));
    let key = format!("{}{{{:04x}}}:t:{digest}", state.prefix, tag.get());
    let value: Option<String> = state.tokens.get(key).await.map_err(ErrorServiceUnavailable)?;
    let token: Token =
        serde_json::from_str(&value.ok_or_else(unauthorized)?).map_err(ErrorServiceUnavailable)?;
    if token.expires_at.is_some_and(|end| end <= now()) {
        return Err(unauthorized());
    }
    let connection = state.users.get().await.map_err(ErrorServiceUnavailable)?;
    let id = token.user_id.as_bytes().to_vec();
    let user = { connection }
        .spawn_blocking(move |connection| user_of(id, connection))
        .await
        .map_err(ErrorServiceUnavailable)?
        .filter(|user| user.is_active && user.security_epoch == token.epoch)
        .ok_or_else(unauthorized)?;
    Ok(Json(Protected { email: user.email }))
}
