//! Whole applications that ask for a user.

use actix_web::{
    App, HttpRequest,
    body::{BoxBody, EitherBody},
    dev::ServiceRequest,
    http::Method,
    middleware::{Next, from_fn},
    test::{self, TestRequest},
    web,
};
use auth_actix::{Active, CurrentUser, Guard, Superuser, not_found};
use auth_core::{AccessTokenStore as _, TokenLookup};
use auth_users::MailKind;
use serde_json::{Value, json};

use crate::service::{Service, app, bearer, cookie, get, routes};

fn protect(service: &Service) -> Guard {
    let paths = ["/live", "/docs/*", "/openapi.json", "/files/assets/*"];
    service.auth.protect().except(paths).expect("paths")
}

/// Resolves dots, as a file server or a gateway does.
async fn file(path: web::Path<String>) -> String {
    let mut found = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment {
            ".." => drop(found.pop()),
            "." | "" => {}
            name => found.push(name),
        }
    }
    found.join("/")
}

/// An application that is protected whole.
macro_rules! protected {
    ($service:expr) => {
        test::init_service(
            App::new()
                .wrap(protect(&$service))
                .route("/live", web::get().to(async || "live"))
                .route("/docs", web::get().to(async || "docs"))
                .route("/docs/{tail:.*}", web::get().to(async || "docs"))
                .route("/openapi.json", web::get().to(async || "document"))
                .route("/files/{path:.*}", web::get().to(file))
                .route("/hello", web::get().to(async || "hello"))
                .service(web::resource("/report").to(async || "a secret report"))
                .service(
                    web::scope("/mine")
                        .wrap($service.auth.accept(["cookie"]).expect("a backend"))
                        .configure(routes),
                )
                .configure(routes)
                .configure($service.auth.routes())
                .default_service(web::to(not_found)),
        )
        .await
    };
}

#[actix_web::test]
async fn every_route_asks_for_a_user_unless_it_is_excepted() {
    let service = Service::new();
    let app = protected!(service);
    let (user, inactive) = (service.token("a").await, service.token("v").await);
    for path in [
        "/live",
        "/docs",
        "/docs/",
        "/docs/a/b",
        "/openapi.json",
        "/auth/methods",
    ] {
        assert_eq!(get!(app, path,).0, 200, "{path}");
    }
    let unauthorized = (401, r#"{"detail":"Unauthorized"}"#.to_owned());
    for path in [
        "/hello",
        "/active",
        "/optional/active",
        "/users/me",
        "/auth/sessions",
        "/none",
        "/",
        "/docsy",
        "/live/",
        "//live",
        "/%6Cive/x",
        "/LIVE",
        "/auth/none",
        "/auth/bearer/none",
    ] {
        assert_eq!(get!(app, path,), unauthorized, "{path}");
        assert_eq!(get!(app, path, bearer("unknown")), unauthorized, "{path}");
        assert_eq!(get!(app, path, bearer(&inactive)), unauthorized, "{path}");
        let known = get!(app, path, bearer(&user)).0;
        let is_there = [
            "/hello",
            "/active",
            "/optional/active",
            "/users/me",
            "/auth/sessions",
        ]
        .contains(&path);
        assert_eq!(known, if is_there { 200 } else { 404 }, "{path}");
    }
    for name in [
        "app.js",
        "a/b//c.css",
        "..app.js",
        "a.%2E",
        "libstdc%2B%2B.js",
        "caf%C3%A9;v=1",
    ] {
        assert_eq!(get!(app, &format!("/files/assets/{name}"),).0, 200, "{name}");
    }
    let report = (200, "reports/q3.txt".to_owned());
    for up in [
        "assets/../reports",
        "assets/%2e%2e/reports",
        "assets/.%2E/reports",
        "assets//../reports",
        "assets/./../reports",
        "assets/a/../../reports",
        "assets/..%5Creports",
    ] {
        let path = format!("/files/{up}/q3.txt");
        assert_eq!(get!(app, &path,), unauthorized, "{path}");
        assert_eq!(get!(app, &path, bearer(&user)), report, "{path}");
    }
    // Others would decode these once more, cut something off or leave something out.
    for up in [
        "..%2F",
        "%252e%252e",
        "%2%65.",
        "..;",
        "..;a=b",
        "..%3F",
        "..%23",
        "..%20",
        ".%09.",
        "%c0%ae.",
    ] {
        let path = format!("/files/assets/{up}/reports/q3.txt");
        assert_eq!(get!(app, &path,), unauthorized, "{path}");
    }
}

#[actix_web::test]
async fn one_can_log_in_and_register() {
    let service = Service::new();
    let app = protected!(service);
    let status = async |request: TestRequest| {
        test::call_service(&app, request.to_request())
            .await
            .status()
            .as_u16()
    };
    let post = |path: &str| TestRequest::post().uri(path);
    let wrong = [("username", "nobody@example.com"), ("password", "wrong")];
    assert_eq!(status(post("/auth/bearer/login").set_form(wrong)).await, 400);
    assert_eq!(status(post("/auth/bearer/login/").set_form(wrong)).await, 307);
    assert_eq!(status(post("/auth/register").set_json(())).await, 422);
    assert_eq!(status(post("/auth/forgot-password").set_json(())).await, 422);
    // The library removes a cookie that is no use.
    let dead = post("/auth/cookie/logout").insert_header(cookie("dead"));
    let answer = test::call_service(&app, dead.to_request()).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("set-cookie"));

    // Other methods of these paths are no routes of the library.
    assert_eq!(status(TestRequest::get().uri("/auth/bearer/login")).await, 401);
    assert_eq!(status(TestRequest::delete().uri("/users/me")).await, 401);
}

/// The status and the JSON of the answer of `$app` to a `POST` of JSON.
macro_rules! posted {
    ($app:expr, $path:expr, $json:expr $(, $header:expr)*) => {{
        let request = TestRequest::post().uri($path).set_json($json)$(.insert_header($header))*;
        let answer = test::call_service(&$app, request.to_request()).await;
        let status = answer.status().as_u16();
        let body = test::read_body(answer).await;
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    }};
}

const EMAIL: &str = "anna@example.com";
const PASSWORD: &str = "correct horse battery";

#[actix_web::test]
async fn a_log_in_is_refreshed_and_ended_though_its_access_token_has_expired() {
    let service = Service::new();
    let app = protected!(service);
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    assert_eq!(posted!(app, "/auth/register", person).0, 201);
    let log_in = TestRequest::post().uri("/auth/app/login");
    let log_in = log_in.set_form([("username", EMAIL), ("password", PASSWORD)]);
    let first: Value = test::call_and_read_body_json(&app, log_in.to_request()).await;
    let access = |pair: &Value| bearer(pair["access_token"].as_str().expect("a token"));
    let refresh = |pair: &Value| json!({ "refresh_token": pair["refresh_token"] });
    assert_eq!(get!(app, "/hello", access(&first)).0, 200);

    service.clock.advance(time::Duration::hours(2));
    assert_eq!(get!(app, "/hello", access(&first)).0, 401);
    let (status, second) = posted!(app, "/auth/app/refresh", refresh(&first), access(&first));
    assert_eq!(status, 200, "{second}");
    let (status, third) = posted!(app, "/auth/app/refresh", refresh(&second));
    assert_eq!(status, 200, "{third}");
    assert_eq!(get!(app, "/hello", access(&third)).0, 200);

    service.clock.advance(time::Duration::hours(2));
    assert_eq!(posted!(app, "/auth/app/logout", refresh(&third)).0, 204);
    assert_eq!(posted!(app, "/auth/app/refresh", refresh(&third)).0, 401);
    // A refresh token opens nothing else.
    for path in ["/hello", "/users/me", "/auth/sessions"] {
        assert_eq!(get!(app, path,).0, 401, "{path}");
    }
    assert_eq!(posted!(app, "/auth/logout-everywhere", refresh(&third)).0, 401);
}

#[actix_web::test]
async fn a_mailed_token_is_used_without_a_log_in() {
    let service = Service::new();
    let app = protected!(service);
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    assert_eq!(posted!(app, "/auth/register", person).0, 201);
    let mailed = async |path: &str, kind| {
        assert_eq!(posted!(app, path, json!({ "email": EMAIL })).0, 202);
        service.auth.users().outbox().drained().await;
        service.mailbox.token(kind, EMAIL).expect("a mail")
    };
    let token = mailed("/auth/request-verify-token", MailKind::Verify).await;
    let (status, user) = posted!(app, "/auth/verify", json!({ "token": token }));
    assert_eq!((status, &user["is_verified"]), (200, &Value::Bool(true)));
    let token = mailed("/auth/forgot-password", MailKind::Reset).await;
    let another = json!({ "token": token, "password": "another horse battery" });
    assert_eq!(posted!(app, "/auth/reset-password", another).0, 200);
    assert_eq!(get!(app, "/hello",).0, 401);
}

/// The status and the body of the answer of `$app` to `OPTIONS`.
macro_rules! options {
    ($app:expr, $path:expr, $($header:expr),*) => {{
        let request = TestRequest::default().method(Method::OPTIONS).uri($path)$(.insert_header($header))*;
        let response = test::call_service(&$app, request.to_request()).await;
        let status = response.status().as_u16();
        (status, String::from_utf8(test::read_body(response).await.to_vec()).expect("text"))
    }};
}

#[actix_web::test]
async fn options_without_a_user_reaches_no_handler_and_is_never_401() {
    let service = Service::new();
    let app = protected!(service);
    let (user, inactive) = (service.token("a").await, service.token("v").await);
    let empty = (204, String::new());
    for path in ["/report", "/active", "/users/me", "/auth/bearer/login", "/none"] {
        assert_eq!(options!(app, path,), empty, "{path}");
        assert_eq!(options!(app, path, bearer("unknown")), empty, "{path}");
        assert_eq!(options!(app, path, bearer(&inactive)), empty, "{path}");
    }
    let report = (200, "a secret report".to_owned());
    assert_eq!(options!(app, "/report", bearer(&user)), report);
    assert_eq!(options!(app, "/none", bearer(&user)).0, 404);
    assert_eq!(
        options!(app, "/live",).0,
        404,
        "an excepted path has its own handlers"
    );
    let preflight = ("access-control-request-method", "GET");
    assert_eq!(options!(app, "/report", preflight), empty);

    // Other guards refuse it like any request, and an application can ask for it.
    for (guard, expected) in [
        (service.auth.require(Active), 401),
        (service.auth.protect().options_to_handlers(), 200),
        (service.auth.require(Active).options_to_handlers(), 200),
    ] {
        let report = web::resource("/report").to(async || "a secret report");
        let app = test::init_service(App::new().wrap(guard).service(report)).await;
        assert_eq!(options!(app, "/report",).0, expected);
        assert_eq!(get!(app, "/report",).0, 401);
    }
}

#[actix_web::test]
async fn the_user_is_there_for_extractors_inner_guards_and_middlewares_without_another_look_up() {
    let service = Service::new();
    let token = service.token("a").await;
    let (tokens, key) = (
        service.token_store.clone(),
        TokenLookup::for_audience("test", &token),
    );
    // What is looked up again within is gone.
    let revoke = from_fn(move |request: ServiceRequest, next: Next<EitherBody<BoxBody>>| {
        let (tokens, key) = (tokens.clone(), key);
        async move {
            let user = CurrentUser::<Active>::found_by_guard(request.request());
            assert_eq!(
                user.map(|user| user.backend().to_owned()).as_deref(),
                Some("bearer")
            );
            assert!(CurrentUser::<Superuser>::found_by_guard(request.request()).is_none());
            assert!(tokens.delete(&key).await.expect("an answer"));
            next.call(request).await
        }
    });
    let inner = web::scope("/inner")
        .wrap(service.auth.require(Active))
        .wrap(revoke)
        .configure(routes);
    let unguarded = async |request: HttpRequest| {
        CurrentUser::<Active>::found_by_guard(&request)
            .is_none()
            .to_string()
    };
    let app = app!(
        service,
        .service(web::scope("/protected").wrap(service.auth.protect()).service(inner))
        .route("/unguarded", web::get().to(unguarded))
    );
    let unguarded = get!(app, "/unguarded", bearer(&token));
    assert_eq!(unguarded, (200, "true".to_owned()));
    let seen = get!(app, "/protected/inner/active", bearer(&token));
    assert_eq!(seen, (200, "true by bearer".to_owned()));
    assert_eq!(get!(app, "/protected/inner/active", bearer(&token)).0, 401);
}

#[actix_web::test]
async fn guards_within_a_protected_application_add_up() {
    let service = Service::new();
    let app = protected!(service);
    let token = service.token("a").await;
    assert_eq!(get!(app, "/mine/active", bearer(&token)).0, 401);
    assert_eq!(
        get!(app, "/mine/active", cookie(&token)),
        (200, "true by cookie".to_owned())
    );
    assert_eq!(get!(app, "/superuser", bearer(&token)).0, 403);
}

#[actix_web::test]
async fn what_is_excepted_may_be_cached() {
    let service = Service::new();
    let app = protected!(service);
    let token = service.token("a").await;
    for (path, expected) in [("/live", None), ("/hello", Some("no-store"))] {
        let request = TestRequest::get().uri(path).insert_header(bearer(&token));
        let answer = test::call_service(&app, request.to_request()).await;
        let found = answer
            .headers()
            .get("cache-control")
            .map(|value| value.to_str().expect("ASCII"));
        assert_eq!(found, expected, "{path}");
    }
}
