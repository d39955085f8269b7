//! On MongoDB, or what speaks its protocol.

use actix_web::{
    Error, HttpRequest,
    error::ErrorServiceUnavailable,
    web::{self, Data, Json, ServiceConfig},
};
use portcullis::mongo::mongodb::{
    Collection, Database,
    bson::{self, Binary, DateTime, doc, spec::BinarySubtype},
};
use serde::Deserialize;

use super::{Protected, bearer, unauthorized};

struct State {
    tokens: Collection<Token>,
    users: Collection<User>,
}

/// The document whole, as the library's store loads it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "loaded, since the look-ups are to be the same")]
struct Token {
    id: bson::Uuid,
    digest: Binary,
    user_id: bson::Uuid,
    epoch: i64,
    created_at: DateTime,
    expires_at: Option<DateTime>,
    last_used_at: DateTime,
    user_agent: Option<String>,
    address: Option<String>,
    label: Option<String>,
}

/// The document whole, as the library's store loads it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "loaded, since the look-ups are to be the same")]
struct User {
    #[serde(rename = "_id")]
    id: bson::Uuid,
    email: String,
    normalized_email: String,
    password_hash: Option<String>,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    security_epoch: i64,
    revision: i64,
    created_at: DateTime,
    updated_at: DateTime,
}

pub(crate) fn routes(database: &Database) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let state = Data::new(State {
        tokens: database.collection("access_tokens"),
        users: database.collection("users"),
    });
    move |config| {
        config
            .app_data(state.clone())
            .route("/protected/db", web::get().to(protected));
    }
}

async fn protected(request: HttpRequest, state: Data<State>) -> Result<Json<Protected>, Error> {
    let digest = Binary {
        subtype: BinarySubtype::Generic,
        bytes: super::digest(bearer(&request)?).as_bytes().to_vec(),
    };
    let token = state
        .tokens
        .find_one(doc! { "digest": digest })
        .await
        .map_err(ErrorServiceUnavailable)?
        .filter(|token| token.expires_at.is_none_or(|end| DateTime::now() < end))
        .ok_or_else(unauthorized)?;
    let user = state
        .users
        .find_one(doc! { "_id": token.user_id })
        .await
        .map_err(ErrorServiceUnavailable)?
        .filter(|user| user.is_active && user.security_epoch == token.epoch)
        .ok_or_else(unauthorized)?;
    Ok(Json(Protected { email: user.email }))
}
