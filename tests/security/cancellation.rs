//! K2: a request whose client goes away in the middle of a write.

use std::sync::Arc;

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::harness::{At, Blueprint, Kind, Pass, Service, Watch, address, person};

/// What a service is asked, and the write by which it answers.
struct Case {
    call: &'static str,
    request: String,
}

/// A service whose client has reset the connection while the write was `at` its start or its end, and after that.
fn reset_mid_write(
    prepare: impl AsyncFn(&Service, &Pass) -> Case,
    check: impl AsyncFn(&Service, &Pass, bool),
) {
    for at in [At::Start, At::End] {
        let watch = Arc::new(Watch::default());
        let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
        blueprint.watch = Some(Arc::clone(&watch));
        blueprint.run(async |service: &Service| {
            service.seed(person("arthur").superuser()).await;
            service.seed(person("lancelot")).await;
            let king = service.pass(Kind::DbBearer, &address("arthur")).await;
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

#[test]
fn k2_a_client_that_resets_mid_log_out_leaves_it_done_or_undone() {
    reset_mid_write(
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
        async |_service, _king| {
            let body = format!(
                "username=lancelot%40camelot.example&password={}",
                crate::harness::PASSWORD.replace(' ', "+")
            );
            Case {
                call: "tokens.insert",
                request: format!(
                    "POST /auth/db/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                ),
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
