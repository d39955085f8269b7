//! On SQLite: each look-up is one call off the async thread, on one connection a request. Diesel's own async queries on
//! SQLite take several, and a `LIMIT ?` that nobody needs would have SQLite compile the statement anew each time.

use actix_web::{
    Error, HttpRequest,
    error::{ErrorServiceUnavailable, ErrorUnauthorized},
    web::{self, Data, Json, ServiceConfig},
};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, QueryResult, Queryable, RunQueryDsl as _,
    Selectable, SelectableHelper as _, SqliteConnection,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use portcullis::{
    SigningSecret,
    sql::sqlite::{
        Pool,
        schema::{access_tokens, users},
    },
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Protected, bearer, digest, unauthorized};

struct State {
    pool: Pool,
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    epoch: i64,
}

/// The row whole, as the library's store loads it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
#[expect(dead_code, reason = "loaded, since the look-ups are to be the same")]
pub(super) struct User {
    id: Vec<u8>,
    pub(super) email: String,
    normalized_email: String,
    password_hash: Option<String>,
    pub(super) is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    pub(super) security_epoch: i64,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

/// The row whole, as the library's store loads it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = access_tokens)]
#[expect(dead_code, reason = "loaded, since the look-ups are to be the same")]
struct Token {
    id: Vec<u8>,
    digest: Vec<u8>,
    backend: String,
    user_id: Vec<u8>,
    epoch: i64,
    actor: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    absolute_expires_at: Option<i64>,
    last_used_at: i64,
    access_generation: i64,
    access_rotated_at: Option<i64>,
    refresh_generation: i64,
    refresh_rotated_at: Option<i64>,
    user_agent: Option<String>,
    address: Option<String>,
    label: Option<String>,
}

#[derive(Serialize)]
struct Body {
    id: Uuid,
    email: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
}

/// The routes, on a pool that has the settings of the library's.
pub(crate) fn routes(
    pool: Pool,
    secret: &SigningSecret,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["jwt"]);
    let state = Data::new(State {
        pool,
        key: DecodingKey::from_secret(secret.expose()).expect("not empty"),
        validation,
    });
    move |config| {
        config
            .app_data(state.clone())
            .route("/users/me", web::get().to(me))
            .route("/protected/db", web::get().to(protected));
    }
}

async fn me(request: HttpRequest, state: Data<State>) -> Result<Json<Body>, Error> {
    let user = admitted(&request, &state).await?;
    Ok(Json(Body {
        id: Uuid::from_slice(&user.id).map_err(ErrorServiceUnavailable)?,
        email: user.email,
        is_active: user.is_active,
        is_superuser: user.is_superuser,
        is_verified: user.is_verified,
    }))
}

async fn protected(request: HttpRequest, state: Data<State>) -> Result<Json<Protected>, Error> {
    let email = admitted(&request, &state).await?.email;
    Ok(Json(Protected { email }))
}

async fn admitted(request: &HttpRequest, state: &State) -> Result<User, Error> {
    let token = bearer(request)?;
    let (mut connection, user_id, epoch);
    if token.contains('.') {
        let claims = jsonwebtoken::decode::<Claims>(token, &state.key, &state.validation)
            .map_err(ErrorUnauthorized)?
            .claims;
        connection = state.pool.get().await.map_err(ErrorServiceUnavailable)?;
        (user_id, epoch) = (claims.sub.as_bytes().to_vec(), claims.epoch);
    } else {
        let digest = digest(token).as_bytes().to_vec();
        connection = state.pool.get().await.map_err(ErrorServiceUnavailable)?;
        let found = connection
            .spawn_blocking(move |connection| token_of(digest, connection))
            .await
            .map_err(ErrorServiceUnavailable)?
            .filter(|token| token.expires_at.is_none_or(|end| now() < end))
            .ok_or_else(unauthorized)?;
        (user_id, epoch) = (found.user_id, found.epoch);
    }
    connection
        .spawn_blocking(move |connection| user_of(user_id, connection))
        .await
        .map_err(ErrorServiceUnavailable)?
        .filter(|user| user.is_active && user.security_epoch == epoch)
        .ok_or_else(unauthorized)
}

fn token_of(digest: Vec<u8>, connection: &mut SqliteConnection) -> QueryResult<Option<Token>> {
    access_tokens::table
        .filter(access_tokens::digest.eq(digest))
        .select(Token::as_select())
        .get_result(connection)
        .optional()
}

pub(super) fn user_of(id: Vec<u8>, connection: &mut SqliteConnection) -> QueryResult<Option<User>> {
    users::table
        .filter(users::id.eq(id))
        .select(User::as_select())
        .get_result(connection)
        .optional()
}

/// Milliseconds since 1970-01-01 UTC.
pub(super) fn now() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
