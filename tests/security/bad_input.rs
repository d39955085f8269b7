//! Bad input: always 4xx in the shape of the contract, and nothing is written.

use diesel::{QueryDsl as _, RunQueryDsl as _};
use portcullis::sql::sqlite::{Database, schema};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Blueprint, Kind, PASSWORD, Pass, Service, address, person},
    routes::json_routes,
};

/// Every user as it stands, and how many tokens there are.
async fn snapshot(service: &Service) -> (Vec<(String, Option<String>, i64, i64)>, i64) {
    let database = Database::new(service.pool.clone().expect("SQLite"));
    let read = |connection: &mut diesel::SqliteConnection| {
        use schema::{access_tokens, users};
        let columns = (
            users::email,
            users::password_hash,
            users::revision,
            users::security_epoch,
        );
        let users = users::table.select(columns).order(users::id).load(connection)?;
        let tokens = access_tokens::table.count().get_result(connection)?;
        Ok((users, tokens))
    };
    database.read(read).await.expect("an answer")
}

#[track_caller]
fn is_refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    let body = answer.json();
    assert_eq!(body.as_object().map(|body| body.len()), Some(1), "{what}: {body}");
    match &body["detail"] {
        Value::String(detail) => assert!(!detail.is_empty(), "{what}"),
        Value::Array(_) => {
            answer.field_errors();
        }
        Value::Object(detail) => assert!(
            detail.contains_key("code") && detail.contains_key("reason"),
            "{what}"
        ),
        other => panic!("{what}: {other}"),
    }
}

/// Bodies that are no JSON, or none that any route takes.
fn malformed() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "{",
        "}",
        "[",
        "\"",
        "nul",
        "{'email':'a@b.example'}",
        "{\"email\":}",
        "{\"email\":\"a@b.example\",}",
        "{\"email\" \"x\"}",
        "{\"email\":\"\\ud800\"}",
        "{\"email\":\"\\x\"}",
        "\u{feff}\u{feff}{}",
        "{}{}",
        "{} x",
        "1e999",
        "{\"email\":1e999}",
        "NaN",
        "[]",
        "null",
        "true",
        "7",
        "\"text\"",
        "[{}]",
        "\0",
        "{\"a\":\"\0\"}",
        " ",
    ]
    .iter()
    .map(|body| body.as_bytes().to_vec())
    .collect();
    bodies.push(b"{\"email\":\"\xff\xfe\"}".to_vec());
    bodies.push(b"\xff\xfe{\x00}\x00".to_vec());
    bodies.push(b"{\"\xc3\x28\":1}".to_vec());
    bodies.push("[".repeat(16_000).into_bytes());
    bodies.push("{\"a\":".repeat(3_000).into_bytes());
    bodies.push([b"{\"email\":".to_vec(), b"[".repeat(8000), b"]".repeat(7000)].concat());
    bodies.push(vec![b' '; 20_000]);
    bodies.push(vec![b'x'; 100_000]);
    bodies
}

#[test]
fn malformed_bodies_are_4xx_on_every_route_and_write_nothing() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let before = snapshot(service).await;
        for route in json_routes(user.id) {
            for body in malformed() {
                let what = format!(
                    "{} {:?}",
                    route.path,
                    String::from_utf8_lossy(&body[..body.len().min(40)])
                );
                for content_type in ["application/json", "application/json; charset=utf-16"] {
                    let answer = route
                        .call(service)
                        .body(content_type, body.clone())
                        .with(&pass)
                        .send()
                        .await;
                    is_refused(&answer, &what);
                }
            }
            is_refused(&route.call(service).with(&pass).send().await, "no body");
        }
        for kind in Kind::ALL {
            for body in malformed() {
                for content_type in [
                    "application/x-www-form-urlencoded",
                    "multipart/form-data; boundary=x",
                    "multipart/form-data",
                    "application/json",
                    "x",
                ] {
                    let answer = service
                        .post(&kind.login())
                        .body(content_type, body.clone())
                        .send()
                        .await;
                    is_refused(&answer, content_type);
                }
            }
        }
        assert_eq!(snapshot(service).await, before);
        assert!(service.mails().await.is_empty());
    });
}

#[test]
fn wrong_types_are_422_for_every_field_and_write_nothing() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let before = snapshot(service).await;
        let wrong = [
            json!(7),
            json!(1.5),
            json!(true),
            json!([]),
            json!({}),
            json!(["a@b.example"]),
            json!({"a": {"b": []}}),
        ];
        for route in json_routes(user.id) {
            let fields: Vec<_> = route
                .body
                .as_object()
                .expect("an object")
                .keys()
                .cloned()
                .collect();
            let is_patch = route.path.starts_with("/users");
            let extra = if is_patch { &["password"][..] } else { &[] };
            for field in fields.iter().map(String::as_str).chain(extra.iter().copied()) {
                for value in wrong
                    .iter()
                    .chain((!is_patch || field == "email").then_some(&Value::Null))
                {
                    let mut body = route.body.clone();
                    body[field] = value.clone();
                    let answer = route.call(service).json(&body).with(&pass).send().await;
                    answer.is_unprocessable(&[field]);
                }
            }
            if is_patch || route.path == "/auth/register" {
                for flag in ["is_active", "is_superuser", "is_verified"] {
                    for value in [
                        json!("maybe"),
                        json!(2),
                        json!([]),
                        json!({}),
                        json!(-1),
                        json!(""),
                    ] {
                        let mut body = route.body.clone();
                        body[flag] = value;
                        let answer = route.call(service).json(&body).with(&pass).send().await;
                        answer.is_unprocessable(&[flag]);
                    }
                }
            }
        }
        assert_eq!(snapshot(service).await, before);
    });
}

#[test]
fn nul_bytes_and_control_characters_are_4xx_and_write_nothing() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let before = snapshot(service).await;
        for bad in [
            "\0",
            "a\0b@camelot.example",
            "a@camelot\0.example",
            "a\r\nBcc: b@camelot.example",
            "a\u{202e}@camelot.example",
            "\u{7f}@b.example",
        ] {
            for route in json_routes(user.id) {
                let mut body = route.body.clone();
                let field = if body.get("email").is_some() {
                    "email"
                } else {
                    "token"
                };
                body[field] = json!(bad);
                let answer = route.call(service).json(&body).with(&pass).send().await;
                is_refused(&answer, &route.path);
            }
            for kind in Kind::ALL {
                is_refused(&service.log_in(kind, bad, PASSWORD).await, bad);
                is_refused(&service.log_in(kind, &address("lancelot"), bad).await, bad);
            }
        }
        assert_eq!(snapshot(service).await, before);
        assert!(service.mails().await.is_empty());
    });
}

#[test]
fn odd_paths_and_ids_are_4xx() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot").superuser()).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let before = snapshot(service).await;
        let long = "a".repeat(4000);
        for id in [
            "%00",
            "%ff%fe",
            "..",
            "%2e%2e",
            "me%00",
            "ME",
            "-1",
            "1e9",
            "'; DROP TABLE users; --",
            &long,
            "{id}",
            "*",
            "%F0%9F%91%91",
        ] {
            let path = format!("/users/{}", id.replace(' ', "%20"));
            for call in [
                service.get(&path),
                service.patch(&path).json(&json!({})),
                service.delete(&path),
            ] {
                let answer = call.with(&pass).send().await;
                is_refused(&answer, &path);
            }
        }
        assert_eq!(snapshot(service).await, before);
    });
}

#[test]
fn odd_credentials_are_401() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        for kind in Kind::ALL {
            for token in [
                "a",
                "a.b.c",
                "..",
                "e30.e30.e30",
                "null",
                "{}",
                "%00",
                &"x".repeat(10_000),
                "eyJhbGciOiJub25lIn0.e30.",
            ] {
                service.me(&Pass::new(kind, token)).await.is_unauthorized();
            }
        }
    });
}

#[test]
fn c10_json_with_a_byte_order_mark_is_read_as_without_it_on_every_route() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let id = service.stored(&address("lancelot")).await.expect("the user").id;
        for route in json_routes(id) {
            let plain = route.call(service).json(&json!({})).with(&pass).send().await;
            let marked = route
                .call(service)
                .body("application/json", "\u{feff}{}")
                .with(&pass);
            let marked = marked.send().await;
            assert_eq!(marked.visible(), plain.visible(), "{}", route.path);
        }
        let body = json!({"email": address("galahad"), "password": PASSWORD});
        let register = service
            .post("/auth/register")
            .body("application/json", format!("\u{feff}{body}"));
        assert_eq!(register.send().await.status, 201);
    });
}
