//! D3 and K2: more than there is room for, and clients that go away.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};
use portcullis::users::PasswordHasher;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::harness::{Blueprint, Kind, PASSWORD, Service, address, person};

const PERMITS: usize = 2;

fn hasher(deadline: Duration) -> PasswordHasher {
    let builder = PasswordHasher::builder().permits(PERMITS).deadline(deadline);
    builder.build().expect("a hasher")
}

/// Once nobody hashes any more, every permit is back.
async fn permits_come_back(service: &Service) {
    let hasher = service.auth.users().hasher();
    let waiting = async {
        while hasher.available_permits() < PERMITS {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .expect("every permit comes back");
}

#[test]
fn d3_of_500_concurrent_log_ins_the_overflow_is_503_and_others_are_served() {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.workers = 2;
    blueprint.hasher = hasher(Duration::from_secs(2));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let hashes_before = service.auth.users().hasher().hashes_started();
        let log_in = |n: usize| {
            let password = if n.is_multiple_of(2) { PASSWORD } else { "wrong" };
            async move {
                service
                    .log_in(Kind::DbBearer, &address("lancelot"), password)
                    .await
            }
        };
        let storm = join_all((0..500).map(log_in));
        let others = async {
            for _ in 0..20 {
                assert_eq!(service.me(&pass).await.status, 200);
                service.get("/users/me").send().await.is_unauthorized();
            }
        };
        let (answers, ()) = join(storm, others).await;

        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        let (ok, wrong, overflow) = (count(200), count(400), count(503));
        assert_eq!(ok + wrong + overflow, 500);
        assert!(ok + wrong >= PERMITS, "some are served: {ok} and {wrong}");
        assert!(overflow > 0, "500 are more than there is room for");
        for answer in answers.iter().filter(|answer| answer.status == 503) {
            answer.is_error(503, "Service Unavailable");
            assert!(answer.header("retry-after").is_some());
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        let hashed = service.auth.users().hasher().hashes_started() - hashes_before;
        // One that took longer than the others before it may have begun, and be answered 503 all the same.
        assert!(
            hashed <= (ok + wrong + overflow / 4) as u64,
            "who is turned away costs no hash: {hashed} were begun, {ok} and {wrong} in time"
        );
        permits_come_back(service).await;
        service.pass(Kind::DbBearer, &address("lancelot")).await;
    });
}

#[test]
fn b2_d4_100_log_ins_at_once_are_all_served() {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.workers = 2;
    // As long as the tests beside this one need; what is decided by it is decided in `auth-users`.
    blueprint.hasher = hasher(Duration::from_secs(60));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let email = address("lancelot");
        let log_in = |_| service.log_in(Kind::DbBearer, &email, PASSWORD);
        for answer in join_all((0..100).map(log_in)).await {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    });
}

#[test]
fn b3_d4_a_flood_at_one_route_keeps_nobody_from_another() {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.workers = 2;
    blueprint.hasher = hasher(Duration::from_secs(30));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let is_over = AtomicBool::new(false);
        let flood = |n: usize| {
            let is_over = &is_over;
            async move {
                let mut answered = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let body = json!({"email": address(&format!("nobody{n}"))});
                    let answer = service.post_json("/auth/forgot-password", body).await;
                    assert!([202, 503].contains(&answer.status), "{answer:?}");
                    answered += 1;
                }
                answered
            }
        };
        let others = async {
            for n in 0..5 {
                let answer = service
                    .log_in(Kind::DbBearer, &address("lancelot"), PASSWORD)
                    .await;
                assert_eq!(answer.status, 200, "{answer:?}");
                let body = json!({"email": address(&format!("knight{n}")), "password": PASSWORD});
                let answer = service.post_json("/auth/register", body).await;
                assert_eq!(answer.status, 201, "{answer:?}");
            }
            is_over.store(true, Ordering::Relaxed);
        };
        let (flooded, ()) = join(join_all((0..24).map(flood)), others).await;
        assert!(flooded.iter().sum::<usize>() >= 24, "{flooded:?}");
    });
}

/// Sends the request and resets the connection.
async fn send_and_reset(service: &Service, request: &str) {
    let mut stream = TcpStream::connect(service.address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream.set_zero_linger().expect("a reset");
    drop(stream);
}

#[test]
fn k2_a_client_that_resets_mid_request_leaves_permits_and_store_usable() {
    for workers in [1, 2] {
        let mut blueprint = Blueprint::of(&[Kind::DbBearer, Kind::DbCookie]);
        blueprint.workers = workers;
        blueprint.hasher = hasher(Duration::from_secs(30));
        blueprint.run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let form = format!(
                "username=lancelot%40camelot.example&password={}",
                PASSWORD.replace(' ', "+")
            );
            for n in 0..30 {
                let body = json!({"email": address(&format!("knight{n}")), "password": PASSWORD}).to_string();
                for (path, content_type, body) in [
                    ("/auth/db/login", "application/x-www-form-urlencoded", &form),
                    ("/auth/cookie/login", "application/x-www-form-urlencoded", &form),
                    ("/auth/register", "application/json", &body),
                ] {
                    let length = body.len();
                    let request = format!(
                        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n\
                         Content-Length: {length}\r\n\r\n{body}"
                    );
                    send_and_reset(service, &request).await;
                    if n % 3 == 0 {
                        // Others are not: their requests meet the cancelled ones at every stage.
                        service.get("/users/me").send().await.is_unauthorized();
                    }
                }
            }
            permits_come_back(service).await;
            assert!(
                service.auth.users().hasher().hashes_started() > 1,
                "some of them did begin"
            );
            let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
            assert_eq!(service.me(&pass).await.status, 200);
            permits_come_back(service).await;
            // Each registration is whole or absent.
            for n in 0..30 {
                let email = address(&format!("knight{n}"));
                if service.stored(&email).await.is_some() {
                    Kind::DbBearer.issued(&service.log_in(Kind::DbBearer, &email, PASSWORD).await);
                } else {
                    let body = json!({"email": email, "password": PASSWORD});
                    let answer = service.post_json("/auth/register", body).await;
                    assert_eq!(answer.status, 201, "{answer:?}");
                }
            }
        });
    }
}
