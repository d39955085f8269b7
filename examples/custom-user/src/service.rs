//! The routes: those of the library's members, and two of its own.

use std::{error::Error, sync::Arc};

use actix_web::{
    HttpResponse,
    web::{self, Data, Json, Path, ServiceConfig},
};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::{self, Active, AuthError, Superuser},
    http::{AuthBackend, HttpError},
    sql::sqlite::Database,
    users::UserManager,
};
use time::{Date, macros::format_description};

use crate::member::{MemberTokens, Members, Profile, members_born_before};

/// The application names its user type once for each of these.
pub type Auth = actix::Auth<i64, Profile>;
/// The member that a request comes from.
pub type CurrentMember<R = Active> = actix::CurrentUser<R, i64, Profile>;

/// The authentication of the library's members.
///
/// # Errors
/// If a setting cannot be used.
pub fn auth(database: &Database, secret: &SigningSecret) -> Result<Auth, Box<dyn Error>> {
    let members = UserManager::builder(Arc::new(Members::new(database)), secret).build()?;
    let tokens = OpaqueStrategy::new(Arc::new(MemberTokens::new(database)), Lifetime::from_secs(3600)?);
    Ok(Auth::builder(members)
        .backend(AuthBackend::bearer("db", tokens))
        .build()?)
}

/// Mounts everything. `DELETE /users/me` comes before the library's own routes below `/users`.
pub fn routes(auth: &Auth, database: &Database) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let (auth, database) = (auth.clone(), database.clone());
    move |config| {
        config
            .app_data(Data::new(auth.clone()))
            .app_data(Data::new(database))
            .route("/users/me", web::delete().to(leave))
            .route("/members/born-before/{date}", web::get().to(born_before))
            .configure(auth.routes())
            .configure(auth.docs("/docs"));
    }
}

/// A member can leave. The library has no route for that.
async fn leave(auth: Data<Auth>, member: CurrentMember) -> Result<HttpResponse, AuthError> {
    auth.users().delete(&member).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn born_before(
    _librarian: CurrentMember<Superuser>,
    database: Data<Database>,
    date: Path<String>,
) -> Result<Json<Vec<Profile>>, AuthError> {
    let date =
        Date::parse(&date, format_description!("[year]-[month]-[day]")).map_err(|_| HttpError::BadRequest)?;
    Ok(Json(members_born_before(&database, date).await?))
}
