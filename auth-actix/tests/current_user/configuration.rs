//! What cannot be built.

use std::sync::Arc;

use auth_actix::Auth;
use auth_core::{
    AccessTokenStore, Lifetime, OpaqueStrategy, SigningSecret,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport};
use auth_users::UserManager;

use crate::service::Service;

#[actix_web::test]
async fn a_bad_configuration_fails_at_start_and_names_the_setting() {
    let built = |change: fn(auth_actix::AuthBuilder) -> auth_actix::AuthBuilder| {
        let secret = SigningSecret::generate().expect("secret");
        let users = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret)
            .build()
            .expect("users");
        let tokens: Arc<dyn AccessTokenStore> = Arc::new(MemoryAccessTokenStore::new());
        let strategy = OpaqueStrategy::new(tokens, Lifetime::FOREVER);
        let builder = Auth::builder(users).backend(AuthBackend::new("bearer", BearerTransport, strategy));
        change(builder)
            .build()
            .err()
            .expect("a bad configuration")
            .setting()
            .to_owned()
    };
    let unknown = Service::new()
        .auth
        .accept(["bearer", "coookie"])
        .err()
        .expect("unknown");
    assert_eq!(unknown.setting(), "backend \"coookie\"");
    assert_eq!(built(|builder| builder.auth_at("auth")), "auth_at");
    assert_eq!(built(|builder| builder.auth_at("/auth/")), "auth_at");
    assert_eq!(built(|builder| builder.users_at("/{id}")), "users_at");
    assert_eq!(built(|builder| builder.users_at("/auth")), "users_at");
    assert_eq!(
        built(|builder| builder.body_timeout(std::time::Duration::ZERO)),
        "body_timeout"
    );
}
