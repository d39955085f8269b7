//! K2: a request whose client goes away in the middle of a write.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::harness::{At, Blueprint, Kind, Pass, Service, Watch, address, person};

/// What a service is asked, and the write by which it answers.
struct Case {
    call: &'static str,
    request: String,
}

/// A service on SQLite whose client has reset the connection while the write was `at` its start or its end, and after that.
fn reset_mid_write(
    kind: Kind,
    prepare: impl AsyncFn(&Service, &Pass) -> Case,
    check: impl AsyncFn(&Service, &Pass, bool),
) {
    for at in [At::Start, At::End] {
        let watch = Arc::new(Watch::default());
        let mut blueprint = Blueprint::of(&[kind]);
        blueprint.refresh.rotate_after = (kind == Kind::TrackedBearer).then_some(Duration::from_secs(60));
        blueprint.watch = Some(Arc::clone(&watch));
        blueprint.run(async |service: &Service| {
            service.seed(person("arthur").superuser()).await;
            service.seed(person("lancelot")).await;
            let king = service.pass(kind, &address("arthur")).await;
            let case = prepare(service, &king).await;
            let mut held = watch.hold(case.call, at);
            let mut stream = TcpStream::connect(service.address).await.expect("a connection");
            stream.write_all(case.request.as_bytes()).await.expect("sent");
            // The handler runs, and is in the middle of the write.
            held.reached().await;
            stream.set_zero_linger().expect("a reset");
            drop(stream);
            held.dropped().await;
            check(service, &king, at == At::End).await;
        });
    }
}

fn request(head: &str, pass: &Pass, body: &str) -> String {
    let (name, value) = pass.header();
    format!(
        "{head} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn form(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn k2_a_client_that_resets_mid_log_out_leaves_it_done_or_undone() {
    reset_mid_write(
        Kind::DbBearer,
        async |_service, king| Case {
            call: "tokens.delete",
            request: request("POST /auth/db/logout", king, ""),
        },
        async |service, king, is_done| {
            assert_eq!(service.me(king).await.status, if is_done { 401 } else { 200 });
            let again = service.post(&Kind::DbBearer.logout()).with(king).send().await;
            assert_eq!(again.status, if is_done { 401 } else { 204 });
            service.me(king).await.is_unauthorized();
        },
    );
}

#[test]
fn k2_a_client_that_resets_mid_verification_leaves_it_done_or_undone() {
    let verify = async |service: &Service| service.verify_token(&address("lancelot")).await;
    reset_mid_write(
        Kind::DbBearer,
        async |service, king| Case {
            call: "users.update",
            request: request(
                "POST /auth/verify",
                king,
                &json!({"token": verify(service).await}).to_string(),
            ),
        },
        async |service, _king, is_done| {
            let user = service.stored(&address("lancelot")).await.expect("the user");
            assert_eq!((user.is_verified, user.revision), (is_done, i64::from(is_done)));
            if !is_done {
                let body = json!({"token": verify(service).await});
                assert_eq!(service.post_json("/auth/verify", body).await.status, 200);
            }
        },
    );
}

#[test]
fn k2_a_client_that_resets_mid_deletion_leaves_it_done_or_undone() {
    reset_mid_write(
        Kind::DbBearer,
        async |service, king| {
            let user = service.stored(&address("lancelot")).await.expect("the user");
            Case {
                call: "users.delete",
                request: request(&format!("DELETE /users/{}", user.id), king, ""),
            }
        },
        async |service, king, is_done| {
            let user = service.stored(&address("lancelot")).await;
            assert_eq!(user.is_none(), is_done);
            let log_in = service
                .log_in(Kind::DbBearer, &address("lancelot"), crate::harness::PASSWORD)
                .await;
            assert_eq!(log_in.status, if is_done { 400 } else { 200 });
            if let Some(user) = user {
                let pass = Kind::DbBearer.issued(&log_in);
                let path = format!("/users/{}", user.id);
                service.delete(&path).with(king).send().await.is(204, "");
                service.me(&pass).await.is_unauthorized();
            }
        },
    );
}

#[test]
fn k2_a_client_that_resets_mid_log_in_leaves_a_token_that_nobody_has_or_none() {
    reset_mid_write(
        Kind::DbBearer,
        async |_service, _king| {
            let body = format!(
                "username=lancelot%40camelot.example&password={}",
                crate::harness::PASSWORD.replace(' ', "+")
            );
            Case {
                call: "tokens.insert",
                request: form("/auth/db/login", &body),
            }
        },
        async |service, _king, is_done| {
            let user = service.stored(&address("lancelot")).await.expect("the user");
            let held = service.tokens.delete_all(&user.id).await.expect("an answer");
            assert_eq!(held, u64::from(is_done));
            let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
            assert_eq!(service.me(&pass).await.status, 200);
        },
    );
}

/// The generations of the king's access and refresh tokens.
async fn generations(service: &Service) -> (i64, i64) {
    let king = service.stored(&address("arthur")).await.expect("the king");
    let log_ins = service.tokens.list(&king.id, king.security_epoch).await;
    let [log_in] = log_ins.expect("an answer").try_into().expect("one log-in");
    (log_in.access_generation.number, log_in.refresh_generation.number)
}

#[test]
fn k2_a_client_that_resets_mid_refresh_still_holds_what_is_good() {
    let kind = Kind::TrackedBearer;
    reset_mid_write(
        kind,
        async |_service, king| {
            let body = format!("grant_type=refresh_token&refresh_token={}", king.refresh());
            Case {
                call: "tokens.advance",
                request: form(&kind.refresh(), &body),
            }
        },
        async |service, king, is_done| {
            assert_eq!(generations(service).await, (0, i64::from(is_done)));
            assert_eq!(service.me(king).await.status, 200);
            // The client has no other: its answer is lost. It gets the one successor.
            let next = kind.issued(&service.refresh(kind, king.refresh()).await);
            assert_eq!(generations(service).await, (0, 1));
            assert_eq!(service.me(&next).await.status, 200);
            let third = kind.issued(&service.refresh(kind, next.refresh()).await);
            assert_eq!(service.me(&third).await.status, 200);
        },
    );
}

#[test]
fn k2_a_client_that_resets_mid_rotation_still_holds_what_is_good() {
    let kind = Kind::TrackedBearer;
    reset_mid_write(
        kind,
        async |service, king| {
            service.clock.advance(time::Duration::seconds(61));
            Case {
                call: "tokens.advance",
                request: request("GET /users/me", king, ""),
            }
        },
        async |service, king, is_done| {
            assert_eq!(generations(service).await, (i64::from(is_done), 0));
            let answer = service.me(king).await;
            assert_eq!(answer.status, 200);
            let next = Pass::new(kind, answer.header("x-access-token").expect("the successor"));
            assert_eq!(generations(service).await, (1, 0));
            service.clock.advance(time::Duration::seconds(11));
            service.me(king).await.is_unauthorized();
            assert_eq!(service.me(&next).await.status, 200);
            kind.issued(&service.refresh(kind, king.refresh()).await);
        },
    );
}
