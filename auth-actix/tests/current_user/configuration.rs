//! What cannot be built, and what cannot be told before a request comes.

use std::{sync::Arc, time::Duration};

use actix_web::{
    App, Error, HttpServer,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    rt, test, web,
};
use auth_actix::{Active, Auth, CurrentUser, OptionalUser};
use auth_core::{
    Lifetime, OpaqueStrategy, SigningSecret,
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
        let tokens = Arc::new(MemoryAccessTokenStore::new());
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
    assert_eq!(built(|builder| builder.auth_path("auth")), "auth_path");
    assert_eq!(built(|builder| builder.auth_path("/auth/")), "auth_path");
    assert_eq!(built(|builder| builder.users_path("/{id}")), "users_path");
    assert_eq!(built(|builder| builder.users_path("/auth")), "users_path");
    assert_eq!(
        built(|builder| builder.protected_fields(["plann"])),
        "protected_fields"
    );
    assert_eq!(
        built(|builder| builder.body_timeout(std::time::Duration::ZERO)),
        "body_timeout"
    );
}

/// The message of the panic with which `app` starts.
fn refusal<P>(app: impl FnOnce() -> App<P> + std::panic::UnwindSafe) -> String
where
    P: ServiceFactory<ServiceRequest, Config = (), Error = Error, InitError = (), Response = ServiceResponse>
        + 'static,
{
    let started = std::panic::catch_unwind(|| {
        rt::System::new().block_on(async { drop(test::init_service(app()).await) })
    });
    let panic = started.expect_err("it starts");
    panic.downcast_ref::<String>().expect("a message").clone()
}

#[core::prelude::v1::test]
fn n2_a_second_auth_for_users_of_one_type_in_an_app_is_a_panic_at_start_that_names_the_type() {
    let message = refusal(|| {
        let (one, other) = (Service::new().auth, Service::new().auth);
        App::new().configure(one.routes()).configure(other.routes())
    });
    for part in [
        "ids `uuid::Uuid` and profiles `()`",
        "mounted in one `App` or scope",
        "a scope of its own",
    ] {
        assert!(message.contains(part), "{message}");
    }
    refusal(|| {
        let (one, other) = (Service::new().auth, Service::new().auth);
        let both = web::scope("/both")
            .configure(one.routes())
            .configure(other.routes());
        App::new().service(web::scope("").service(both))
    });
}

#[actix_web::test]
async fn n2_a_server_with_two_auths_of_one_type_ends_with_an_error() {
    let (one, other) = (Service::new().auth, Service::new().auth);
    let server = HttpServer::new(move || App::new().configure(one.routes()).configure(other.routes()))
        .workers(2)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a free port")
        .run();
    let ended = rt::time::timeout(Duration::from_secs(30), server).await;
    ended.expect("it ends by itself").expect_err("it does not serve");
}

#[actix_web::test]
async fn n2_one_auth_is_mounted_twice_and_one_of_other_users_beside_it() {
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    struct Staff;

    let service = Service::new();
    let secret = SigningSecret::generate().expect("secret");
    let users = UserManager::<uuid::Uuid, Staff>::builder(Arc::new(MemoryUserStore::new()), &secret);
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    let strategy = OpaqueStrategy::new(tokens, Lifetime::FOREVER);
    let staff = Auth::builder(users.build().expect("users"))
        .backend(AuthBackend::new("bearer", BearerTransport, strategy))
        .auth_path("/staff/auth")
        .users_path("/staff/users")
        .build()
        .expect("auth");
    let token = service.token("a").await;
    // Of two Apps on one thread, as of two workers, each is by itself.
    for auth in [&service.auth, &Service::new().auth] {
        let app = test::init_service(
            App::new()
                .service(web::scope("/v1").configure(auth.routes()))
                .service(web::scope("/v2").configure(auth.routes()))
                .configure(staff.routes()),
        )
        .await;
        for path in ["/v1/users/me", "/v2/users/me"] {
            let expected = if std::ptr::eq(auth, &service.auth) {
                200
            } else {
                401
            };
            assert_eq!(get!(app, path, bearer(&token)).0, expected, "{path}");
        }
        assert_eq!(get!(app, "/staff/users/me", bearer(&token)).0, 401);
    }
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
