//! Extractors.

use std::error::Error;

use actix_web::{App, HttpResponse, http::Method, test, web};
use auth_actix::{Active, AuthError, CurrentUser, ExtractError};

use crate::service::{Service, app, bearer, cookie, get, routes};

#[actix_web::test]
async fn a_route_lets_in_exactly_the_users_that_it_asks_for() {
    let service = Service::new();
    let app = app!(service, .configure(routes));
    for (flags, active, verified, superuser, both) in [
        ("", 401, 401, 401, 401),
        ("vs", 401, 401, 401, 401),
        ("a", 200, 403, 403, 403),
        ("av", 200, 200, 403, 403),
        ("as", 200, 403, 200, 403),
        ("avs", 200, 200, 200, 200),
    ] {
        let token = service.token(flags).await;
        for (path, expected) in [
            ("/active", active),
            ("/verified", verified),
            ("/superuser", superuser),
            ("/both", both),
        ] {
            assert_eq!(get!(app, path, bearer(&token)).0, expected, "{flags} {path}");
            assert_eq!(get!(app, path, cookie(&token)).0, expected, "{flags} {path}");
            assert_eq!(get!(app, path, bearer("unknown")).0, 401);
            assert_eq!(get!(app, path,), (401, r#"{"detail":"Unauthorized"}"#.to_owned()));
        }
        for (path, required) in [
            ("active", active),
            ("verified", verified),
            ("superuser", superuser),
        ] {
            let expected = if required == 200 { "someone" } else { "nobody" };
            let optional = get!(app, &format!("/optional/{path}"), bearer(&token));
            assert_eq!(optional, (200, expected.to_owned()), "{flags} {path}");
        }
        assert_eq!(
            get!(app, "/optional/active", bearer("unknown")),
            (200, "nobody".to_owned())
        );
        assert_eq!(get!(app, "/optional/active",), (200, "nobody".to_owned()));
    }
}

#[actix_web::test]
async fn a_handler_sees_the_token_beside_the_user() {
    let service = Service::new();
    let app = app!(service, .configure(routes));
    let token = service.token("a").await;
    assert_eq!(
        get!(app, "/token", bearer(&token)),
        (200, "true true None".to_owned())
    );
}

#[actix_web::test]
async fn x1_a_cross_site_request_with_a_cookie_reaches_no_handler() {
    let service = Service::new();
    let guarded = web::scope("/guarded")
        .wrap(service.auth.require(Active))
        .configure(routes);
    let app = app!(service, .configure(routes).service(guarded));
    let token = service.token("a").await;
    for path in ["/active", "/optional/active", "/guarded/active"] {
        for (site, expected) in [("cross-site", 403), ("same-origin", 200)] {
            let request = test::TestRequest::default()
                .method(Method::POST)
                .uri(path)
                .insert_header(cookie(&token))
                .insert_header(("sec-fetch-site", site))
                .to_request();
            assert_eq!(
                test::call_service(&app, request).await.status().as_u16(),
                expected,
                "{path} {site}"
            );
        }
    }
}

/// So that `?` turns it into an `anyhow::Error` or into an error of the application's own.
#[actix_web::test]
async fn an_error_of_an_extractor_becomes_one_that_goes_anywhere() {
    fn is_send<T: Error + Clone + Send + Sync + 'static>() {}
    is_send::<AuthError>();
    async fn answered(user: Result<CurrentUser, ExtractError>) -> Result<String, AuthError> {
        Ok(user?.backend().to_owned())
    }
    async fn told(user: Result<CurrentUser, ExtractError>) -> String {
        let checked = || -> Result<String, Box<dyn Error + Send + Sync>> {
            let user = user.map_err(AuthError::from)?;
            Ok(user.backend().to_owned())
        };
        checked().unwrap_or_else(|error| error.to_string())
    }
    let service = Service::new();
    let app = app!(
        service,
        .route("/answered", web::get().to(answered)).route("/told", web::get().to(told))
    );
    let token = service.token("a").await;
    assert_eq!(get!(app, "/answered", bearer(&token)), (200, "bearer".to_owned()));
    assert_eq!(
        get!(app, "/answered",),
        (401, r#"{"detail":"Unauthorized"}"#.to_owned())
    );
    assert_eq!(get!(app, "/told", bearer(&token)), (200, "bearer".to_owned()));
    let told = "the request was answered with status 401";
    assert_eq!(get!(app, "/told",), (200, told.to_owned()));
}

#[actix_web::test]
async fn a_route_of_the_applications_own_stands_beside_ours() {
    let service = Service::new();
    let own = || HttpResponse::NoContent().finish();
    let app = test::init_service(
        App::new()
            .route(
                "/users/me",
                web::delete().to(move |_user: CurrentUser| async move { own() }),
            )
            .configure(service.auth.routes()),
    )
    .await;
    let token = service.token("a").await;
    for (method, path, expected) in [
        (Method::DELETE, "/users/me", 204),
        (Method::GET, "/users/me", 200),
        (Method::POST, "/users/me", 405),
        (Method::PUT, "/users/x", 405),
        (Method::GET, "/auth/bearer/login", 405),
        (Method::GET, "/auth/other/login", 404),
        (Method::GET, "/users/x/y", 404),
    ] {
        let request = test::TestRequest::default()
            .method(method.clone())
            .uri(path)
            .insert_header(bearer(&token));
        let response = test::call_service(&app, request.to_request()).await;
        assert_eq!(response.status().as_u16(), expected, "{method} {path}");
    }
}

#[actix_web::test]
async fn two_services_of_one_type_of_user_do_not_answer_for_each_other() {
    let (one, other) = (Service::new(), Service::new());
    let app = test::init_service(
        App::new()
            .service(web::scope("/one").configure(one.auth.routes()))
            .configure(other.auth.routes()),
    )
    .await;
    let (ours, theirs) = (one.token("a").await, other.token("a").await);
    assert_eq!(get!(app, "/one/users/me", bearer(&ours)).0, 200);
    assert_eq!(get!(app, "/one/users/me", bearer(&theirs)).0, 401);
    assert_eq!(get!(app, "/users/me", bearer(&theirs)).0, 200);
    assert_eq!(get!(app, "/users/me", bearer(&ours)).0, 401);
}

#[actix_web::test]
async fn c11_a_slash_too_many_leads_to_the_route_without_it_by_an_address_of_the_same_host() {
    let service = Service::new();
    let scoped = Service::new();
    let app = test::init_service(
        App::new()
            .service(web::scope("/api/v2").configure(scoped.auth.routes()))
            .configure(service.auth.routes()),
    )
    .await;
    let id = "0190d1b4-6f2b-7c3a-9d00-000000000042";
    let answer = async |method: Method, path: &str| {
        let request = test::TestRequest::default().method(method).uri(path);
        let response = test::call_service(&app, request.to_request()).await;
        let location = response.headers().get("location");
        let location = location.map(|location| location.to_str().expect("ASCII").to_owned());
        (response.status().as_u16(), location)
    };
    for scope in ["", "/api/v2"] {
        for (path, location) in [
            ("/auth/bearer/login/", "../login"),
            ("/auth/cookie/logout/", "../logout"),
            ("/auth/register/", "../register"),
            ("/auth/request-verify-token/", "../request-verify-token"),
            ("/auth/verify/?token=a%2Fb&c", "../verify?token=a%2Fb&c"),
            ("/auth/forgot-password/", "../forgot-password"),
            ("/auth/reset-password/", "../reset-password"),
            ("/users/me/", "../me"),
            ("/users/me/?", "../me?"),
            (&format!("/users/{id}/"), &format!("../{id}")),
            ("/users/a.b@c/", "../a.b@c"),
        ] {
            for method in [
                Method::GET,
                Method::POST,
                Method::PATCH,
                Method::DELETE,
                Method::HEAD,
            ] {
                let redirect = answer(method.clone(), &format!("{scope}{path}")).await;
                assert_eq!(
                    redirect,
                    (307, Some(location.to_owned())),
                    "{method} {scope}{path}"
                );
            }
        }
        for path in [
            "/auth/",
            "/users/",
            "/auth/none/",
            "/auth/none/login/",
            "/users/me//",
            "/users//me/",
            "/users/me/x/",
            "/users/../",
            "/users/%2e%2e/",
            "/users/a%2F..%2Fb/",
            "/users/%5Cevil.example/",
            "/auth//evil.example/",
            "//evil.example/users/me/",
        ] {
            let not_found = answer(Method::GET, &format!("{scope}{path}")).await;
            assert_eq!(not_found, (404, None), "{scope}{path}");
        }
    }
}

#[actix_web::test]
async fn in_a_scope_with_a_parameter_id_the_users_id_is_that_of_the_route() {
    let service = Service::new();
    let (root, ada) = (service.token("as").await, service.token("a").await);
    let scope = web::scope("/tenants/{id}").configure(service.auth.routes());
    let app = test::init_service(App::new().service(scope)).await;
    let (_, me) = get!(app, "/tenants/1/users/me", bearer(&root));
    let root_id = serde_json::from_str::<serde_json::Value>(&me).expect("JSON")["id"].clone();
    let (status, ada) = get!(app, "/tenants/1/users/me", bearer(&ada));
    assert_eq!(status, 200);
    let id = serde_json::from_str::<serde_json::Value>(&ada).expect("JSON")["id"].clone();
    let path = format!(
        "/tenants/{}/users/{}",
        root_id.as_str().expect("text"),
        id.as_str().expect("text")
    );
    assert_eq!(get!(app, &path, bearer(&root)), (200, ada));
}
