//! What cannot be built, and what cannot be told before a request comes.

use std::sync::Arc;

use actix_web::{App, test, web};
use auth_actix::{Active, Auth, CurrentUser, OptionalUser};
use auth_core::{
    AccessTokenStore, Lifetime, OpaqueStrategy, SigningSecret,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport};
use auth_users::UserManager;

use crate::service::{Service, app, bearer, get, routes};

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

#[actix_web::test]
async fn an_app_without_the_configuration_answers_500_and_does_not_panic() {
    let app = test::init_service(App::new().configure(routes)).await;
    for path in ["/active", "/optional/active"] {
        assert_eq!(
            get!(app, path, bearer("x")),
            (500, r#"{"detail":"Internal Server Error"}"#.to_owned())
        );
    }
}

#[actix_web::test]
async fn an_extractor_of_users_of_another_type_answers_500_and_does_not_panic() {
    type Profile = std::collections::BTreeMap<String, String>;
    let service = Service::new();
    let app = app!(
        service,
        .route("/id", web::get().to(async |_user: CurrentUser<Active, i64>| "their own"))
        .route("/profile", web::get().to(async |_user: OptionalUser<Active, uuid::Uuid, Profile>| "their own"))
        .service(
            web::scope("/guarded")
                .wrap(service.auth.require(Active))
                .route("", web::get().to(async |_user: CurrentUser<Active, i64>| "their own")),
        )
    );
    let token = service.token("a").await;
    for path in ["/id", "/profile", "/guarded"] {
        assert_eq!(
            get!(app, path, bearer(&token)),
            (500, r#"{"detail":"Internal Server Error"}"#.to_owned()),
            "{path}"
        );
    }
}
