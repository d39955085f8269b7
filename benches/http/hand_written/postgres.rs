//! On PostgreSQL: both look-ups on one pooled connection.

use actix_web::{
    Error, HttpRequest,
    error::ErrorServiceUnavailable,
    web::{self, Data, Json, ServiceConfig},
};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, Queryable, Selectable,
    SelectableHelper as _,
};
use diesel_async::RunQueryDsl as _;
use portcullis::sql::postgres::{
    Pool,
    schema::{access_tokens, users},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Protected, bearer, digest, unauthorized};

/// The row whole, as the library's store loads it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
#[expect(dead_code, reason = "loaded, since the look-ups are to be the same")]
struct User {
    id: Uuid,
    email: String,
    normalized_email: String,
    password_hash: Option<String>,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    security_epoch: i64,
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// The row whole, as the library's store loads it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = access_tokens)]
#[expect(dead_code, reason = "loaded, since the look-ups are to be the same")]
struct Token {
    id: Uuid,
    digest: Vec<u8>,
    backend: String,
    user_id: Uuid,
    epoch: i64,
    actor: Option<String>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    absolute_expires_at: Option<OffsetDateTime>,
    last_used_at: OffsetDateTime,
    access_generation: i64,
    access_rotated_at: Option<OffsetDateTime>,
    refresh_generation: i64,
    refresh_rotated_at: Option<OffsetDateTime>,
    user_agent: Option<String>,
    address: Option<String>,
    label: Option<String>,
}

pub(crate) fn routes(pool: Pool) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let pool = Data::new(pool);
    move |config| {
        config
            .app_data(pool.clone())
            .route("/protected/db", web::get().to(protected));
    }
}

async fn protected(request: HttpRequest, pool: Data<Pool>) -> Result<Json<Protected>, Error> {
    let digest = digest(bearer(&request)?).as_bytes().to_vec();
    let mut connection = pool.get().await.map_err(ErrorServiceUnavailable)?;
    let token = access_tokens::table
        .filter(access_tokens::digest.eq(digest))
        .select(Token::as_select())
        .get_result(&mut connection)
        .await
        .optional()
        .map_err(ErrorServiceUnavailable)?
        .filter(|token| token.expires_at.is_none_or(|end| OffsetDateTime::now_utc() < end))
        .ok_or_else(unauthorized)?;
    let user = users::table
        .filter(users::id.eq(token.user_id))
        .select(User::as_select())
        .get_result(&mut connection)
        .await
        .optional()
        .map_err(ErrorServiceUnavailable)?
        .filter(|user| user.is_active && user.security_epoch == token.epoch)
        .ok_or_else(unauthorized)?;
    Ok(Json(Protected { email: user.email }))
}
