//! The place of what a guard lets pass.

use actix_web::{App, test, web};
use auth_actix::{Active, Superuser};

use crate::service::{Service, bearer, get, required};

#[actix_web::test]
async fn a_path_whose_scope_leads_elsewhere_is_not_excepted() {
    let service = Service::new();
    let guard = service
        .auth
        .protect()
        .except(["/live", "/docs/*"])
        .expect("paths");
    let live = || web::get().to(async || "live");
    let tenant = web::scope("/{tenant}").wrap(guard);
    let tenant = tenant.route("/live", live()).route("/docs/{tail:.*}", live());
    let app = test::init_service(App::new().service(tenant)).await;
    for path in ["/live", "/docs/a"] {
        assert_eq!(get!(app, &format!("/camelot{path}"),).0, 200, "{path}");
        for tenant in ["..", "%2e%2E", ".", "..;a", "..%2F..", "%252e."] {
            assert_eq!(get!(app, &format!("/{tenant}{path}"),).0, 401, "{tenant}{path}");
        }
    }
}

#[actix_web::test]
async fn an_excepted_path_is_that_of_the_scope_and_other_guards_have_exceptions_too() {
    let service = Service::new();
    let guard = service.auth.require(Superuser).except(["/live"]).expect("a path");
    let api = web::scope("/api")
        .wrap(guard)
        .route("/live", web::get().to(async || "live"))
        .route("/api/live", web::get().to(async || "another"))
        .route("/active", web::to(required::<Active>))
        .configure(service.auth.routes());
    let inner = web::scope("/outer/api").configure(service.auth.routes());
    let app = test::init_service(
        App::new()
            .service(api)
            .service(web::scope("").wrap(service.auth.protect()).service(inner)),
    )
    .await;
    assert_eq!(get!(app, "/api/live",), (200, "live".to_owned()));
    assert_eq!(get!(app, "/api/api/live",).0, 401);
    assert_eq!(get!(app, "/api/active",).0, 401);
    assert_eq!(get!(app, "/api/active", bearer(&service.token("a").await)).0, 403);
    // Only a protected application lets the library's own routes pass, and only where they are mounted.
    assert_eq!(get!(app, "/api/auth/methods",).0, 401);
    assert_eq!(get!(app, "/outer/api/auth/methods",).0, 401);
}

#[actix_web::test]
async fn a_route_of_the_library_passes_only_where_it_is_mounted() {
    let (service, other) = (Service::new(), Service::new());
    let protected = |path: &str| web::scope(path).wrap(service.auth.protect());
    let own = || web::to(async || "my own");
    let app = test::init_service(
        App::new()
            .service(protected("/admin").route("/auth/methods", own()))
            .service(protected("/in/{tenant}").route("/auth/methods", own()))
            .service(
                protected("/auth/bearer")
                    .route("/auth/methods", own())
                    .route("/login", own()),
            )
            .service(protected("/t/{tenant}/{id}").configure(service.auth.routes()))
            .service(protected("/other").configure(other.auth.routes()))
            .configure(service.auth.routes()),
    )
    .await;
    for path in [
        "/admin/auth/methods",
        "/in/camelot/auth/methods",
        "/in/../auth/methods",
        "/in/%2e%2e/auth/methods",
        "/auth/bearer/login",
        "/auth/bearer/auth/methods",
        "/other/auth/methods",
        "/t/a/b/auth/sessions",
        "/t/a/auth/methods",
    ] {
        assert_eq!(get!(app, path,).0, 401, "{path}");
    }
    for mount in ["", "/t/a/b", "/t/caf%C3%A9/1", "/t/a%2Fb/%2525", "/t/%61/.."] {
        assert_eq!(get!(app, &format!("{mount}/auth/methods"),).0, 200, "{mount}");
    }
}

#[actix_web::test]
async fn a_path_that_cannot_be_excepted_is_named_at_start() {
    let auth = Service::new().auth;
    for path in ["/*", "live", "/users/{id}", "/a/../b", "/../*"] {
        let error = auth.protect().except(["/live", path]).err().expect(path);
        assert_eq!(error.setting(), format!("excepted path {path:?}"));
        assert!(error.to_string().contains(path), "{error}");
    }
}
