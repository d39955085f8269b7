//! D1 and D2: how much, and for how long.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    web::{self, Bytes, ServiceConfig},
};
use portcullis::actix::{CurrentUser, ExtractError};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinSet};

use crate::{
    harness::{Blueprint, Kind, PASSWORD, Service, address, exchange, exchange_on, person},
    routes::json_routes,
};

const LIMIT: usize = 16 * 1024;

#[test]
fn d1_a_body_over_16_kib_is_413_on_every_route() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        for route in json_routes(user.id) {
            let mut body = route.body.to_string();
            body.insert_str(1, &" ".repeat(LIMIT - body.len()));
            assert_eq!(body.len(), LIMIT);
            let fits = route
                .call(service)
                .body("application/json", body.clone())
                .with(&pass)
                .send()
                .await;
            assert_ne!(fits.status, 413, "{}", route.path);
            body.push(' ');
            let answer = route
                .call(service)
                .body("application/json", body)
                .with(&pass)
                .send()
                .await;
            answer.is_error(413, "Payload Too Large");
        }
        for kind in Kind::ALL {
            let call = service.post(&kind.login());
            let body = format!("username=a&password=b&scope={}", "x".repeat(LIMIT));
            let answer = call.body("application/x-www-form-urlencoded", body).send().await;
            answer.is_error(413, "Payload Too Large");
        }
    });
}

#[test]
fn d1_a_body_that_hides_its_length_is_cut_off_all_the_same() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        for path in ["/auth/register", "/auth/db/login"] {
            let mut request = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Transfer-Encoding: chunked\r\n\r\n"
            );
            for _ in 0..17 {
                request.push_str(&format!("400\r\n{}\r\n", " ".repeat(1024)));
            }
            // It never ends, and the connection is closed nevertheless.
            let cut_off = exchange(service.address, request.as_bytes());
            let cut_off = tokio::time::timeout(Duration::from_secs(8), cut_off).await;
            let (status, answer) = cut_off.expect("the connection is closed");
            assert_eq!(status, 413, "{answer}");
            assert!(answer.ends_with(r#"{"detail":"Payload Too Large"}"#), "{answer}");
        }
    });
}

/// Routes that read the body after an extractor of ours.
fn readers(config: &mut ServiceConfig) {
    config
        .route(
            "/reading/required",
            web::post().to(async |_user: CurrentUser, body: Bytes| body),
        )
        .route(
            "/reading/nothing",
            web::post().to(async |user: Result<CurrentUser, ExtractError>| user.map(|_user| "known")),
        )
        .route(
            "/reading/either",
            web::post().to(async |user: Result<CurrentUser, ExtractError>, body: Bytes| {
                HttpResponse::Ok()
                    .insert_header(("x-known", user.is_ok().to_string()))
                    .body(body)
            }),
        );
}

#[test]
fn b7_the_body_is_whole_for_the_extractor_that_reads_it_and_the_connection_lives_on() {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.own_routes = readers;
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let (name, value) = pass.header();
        let request = |path: &str, credential: &str, last: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\n{credential}{last}Transfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
            )
        };
        let known = format!("{name}: {value}\r\n");
        // One after another on one connection, and all at once.
        let pipelined = [
            request("/reading/required", &known, ""),
            request("/reading/either", "", ""),
            request("/reading/either", &known, "Connection: close\r\n"),
        ];
        let (status, answers) = exchange(service.address, pipelined.concat().as_bytes()).await;
        assert_eq!(status, 200, "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
        assert_eq!(answers.matches("hello world").count(), 3, "{answers}");
        assert_eq!(answers.matches("x-known: true").count(), 1, "{answers}");
        assert_eq!(answers.matches("x-known: false").count(), 1, "{answers}");
        // A refusal of a request whose body is there whole closes nothing.
        let pipelined = [
            request("/reading/required", "", ""),
            request("/reading/required", &known, "Connection: close\r\n"),
        ];
        let (status, answers) = exchange(service.address, pipelined.concat().as_bytes()).await;
        assert_eq!(status, 401, "{answers}");
        assert!(answers.ends_with("hello world"), "{answers}");
    });
}

#[test]
fn d1_b7_a_body_that_nobody_asks_for_is_cut_off_without_being_read() {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer, Kind::DbCookie]);
    blueprint.own_routes = readers;
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let (name, value) = pass.header();
        let as_lancelot = format!("{name}: {value}\r\n");
        let cookie = service.pass(Kind::DbCookie, &address("lancelot")).await;
        let (name, value) = cookie.header();
        let forged = format!("{name}: {value}\r\nSec-Fetch-Site: cross-site\r\n");
        let mut cases = JoinSet::new();
        for (target, headers, status) in [
            ("POST /required/active", "", 401),
            ("POST /required/superuser", &*as_lancelot, 403),
            ("POST /required/active", &*forged, 403),
            ("POST /optional/active", &*forged, 403),
            ("POST /only/db/required/active", "", 401),
            ("POST /reading/required", "", 401),
            ("POST /reading/nothing", "", 401),
            ("PUT /auth/register", "", 405),
            ("POST /users/me", "", 405),
            ("POST /auth/none", "", 404),
            ("POST /auth/db/none", "", 404),
            ("POST /none", "", 404),
            ("POST /guarded/active/required/active", "", 401),
            ("POST /guarded/active/none", "", 401),
            ("POST /guarded/superuser/required/active", &*as_lancelot, 403),
            ("POST /guarded/active/required/active", &*forged, 403),
        ] {
            for begun in ["", "5\r\nhello\r\n", "400\r\nhello"] {
                let request = format!(
                    "{target} HTTP/1.1\r\nHost: x\r\n{headers}Transfer-Encoding: chunked\r\n\r\n{begun}"
                );
                let address = service.address;
                cases.spawn(async move {
                    // It never ends, and the connection is closed nevertheless.
                    let cut_off = exchange(address, request.as_bytes());
                    let cut_off = tokio::time::timeout(Duration::from_secs(8), cut_off).await;
                    let (answered, answer) =
                        cut_off.unwrap_or_else(|_| panic!("the connection stays open: {request}"));
                    assert_eq!(answered, status, "{request}: {answer}");
                });
            }
        }
        cases.join_all().await;
    });
}

#[test]
fn d1_a_password_over_1_kib_is_422() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("lancelot").superuser()).await;
        let id = service.stored(&address("lancelot")).await.expect("the user").id;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let token = service.reset_token(&address("lancelot")).await;
        for long in ["x".repeat(1025), "é".repeat(513)] {
            let register = json!({"email": address("galahad"), "password": long});
            service
                .post_json("/auth/register", register)
                .await
                .is_unprocessable(&["password"]);
            let reset = json!({"token": token, "password": long});
            service
                .post_json("/auth/reset-password", reset)
                .await
                .is_unprocessable(&["password"]);
            for path in ["/users/me".to_owned(), format!("/users/{id}")] {
                let patch = service.patch(&path).json(&json!({"password": long}));
                patch.with(&pass).send().await.is_unprocessable(&["password"]);
            }
            let log_in = service.log_in(Kind::DbBearer, &address("lancelot"), &long).await;
            log_in.is_unprocessable(&["password"]);
        }
        let longest = service
            .log_in(Kind::DbBearer, &address("lancelot"), &"x".repeat(1024))
            .await;
        longest.is_error(400, "LOGIN_BAD_CREDENTIALS");
    });
}

#[test]
fn d1_an_email_over_254_bytes_is_422() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        let pass = {
            service.seed(person("lancelot")).await;
            service.pass(Kind::DbBearer, &address("lancelot")).await
        };
        let domain = "@camelot.example";
        let longest = format!("{}{domain}", "a".repeat(254 - domain.len()));
        let long = format!("a{longest}");
        let ligatures = format!("{}{domain}", "\u{fdfa}".repeat(70));
        for long in [&long, &ligatures] {
            let body = json!({"email": long, "password": PASSWORD});
            service
                .post_json("/auth/register", body)
                .await
                .is_unprocessable(&["email"]);
            for path in ["/auth/request-verify-token", "/auth/forgot-password"] {
                service
                    .post_json(path, json!({"email": long}))
                    .await
                    .is_unprocessable(&["email"]);
            }
            let patch = service.patch("/users/me").json(&json!({"email": long}));
            patch.with(&pass).send().await.is_unprocessable(&["email"]);
            let log_in = service.log_in(Kind::DbBearer, long, PASSWORD).await;
            log_in.is_error(400, "LOGIN_BAD_CREDENTIALS");
        }
        let body = json!({"email": longest, "password": PASSWORD});
        assert_eq!(service.post_json("/auth/register", body).await.status, 201);
    });
}

#[test]
fn d2_a_body_that_stalls_is_cut_off_and_holds_nobody_else_up() {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.body_timeout = Some(Duration::from_millis(300));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        for (path, framing) in [
            ("/auth/register", "Content-Length: 100"),
            ("/auth/register", "Transfer-Encoding: chunked"),
            ("/auth/db/login", "Content-Length: 100"),
            ("/users/me", "Content-Length: 100"),
        ] {
            let method = if path == "/users/me" { "PATCH" } else { "POST" };
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
            );
            let mut stream = TcpStream::connect(service.address).await.expect("a connection");
            stream.write_all(request.as_bytes()).await.expect("sent");
            // While it stalls, others are served.
            assert_eq!(service.me(&pass).await.status, 200);
            let cut_off = tokio::time::timeout(Duration::from_secs(8), exchange_on(&mut stream, b""));
            let (status, answer) = cut_off.await.expect("cut off, and the connection closed");
            assert_eq!(status, 408, "{path} {framing}: {answer}");
            assert!(answer.ends_with(r#"{"detail":"Request Timeout"}"#), "{answer}");
        }
    });
}
