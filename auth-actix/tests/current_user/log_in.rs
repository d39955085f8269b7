//! Log-ins by the application itself, and refused ones.

use std::{collections::HashMap, net::IpAddr};

use actix_web::{
    App, HttpRequest, HttpResponse, ResponseError as _,
    test::{self, TestRequest, call_service, init_service, read_body},
    web,
};
use auth_actix::{Auth, AuthError};
use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, Strategy as _};
use auth_http::HttpError;
use portcullis::testing::log_in_as;
use portcullis_support::Log;
use uuid::Uuid;

use crate::service::{Service, app};

async fn admit(auth: web::Data<Auth>, request: HttpRequest) -> Result<HttpResponse, AuthError> {
    let path = request.match_info();
    let id = path.query("id").parse().map_err(|_| HttpError::NotFound)?;
    let user = auth.users().find(&id).await?.ok_or(HttpError::NotFound)?;
    let mut identified = auth.users().identify_without_proof(user);
    if let Some(label) = path.get("label") {
        identified = identified.labelled(label);
    }
    auth.log_in(path.query("backend"), identified, &request).await
}

/// A form of the application's own.
async fn by_password(
    auth: web::Data<Auth>,
    form: web::Form<HashMap<String, String>>,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    let (client, password) = (auth.client(&request), form["password"].as_str().into());
    let users = auth.users();
    let identified = users.authenticate_from(client, &form["username"], &password);
    auth.log_in("bearer", identified.await?, &request).await
}

impl Service {
    /// The id of a user with these of the letters.
    async fn user(&self, flags: &str) -> Uuid {
        let token = self.token(flags).await;
        let credential = self.tokens.read("test", &token).await.expect("a credential");
        let forgotten = self.token_store.delete_all(&credential.subject.user_id).await;
        assert_eq!(forgotten.expect("an answer"), 1);
        credential.subject.user_id
    }

    /// The status, the cookie and the body of the answer to the application's own log-in.
    async fn admit(&self, path: &str) -> (u16, bool, String) {
        self.admit_by(TestRequest::get().uri(path)).await
    }

    async fn admit_by(&self, request: TestRequest) -> (u16, bool, String) {
        let app = init_service(
            App::new()
                .app_data(web::Data::new(self.auth.clone()))
                .route("/admit/{backend}/{id}", web::route().to(admit))
                .route("/admit/{backend}/{id}/{label}", web::get().to(admit))
                .configure(self.auth.routes()),
        )
        .await;
        let response = call_service(&app, request.to_request()).await;
        let (status, cookie) = (
            response.status().as_u16(),
            response.headers().contains_key("set-cookie"),
        );
        let body = String::from_utf8(read_body(response).await.to_vec()).expect("text");
        (status, cookie, body)
    }
}

const BACKENDS: [&str; 2] = ["bearer", "cookie"];

fn refused(code: &str) -> (u16, bool, String) {
    (400, false, format!(r#"{{"detail":"{code}"}}"#))
}

#[actix_web::test]
async fn l4_an_application_that_logs_a_user_in_makes_the_same_checks() {
    for requires_verification in [false, true] {
        let service = Service::with(|users| users.requires_verification(requires_verification));
        for (flags, code) in [
            ("", Some("LOGIN_BAD_CREDENTIALS")),
            ("vs", Some("LOGIN_BAD_CREDENTIALS")),
            ("a", requires_verification.then_some("LOGIN_USER_NOT_VERIFIED")),
            ("as", requires_verification.then_some("LOGIN_USER_NOT_VERIFIED")),
            ("av", None),
        ] {
            let id = service.user(flags).await;
            for (backend, label) in BACKENDS.into_iter().zip(["", "/phone"]) {
                let answer = service.admit(&format!("/admit/{backend}/{id}{label}")).await;
                let held = service.token_store.list(&id, 0).await.expect("a list").len();
                match code {
                    Some(code) => assert_eq!((answer, held), (refused(code), 0), "{flags}"),
                    None => {
                        let expected = if backend == "bearer" {
                            (200, false)
                        } else {
                            (204, true)
                        };
                        assert_eq!((answer.0, answer.1), expected, "{flags} {}", answer.2);
                        assert!(held > 0, "{flags} {backend}");
                    }
                }
            }
        }
    }
    let not_found = (404, false, r#"{"detail":"Not Found"}"#.to_owned());
    let service = Service::new();
    assert_eq!(service.admit("/admit/bearer/x").await, not_found);
}

#[actix_web::test]
async fn a_log_in_through_a_backend_that_does_not_exist_is_500_and_the_log_names_those_that_do() {
    let service = Service::new();
    let id = service.user("a").await;
    let user = service.auth.users().find(&id).await.expect("an answer");
    let user = user.expect("the user");
    let in_test = async || match log_in_as(&service.auth, "baerer", &user).await {
        Ok(_) => 200,
        Err(error) => error.status_code().as_u16(),
    };
    let in_handler = async || service.admit(&format!("/admit/baerer/{id}")).await.0;
    for by_test in [false, true] {
        let listening = Log::begin();
        let status = if by_test {
            in_test().await
        } else {
            in_handler().await
        };
        assert_eq!(status, 500, "by a test: {by_test}");
        let text = listening.text();
        let told = [
            r#"backend="baerer""#,
            r#"there_are=["bearer", "cookie", "app"]"#,
            "ERROR",
        ];
        let line = text
            .lines()
            .find(|line| told.iter().all(|part| line.contains(part)));
        assert!(line.is_some(), "{text}");
    }
    assert!(service.token_store.list(&id, 0).await.expect("a list").is_empty());
    // A client that mistypes the name is wrong itself.
    let app = app!(service,);
    let request = TestRequest::post().uri("/auth/baerer/login");
    let request = request.set_form([("username", "ada@example.com"), ("password", "a password")]);
    assert_eq!(call_service(&app, request.to_request()).await.status(), 404);
}

#[actix_web::test]
async fn x1_an_application_that_logs_a_user_in_by_cookie_is_not_used_by_another_site() {
    let service = Service::new();
    let id = service.user("a").await;
    for (backend, site, status) in [
        ("cookie", "cross-site", 403),
        ("cookie", "same-site", 403),
        ("cookie", "same-origin", 204),
        ("bearer", "cross-site", 200),
    ] {
        let request = TestRequest::post().uri(&format!("/admit/{backend}/{id}"));
        let answer = service
            .admit_by(request.insert_header(("sec-fetch-site", site)))
            .await;
        assert_eq!((answer.0, answer.1), (status, status == 204), "{backend} {site}");
    }
}

#[actix_web::test]
async fn a_session_has_the_label_that_the_application_gives_it() {
    let service = Service::new();
    for backend in BACKENDS {
        let id = service.user("a").await;
        for (path, label) in [
            (format!("/admit/{backend}/{id}"), None),
            (format!("/admit/{backend}/{id}/phone"), Some("phone")),
        ] {
            service.admit(&path).await;
            let sessions = service.token_store.list(&id, 0).await.expect("a list");
            assert!(
                sessions
                    .iter()
                    .any(|session| session.client.label.as_deref() == label),
                "{sessions:?}"
            );
        }
    }
}

#[actix_web::test]
async fn c9_the_list_shows_the_client_behind_a_trusted_proxy_and_the_peer_otherwise() {
    let service = Service::new();
    for (peer, forwarded, expected) in [
        ("10.1.2.3:4711", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("192.0.2.1:4711", "203.0.113.9", "192.0.2.1"),
    ] {
        let id = service.user("a").await;
        let request = TestRequest::get()
            .uri(&format!("/admit/bearer/{id}"))
            .peer_addr(peer.parse().expect("an address"))
            .insert_header(("x-forwarded-for", forwarded));
        assert_eq!(service.admit_by(request).await.0, 200);
        let log_ins = service.token_store.list(&id, 0).await.expect("a list");
        let addresses: Vec<_> = log_ins
            .iter()
            .map(|log_in| log_in.client.address.as_deref())
            .collect();
        assert_eq!(addresses, [Some(expected)]);
    }
}

#[actix_web::test]
async fn e3_the_line_about_a_refused_log_in_has_the_address_of_the_client() {
    let service = Service::new();
    let app = app!(
        service,
        .app_data(web::Data::new(service.auth.clone()))
        .route("/login", web::post().to(by_password))
    );
    for (peer, forwarded, client) in [
        ("192.0.2.1", "", "192.0.2.1"),
        // It comes from no proxy of ours.
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "127.0.0.1, 2001:db8::9", "2001:db8::9"),
    ] {
        for path in ["/auth/bearer/login", "/login"] {
            let listening = Log::begin();
            let request = TestRequest::post()
                .uri(path)
                .peer_addr((peer.parse::<IpAddr>().expect("an address"), 4711).into())
                .insert_header(("x-forwarded-for", forwarded))
                .set_form([("username", "nobody@example.com"), ("password", "a password")]);
            let answer = call_service(&app, request.to_request()).await;
            assert_eq!(answer.status(), 400, "{path}");
            let text = listening.text();
            let line = text.lines().find(|line| line.contains("log-in refused"));
            let expected = format!(r#"client={client} why="unknown_user""#);
            assert!(
                line.is_some_and(|line| line.contains(&expected)),
                "{path}: {expected} in:\n{text}"
            );
            assert!(!text.contains("nobody@example.com"), "{text}");
        }
    }
}
