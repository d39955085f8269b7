//! Guards of whole scopes.

use actix_web::{App, HttpResponse, http::StatusCode, test, web};
use auth_actix::{Active, Requirement, Superuser, Verified};
use auth_core::{Credential, User};
use auth_http::{AcceptedBackends, Authenticated};
use uuid::Uuid;

use crate::service::{Service, app, bearer, cookie, get, required, routes};

#[actix_web::test]
async fn a_guard_answers_for_every_handler_of_its_scope() {
    let service = Service::new();
    let guarded = web::scope("/reports")
        .wrap(service.auth.require(Verified))
        .route("", web::get().to(async || "report"))
        .route("/mine", web::get().to(required::<Active>))
        .route("/admin", web::get().to(required::<Superuser>));
    let app = app!(service, .service(guarded));
    let (plain, verified) = (service.token("a").await, service.token("av").await);
    assert_eq!(
        get!(app, "/reports",),
        (401, r#"{"detail":"Unauthorized"}"#.to_owned())
    );
    assert_eq!(
        get!(app, "/reports", bearer(&plain)),
        (403, r#"{"detail":"Forbidden"}"#.to_owned())
    );
    assert_eq!(
        get!(app, "/reports", bearer(&verified)),
        (200, "report".to_owned())
    );
    assert_eq!(
        get!(app, "/reports/mine", bearer(&verified)),
        (200, "true by bearer".to_owned())
    );
    assert_eq!(get!(app, "/reports/admin", bearer(&verified)).0, 403);
    assert_eq!(
        get!(app, "/reports/none",).0,
        401,
        "not even which routes there are is told"
    );
}

/// A rule of the application's own, for an extractor.
#[derive(Default)]
struct ByATokenOfAStore;

impl Requirement for ByATokenOfAStore {
    fn is_met(&self, found: &Authenticated) -> bool {
        found.credential.id.is_some()
    }
}

#[actix_web::test]
async fn an_application_asks_for_a_rule_of_its_own_of_user_and_credential() {
    fn is_no_superuser(user: &User, credential: &Credential<Uuid>) -> bool {
        !user.is_superuser && credential.subject.user_id == user.id
    }
    let service = Service::new();
    let both = web::scope("/both")
        .wrap(service.auth.require((is_no_superuser, Verified)))
        .route("/rule", web::get().to(required::<(ByATokenOfAStore, Verified)>))
        .route("/never", web::get().to(required::<(ByATokenOfAStore, Superuser)>));
    let inner = web::scope("/inner")
        .wrap(service.auth.require(is_no_superuser))
        .route("", web::get().to(async || "passed"));
    let nested = web::scope("/nested")
        .wrap(service.auth.require(Verified))
        .service(inner);
    let app = app!(service, .service(both).service(nested));
    let tokens = [
        service.token("a").await,
        service.token("av").await,
        service.token("avs").await,
    ];
    for (path, statuses) in [
        ("/both/rule", [403, 200, 403]),
        ("/both/never", [403, 403, 403]),
        ("/nested/inner", [403, 200, 403]),
    ] {
        for (token, status) in tokens.iter().zip(statuses) {
            assert_eq!(get!(app, path, bearer(token)).0, status, "{path}");
        }
        assert_eq!(get!(app, path,).0, 401);
    }
}

#[actix_web::test]
async fn a_scope_accepts_only_the_backends_that_it_names() {
    let service = Service::new();
    let only_cookie = web::scope("/cookie")
        .wrap(service.auth.accept(["cookie"]).expect("a backend"))
        .configure(routes);
    let narrowed = web::scope("/narrowed")
        .wrap(service.auth.require(Active))
        .service(
            web::scope("")
                .wrap(service.auth.accept(["cookie"]).expect("a backend"))
                .configure(routes),
        );
    let chosen = web::scope("/chosen")
        .wrap(service.auth.accept_by(|request| {
            AcceptedBackends::only(
                request
                    .headers()
                    .get("x-backend")
                    .and_then(|name| name.to_str().ok()),
            )
        }))
        .configure(routes);
    let app = app!(service, .service(only_cookie).service(narrowed).service(chosen));
    let token = service.token("a").await;

    assert_eq!(get!(app, "/cookie/active", bearer(&token)).0, 401);
    assert_eq!(
        get!(app, "/cookie/active", cookie(&token)),
        (200, "true by cookie".to_owned())
    );
    assert_eq!(
        get!(app, "/cookie/optional/active", bearer(&token)),
        (200, "nobody".to_owned())
    );
    let both = get!(app, "/cookie/active", bearer("unknown"), cookie(&token));
    assert_eq!(both, (200, "true by cookie".to_owned()));

    assert_eq!(
        get!(app, "/narrowed/active", bearer(&token)).0,
        401,
        "what the guard found does not count within"
    );
    assert_eq!(
        get!(app, "/narrowed/active", cookie(&token)),
        (200, "true by cookie".to_owned())
    );

    assert_eq!(get!(app, "/chosen/active", bearer(&token)).0, 401);
    assert_eq!(
        get!(app, "/chosen/active", bearer(&token), ("x-backend", "bearer")).0,
        200
    );
    assert_eq!(
        get!(app, "/chosen/active", bearer(&token), ("x-backend", "cookie")).0,
        401
    );
}

#[actix_web::test]
async fn guards_add_up_whatever_their_order() {
    let service = Service::new();
    let cookie_only = service.auth.accept(["cookie"]).expect("a backend");
    let bearer_only = service.auth.accept(["bearer"]).expect("a backend");
    let report = || web::get().to(async || "report");
    let inner_first = web::scope("/1")
        .wrap(cookie_only.clone())
        .wrap(service.auth.require(Verified))
        .route("", report());
    let outer_first = web::scope("/2")
        .wrap(service.auth.require(Verified))
        .wrap(cookie_only.clone())
        .route("", report());
    let nested = web::scope("/3").wrap(service.auth.require(Superuser)).service(
        web::scope("")
            .wrap(service.auth.require(Verified))
            .wrap(cookie_only.clone())
            .route("", report()),
    );
    let disjoint = web::scope("/4").wrap(bearer_only).service(
        web::scope("")
            .wrap(cookie_only)
            .wrap(service.auth.require(Active))
            .route("", report()),
    );
    let app = app!(service, .service(inner_first).service(outer_first).service(nested).service(disjoint));

    let (verified, both) = (service.token("av").await, service.token("avs").await);
    let plain = service.token("a").await;
    for path in ["/1", "/2"] {
        assert_eq!(get!(app, path, bearer(&verified)).0, 401, "{path}");
        assert_eq!(get!(app, path, cookie(&verified)).0, 200, "{path}");
        assert_eq!(
            get!(app, path, bearer("unknown"), cookie(&verified)).0,
            200,
            "{path}"
        );
        assert_eq!(
            get!(app, path, bearer(&plain), cookie(&verified)).0,
            if path == "/1" { 403 } else { 200 }
        );
        assert_eq!(
            get!(app, path, bearer(&verified), cookie(&plain)).0,
            403,
            "{path}"
        );
    }
    assert_eq!(get!(app, "/3", cookie(&both)).0, 200);
    assert_eq!(get!(app, "/3", bearer(&both)).0, 401);
    assert_eq!(
        get!(app, "/3", bearer(&both), cookie(&verified)).0,
        403,
        "the outer guard's question stands"
    );
    for token in [bearer(&both), cookie(&both)] {
        assert_eq!(get!(app, "/4", token).0, 401);
    }
}

#[actix_web::test]
async fn www_authenticate_is_told_only_where_a_bearer_backend_is_accepted() {
    let service = Service::new();
    let only_cookie = web::scope("/cookie")
        .wrap(service.auth.accept(["cookie"]).expect("a backend"))
        .configure(routes);
    let app = app!(service, .configure(routes).service(only_cookie));
    for (path, expected) in [("/active", Some("Bearer")), ("/cookie/active", None)] {
        let response = test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let told = response
            .headers()
            .get("www-authenticate")
            .map(|value| value.to_str().expect("text"));
        assert_eq!(told, expected, "{path}");
    }
}

#[actix_web::test]
async fn a_guard_and_an_extractor_take_no_user_that_another_service_found() {
    let (one, other) = (Service::new(), Service::new());
    let guarded = web::scope("/guarded").wrap(one.auth.require(Active)).service(
        web::scope("")
            .wrap(other.auth.require(Superuser))
            .configure(other.auth.routes())
            .configure(routes),
    );
    let extracted = web::scope("/extracted")
        .wrap(one.auth.require(Active))
        .configure(other.auth.routes())
        .configure(routes);
    let app = app!(one, .service(guarded).service(extracted));
    let (ours, theirs) = (one.token("as").await, other.token("as").await);
    let no_superuser = other.token("a").await;
    for path in ["/guarded/superuser", "/extracted/superuser"] {
        assert_eq!(get!(app, path, bearer(&ours)).0, 401, "{path}");
        assert_eq!(get!(app, path, bearer(&theirs)).0, 401, "{path}");
        assert_eq!(
            get!(app, path, bearer(&ours), cookie(&no_superuser)).0,
            403,
            "{path}"
        );
        assert_eq!(
            get!(app, path, bearer(&ours), cookie(&theirs)),
            (200, "true by cookie".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        get!(app, "/extracted/optional/superuser", bearer(&ours)),
        (200, "nobody".to_owned())
    );
}

#[actix_web::test]
async fn extractors_where_no_service_is_mounted_take_the_user_of_the_guard_around_them() {
    let service = Service::new();
    let guarded = web::scope("/guarded")
        .wrap(service.auth.require(Active))
        .configure(routes);
    let app = test::init_service(App::new().service(guarded)).await;
    let token = service.token("a").await;
    assert_eq!(
        get!(app, "/guarded/active", bearer(&token)),
        (200, "true by bearer".to_owned())
    );
    assert_eq!(get!(app, "/guarded/superuser", bearer(&token)).0, 403);
    assert_eq!(
        get!(app, "/guarded/optional/superuser", bearer(&token)),
        (200, "nobody".to_owned())
    );
}

#[actix_web::test]
async fn c6_what_a_guard_lets_through_is_not_stored_unless_the_handler_says_so() {
    let service = Service::new();
    let cached = || {
        HttpResponse::Ok()
            .insert_header(("cache-control", "private, max-age=60"))
            .finish()
    };
    let guarded = web::scope("/guarded")
        .wrap(service.auth.require(Active))
        .route("/plain", web::get().to(async || "a report"))
        .route("/cached", web::get().to(move || async move { cached() }))
        .route("/inner", web::get().to(required::<Superuser>));
    let accepting = web::scope("/accepting")
        .wrap(service.auth.accept(["bearer"]).expect("a backend"))
        .route("/plain", web::get().to(async || "for everyone"));
    let app = app!(service, .service(guarded).service(accepting));
    let token = service.token("a").await;
    for (path, expected) in [
        ("/guarded/plain", Some("no-store")),
        ("/guarded/cached", Some("private, max-age=60")),
        ("/guarded/inner", Some("no-store")),
        ("/guarded/none", Some("no-store")),
        ("/accepting/plain", None),
    ] {
        let request = test::TestRequest::get().uri(path).insert_header(bearer(&token));
        let response = test::call_service(&app, request.to_request()).await;
        let found = response.headers().get("cache-control");
        assert_eq!(
            found.map(|value| value.to_str().expect("ASCII")),
            expected,
            "{path}"
        );
    }
}
