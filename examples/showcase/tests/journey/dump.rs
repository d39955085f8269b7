//! Deviation 17: what stands in the stores after a journey.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::store::{PasswordHash, TokenDigest};
use serde_json::json;

use libtest_mimic::Trial;
use portcullis_support::{
    Dump, Kind, NEW_PASSWORD, PASSWORD, Pass, address,
    journey::{Case, Row},
};

use crate::harness::Service;

/// Where it is asked: each store once.
pub(crate) const PLACES: [&str; 5] = ["sqlite", "postgres", "mariadb", "mongodb", "redis"];

pub(crate) fn trial(row: Row) -> Trial {
    let name = "dump::deviation_17_no_issued_token_and_no_password_stands_in_a_store";
    row.test(name, |row| {
        crate::run(
            row,
            deviation_17_no_issued_token_and_no_password_stands_in_a_store,
        )
    })
}

const LAST_PASSWORD: &str = "a white hart at the edge of the wood";

async fn log_in_everywhere(case: &Case, password: &str) -> Vec<Pass> {
    let mut passes = Vec::new();
    for kind in case.kinds.iter().copied() {
        let answer = case.log_in(kind, &address("galahad"), password).await;
        passes.push(kind.issued(&answer));
    }
    passes
}

/// The handle that the tokens of a tracked log-in share: with it and a key, anybody could make one.
fn handle_of(pass: &Pass) -> Option<String> {
    let handle = pass.refresh.as_ref()?.split('.').next()?;
    Some(handle.to_owned())
}

async fn deviation_17_no_issued_token_and_no_password_stands_in_a_store(service: &Service, case: &Case) {
    let email = address("galahad");
    let body = json!({ "email": email, "password": PASSWORD });
    assert_eq!(case.post_json("/auth/register", body).await.status, 201);
    let mut passes = log_in_everywhere(case, PASSWORD).await;
    let verify = case.verify_token(&email).await;
    let verified = case.post_json("/auth/verify", json!({ "token": verify })).await;
    assert_eq!(verified.status, 200);
    let reset = case.reset_token(&email).await;
    let body = json!({ "token": reset, "password": NEW_PASSWORD });
    case.post_json("/auth/reset-password", body).await.is(200, "null");
    passes.extend(log_in_everywhere(case, NEW_PASSWORD).await);
    let unused = case.reset_token(&email).await;
    let change = case
        .patch("/users/me")
        .json(&json!({ "password": LAST_PASSWORD }));
    let last = passes.last().expect("a credential");
    assert_eq!(change.with(last).send().await.status, 200);
    let live = log_in_everywhere(case, LAST_PASSWORD).await;

    let database = Dump::new(&service.database.dump().await);
    let redis = service.place.redis.dump().await.map(|bytes| Dump::new(&bytes));
    assert!(database.holds(email.as_bytes()), "this is the database");
    for pass in &live {
        let store = match pass.kind {
            Kind::RedisBearer | Kind::RedisCookie => redis.as_ref().expect("Redis"),
            Kind::TrackedBearer | Kind::TrackedCookie => redis.as_ref().unwrap_or(&database),
            _ => &database,
        };
        let name = pass.kind.name();
        let digest = match handle_of(pass) {
            Some(handle) => TokenDigest::for_audience(&format!("{name}/jti"), &handle),
            None => TokenDigest::for_audience(name, &pass.token),
        };
        let is_stored = pass.kind != Kind::JwtBearer;
        assert_eq!(
            store.tells(digest.as_bytes()),
            is_stored,
            "the digest of {pass:?}"
        );
    }

    passes.extend(live);
    let passwords = [PASSWORD, NEW_PASSWORD, LAST_PASSWORD].map(str::to_owned);
    let mails = [verify, reset, unused];
    let tokens = passes.iter().map(|pass| pass.token.clone());
    let handles = passes.iter().filter_map(handle_of);
    for secret in tokens.chain(handles).chain(mails).chain(passwords) {
        for store in redis.iter().chain([&database]) {
            assert!(!store.tells(secret.as_bytes()), "{secret}");
            // Nor the signature of a JWT alone, nor the random part of an opaque token, nor what they are as bytes.
            for part in secret.split('.').skip(2).chain(secret.get(..43)) {
                assert!(!store.tells(part.as_bytes()), "{secret}");
                if let Ok(bytes) = URL_SAFE_NO_PAD.decode(part) {
                    assert!(!store.tells(&bytes), "{secret}");
                }
            }
        }
    }

    // One that stands there is found.
    let clear = passes[0].token.as_str();
    let written = PasswordHash::new(clear);
    case.set(&email, |user| user.password_hash = Some(written)).await;
    assert!(Dump::new(&service.database.dump().await).tells(clear.as_bytes()));
}
