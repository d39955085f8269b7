//! The page and the document, as they are served.

use actix_web::{
    App,
    http::{
        StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::NormalizePath,
    test::{self, TestRequest},
    web,
};
use auth_actix::{AuthBuilder, Docs};
use serde_json::{Value, json};
use utoipa::{OpenApi, openapi::Server};

use super::service::{Backends, Service};

/// What a path answers to a GET: a [`Read`].
macro_rules! read {
    ($app:expr, $path:expr) => {{
        let response = test::call_service(&$app, TestRequest::get().uri($path).to_request()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = test::read_body(response).await;
        Read {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }};
}

struct Read {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Read {
    fn header(&self, name: HeaderName) -> &str {
        let value = self.headers.get(name).expect("the header");
        value.to_str().expect("text")
    }
}

#[actix_web::test]
async fn the_page_is_served_with_and_without_a_slash_and_all_that_it_asks_for() {
    let service = Service::new(Backends::All, false);
    let auth = &service.auth;
    let plain = test::init_service(App::new().configure(auth.docs("/docs"))).await;
    let trimmed = App::new()
        .wrap(NormalizePath::trim())
        .configure(auth.docs("docs/"));
    let trimmed = test::init_service(trimmed).await;
    let scoped = App::new().service(web::scope("/api/v1").configure(auth.docs("/docs")));
    let scoped = test::init_service(scoped).await;
    let root = App::new().configure(auth.docs("/"));
    let root = test::init_service(root).await;
    macro_rules! check {
        ($app:expr, $scope:literal, $pages:expr) => {
            for path in $pages {
                let page = read!($app, path);
                assert_eq!(page.status, StatusCode::OK, "{path}");
                assert_eq!(page.header(CONTENT_TYPE), "text/html; charset=utf-8");
                let mut asked = 0;
                for quoted in page.body.split("=\"?").skip(1) {
                    let file = quoted.split('"').next().unwrap_or_default();
                    let asked_for = read!($app, &format!("{path}?{file}"));
                    assert_eq!(asked_for.status, StatusCode::OK, "{file}");
                    assert_eq!(asked_for.header(X_CONTENT_TYPE_OPTIONS), "nosniff");
                    assert_ne!(
                        asked_for.header(CONTENT_TYPE),
                        page.header(CONTENT_TYPE),
                        "{file}"
                    );
                    asked += 1;
                }
                assert_eq!(asked, 4, "{}", page.body);
            }
            let document = read!($app, concat!($scope, "/openapi.json"));
            assert_eq!(document.status, StatusCode::OK);
            assert_eq!(document.header(CONTENT_TYPE), "application/json");
            let document: Value = serde_json::from_str(&document.body).expect("json");
            assert!(document["paths"]["/auth/register"]["post"].is_object());
        };
    }
    check!(plain, "", ["/docs", "/docs/"]);
    check!(trimmed, "", ["/docs", "/docs/"]);
    check!(scoped, "/api/v1", ["/api/v1/docs", "/api/v1/docs/"]);
    check!(root, "", ["/"]);
}

#[actix_web::test]
async fn the_page_names_no_other_host_keeps_no_token_and_may_call_its_own_service_alone() {
    let service = Service::new(Backends::All, false);
    let app = test::init_service(App::new().configure(service.auth.docs("/docs"))).await;
    for path in ["/docs", "/docs?initializer.js"] {
        let read = read!(app, path);
        assert!(!read.body.contains("://"), "{path} names a host: {}", read.body);
        let policy = read.header(CONTENT_SECURITY_POLICY);
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
    }
    let script = read!(app, "/docs?initializer.js").body;
    assert!(script.contains("persistAuthorization: false"), "{script}");
    assert!(script.contains("validatorUrl: null"), "{script}");
}

#[actix_web::test]
async fn the_docs_take_no_path_but_their_own() {
    let service = Service::new(Backends::All, false);
    let app = App::new()
        .configure(service.auth.docs("/"))
        .route("/hello", web::get().to(|| async { "hello" }));
    let app = test::init_service(app).await;
    assert_eq!(read!(app, "/hello").body, "hello");
    assert_eq!(read!(app, "/index.html").status, StatusCode::NOT_FOUND);
    let post = TestRequest::post().uri("/openapi.json").to_request();
    assert_eq!(
        test::call_service(&app, post).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn an_application_shows_its_own_routes_too() {
    #[utoipa::path(get, path = "/hello", responses((status = 200)), security(("bearer" = [])))]
    #[expect(dead_code, reason = "only its description counts")]
    fn hello() {}

    #[derive(OpenApi)]
    #[openapi(paths(hello))]
    struct Own;

    let service = Service::new(Backends::All, false);
    let docs = Docs::new(&service.auth.openapi().merge_from(Own::openapi()));
    let app = test::init_service(App::new().configure(docs.at("/docs"))).await;
    let document = read!(app, "/openapi.json").body;
    let document: Value = serde_json::from_str(&document).expect("json");
    assert!(document["paths"]["/hello"]["get"].is_object());
    assert!(document["paths"]["/users/me"]["get"].is_object());
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}

#[actix_web::test]
async fn c7_the_urls_of_the_document_are_below_its_server() {
    let with_public_url =
        |builder: AuthBuilder| builder.public_url("https://example.com/api/").expect("a URL");
    for (public, server, shown, log_in) in [
        (false, None, ".", "auth/bearer/login"),
        (false, Some("/api/v2"), "/api/v2", "/api/v2/auth/bearer/login"),
        (false, Some("/api/v2/"), "/api/v2/", "/api/v2/auth/bearer/login"),
        (
            false,
            Some("https://a.example"),
            "https://a.example",
            "https://a.example/auth/bearer/login",
        ),
        (
            true,
            None,
            "https://example.com/api",
            "https://example.com/api/auth/bearer/login",
        ),
    ] {
        let service = Service::with(Backends::All, false, |builder| match public {
            true => with_public_url(builder),
            false => builder,
        });
        let mut document = service.auth.openapi();
        if let Some(server) = server {
            document.servers = Some(vec![Server::new(server)]);
        }
        let app = test::init_service(App::new().configure(Docs::new(&document).at("/docs"))).await;
        let document = read!(app, "/openapi.json").body;
        let document: Value = serde_json::from_str(&document).expect("json");
        assert_eq!(document["servers"], json!([{ "url": shown }]));
        let flow = &document["components"]["securitySchemes"]["bearer"]["flows"]["password"];
        assert_eq!(flow["tokenUrl"], log_in);
    }
}
