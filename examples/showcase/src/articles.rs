//! Roles, and a route that asks for a permission: an author writes articles, and an editor publishes them, too.

use actix_web::web::{Json, ServiceConfig};
use portcullis::{ConfigError, Roles, actix::CurrentUser, http::permission};
use serde_json::{Value, json};

use crate::get_only::get_only;

pub(crate) const PATH: &str = "/articles";

permission! {
    /// Publishes articles.
    struct PublishArticles = "articles:publish";
}

/// The roles that a user can have.
///
/// # Errors
/// [`ConfigError`] if a name is wrong.
pub(crate) fn roles() -> Result<Roles, ConfigError> {
    Roles::new()
        .role("author", ["articles:write"])?
        .role("editor", ["articles:*"])
}

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(get_only(PATH, articles));
}

async fn articles(user: CurrentUser<PublishArticles>) -> Json<Value> {
    Json(json!({ "email": user.email.as_str() }))
}
