//! Registration, log-in and a protected route on the adapter.

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use portcullis::{
    ConfigError, Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, CurrentUser},
    http::AuthBackend,
    users::UserManager,
};

use crate::{Database, RedbAccessTokenStore, RedbUserStore};

/// The authentication of the users in `database`.
///
/// # Errors
/// If a setting cannot be used.
pub fn auth(database: &Database, secret: &SigningSecret) -> Result<Auth, ConfigError> {
    let users = Arc::new(RedbUserStore(database.clone()));
    let tokens = Arc::new(RedbAccessTokenStore(database.clone()));
    let tokens = OpaqueStrategy::new(tokens, Lifetime::from_secs(3600)?);
    Auth::builder(UserManager::builder(users, secret).build()?)
        .backend(AuthBackend::bearer("bearer", tokens))
        .build()
}

/// Mounts everything.
pub fn routes(auth: &Auth) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let routes = auth.routes();
    move |config| {
        config.configure(routes).route("/hello", web::get().to(hello));
    }
}

async fn hello(user: CurrentUser) -> String {
    format!("Hello, {}!", user.email)
}
