//! D3 and K2: more than there is room for, and clients that go away.

use std::time::Duration;

use futures_util::future::{join, join_all};
use portcullis::users::PasswordHasher;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::harness::{Blueprint, Kind, PASSWORD, Service, address, person};

const PERMITS: usize = 2;

fn hasher(queue: usize, wait: Duration) -> PasswordHasher {
    let builder = PasswordHasher::builder().permits(PERMITS).queue(queue).wait(wait);
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
    blueprint.hasher = hasher(16, Duration::from_secs(2));
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
        assert_eq!(hashed, (ok + wrong) as u64, "who is turned away costs no hash");
        permits_come_back(service).await;
        service.pass(Kind::DbBearer, &address("lancelot")).await;
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
        blueprint.hasher = PasswordHasher::builder()
            .permits(PERMITS)
            .queue(100)
            .wait(Duration::from_secs(30))
            // The test waits for the hashes, also where builds leave no core idle.
            .lowest_priority(false)
            .build()
            .expect("a hasher");
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
