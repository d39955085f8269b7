//! Servers that are down, hang, forget or change their part, and callers that go away.

use std::time::{Duration, Instant};

use auth_core::{AccessTokenStore as _, StoreError, StoreErrorKind};
use auth_redis::{ClientLike as _, Redis, RedisAccessTokenStore};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    log::Log,
    server::{self, Server, ask, until, within},
    token::hour,
};

fn took(start: Instant, least: u64, most: u64) {
    let span = start.elapsed();
    let range = Duration::from_millis(least)..=Duration::from_millis(most);
    assert!(range.contains(&span), "{span:?} is not in {range:?}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn n10_a_server_that_cannot_be_used_is_named_with_the_cause_and_the_next_step() {
    let server = server::url("TEST_REDIS_URL");
    let (_, host) = server.rsplit_once('/').expect("a URL");
    let host = host.rsplit('@').next().unwrap_or(host);
    for (url, place, next_step) in [
        (
            "redis://ada:open-sesame@127.0.0.1:1/3",
            "`127.0.0.1:1`, database `3`, user `ada`",
            "Is the server running",
        ),
        (
            "redis://no-such-host.invalid:7",
            "`no-such-host.invalid:7`",
            "Is the host spelt correctly?",
        ),
        (
            &format!("redis://ada:open-sesame@{host}"),
            &format!("`{host}`, user `ada`"),
            "Check the user and the password",
        ),
    ] {
        let log = Log::start();
        let pool = auth_redis::connect(url).await.expect("a pool");
        let redis = Redis::from(&pool);
        let named = format!("Redis URL: no connection to {place}: ");
        until(&format!("an event of {url}"), async || {
            log.text().contains(&named) && log.text().contains(next_step)
        })
        .await;
        let store = RedisAccessTokenStore::<Uuid>::new(&redis);
        let error = store.find(&hour(Uuid::now_v7()).0).await.expect_err("no server");
        let host = place.split(',').next().unwrap_or_default();
        assert!(error.to_string().contains(host), "{error}");
        assert!(!format!("{error:?}{}", log.text()).contains("sesame"), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_is_down_at_the_start_is_used_once_it_is_up() {
    let mut server = Server::start(&[]).await;
    server.kill();
    let log = Log::start();
    let start = Instant::now();
    let pool = auth_redis::connect(&server.url())
        .await
        .expect("a pool all the same");
    let redis = Redis::from(&pool).prefix(&server::prefix()).expect("a prefix");
    let redis = redis.deadline(Duration::from_secs(3)).expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let (key, token) = hour(Uuid::now_v7());
    store.find(&key).await.expect_err("nobody is there");
    took(start, 0, 2500);
    let error: StoreError = redis.ping().await.expect_err("nobody is there");
    assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error}");
    let told = format!("no connection to `127.0.0.1:{}`: none within 3s", server.port);
    assert!(error.to_string().contains(&told), "{error}");
    took(start, 3000, 10_000);
    until("an event", async || {
        log.text().contains("the server cannot be reached")
    })
    .await;

    server.restart().await;
    until("the server is found", async || redis.ping().await.is_ok()).await;
    store.insert(&token, None).await.expect("inserted");
    assert_eq!(store.find(&key).await.expect("an answer"), Some(token));
    until("an event", async || log.text().contains("can be reached again")).await;
    assert_eq!(
        log.text().matches("cannot be reached").count(),
        1,
        "{}",
        log.text()
    );
    within("the end", pool.quit()).await.expect("the end");
    store.find(&key).await.expect_err("the connections are closed");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_is_killed_is_used_again_after_its_restart() {
    let mut server = Server::start(&[]).await;
    let redis = server::redis(&server.url()).await;
    let redis = redis.deadline(Duration::from_secs(1)).expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let (key, token) = hour(user);
    store.insert(&token, None).await.expect("inserted");
    server.kill();
    let start = Instant::now();
    store.find(&key).await.expect_err("nobody is there");
    took(start, 0, 3500);
    server.restart().await;
    until("the server is found", async || store.find(&key).await.is_ok()).await;
    // The new process knows no script.
    store.insert(&hour(user).1, None).await.expect("inserted");
    assert_eq!(store.delete_all(&user).await.expect("deleted"), 1);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_loads_is_unavailable_and_then_holds_what_it_held() {
    let mut server = Server::start(&[
        "--key-load-delay",
        "1000",
        "--loading-process-events-interval-bytes",
        "1024",
    ])
    .await;
    let redis = server::redis(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let [(kept_key, kept), (revoked_key, revoked)] = [hour(Uuid::now_v7()), hour(Uuid::now_v7())];
    store.insert(&kept, None).await.expect("inserted");
    store.insert(&revoked, None).await.expect("inserted");
    assert!(store.delete(&revoked_key).await.expect("revoked"));
    let client = server::client(&server.url()).await;
    let fillers: Vec<_> = (0..2000).map(|n| format!("filler:{n}")).collect();
    let mut command = vec!["MSET"];
    command.extend(fillers.iter().flat_map(|filler| [filler.as_str(), "0123456789"]));
    ask(&client, &command).await.expect("set");
    ask(&client, &["SAVE"]).await.expect("saved");
    server.kill();
    server.restart().await;
    let start = Instant::now();
    until("the server has loaded", async || {
        match store.find(&kept_key).await {
            Ok(found) => {
                assert_eq!(
                    found.as_ref(),
                    Some(&kept),
                    "what is not loaded yet is unavailable, never unknown"
                );
                true
            }
            Err(_unavailable) => false,
        }
    })
    .await;
    assert!(
        start.elapsed() > Duration::from_secs(1),
        "the server took its time to load"
    );
    assert_eq!(store.find(&revoked_key).await.expect("an answer"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_server_that_hangs_is_a_store_error_by_the_deadline_and_then_at_once() {
    let server = Server::start(&[]).await;
    let redis = server::redis(&server.url()).await;
    let redis = redis.deadline(Duration::from_millis(500)).expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let (key, token) = hour(Uuid::now_v7());
    store.insert(&token, None).await.expect("inserted");
    server.signal("-STOP");
    let start = Instant::now();
    let error = store.find(&key).await.expect_err("nobody answers");
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    took(start, 490, 2000);
    // Under a load that never ceases, too, the connections are given up, and calls fail at once.
    until("calls fail at once", async || {
        let start = Instant::now();
        store.find(&key).await.expect_err("nobody answers");
        start.elapsed() < Duration::from_millis(100)
    })
    .await;
    let start = Instant::now();
    for _ in 0..1_000 {
        store.find(&key).await.expect_err("nobody answers");
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "nothing waits, and so nothing piles up"
    );
    server.signal("-CONT");
    until("the server is used again", async || {
        store
            .find(&key)
            .await
            .is_ok_and(|found| found.as_ref() == Some(&token))
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_script_that_the_server_forgot_is_sent_again() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(server::redis(&server.url()).await);
    let user = Uuid::now_v7();
    for _ in 0..3 {
        let (key, token) = hour(user);
        store.insert(&token, None).await.expect("inserted");
        ask(&client, &["SCRIPT", "FLUSH"]).await.expect("flushed");
        assert!(store.delete(&key).await.expect("deleted"));
        ask(&client, &["SCRIPT", "FLUSH"]).await.expect("flushed");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_became_a_replica_takes_nothing_and_then_all_again() {
    let (server, master) = (Server::start(&[]).await, Server::start(&[]).await);
    let client = server::client(&server.url()).await;
    let redis = server::redis(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    ask(&client, &["REPLICAOF", "127.0.0.1", &master.port.to_string()])
        .await
        .expect("a replica");
    let refused = store.insert(&hour(user).1, None).await.expect_err("read only");
    assert!(refused.to_string().contains("READONLY"), "{refused}");
    let refused = store
        .delete_all(&user)
        .await
        .expect_err("a revocation that was not made is none");
    assert!(refused.to_string().contains("READONLY"), "{refused}");
    ask(&client, &["REPLICAOF", "NO", "ONE"]).await.expect("a master");
    until("it is a master again", async || {
        store.insert(&hour(user).1, None).await.is_ok()
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_call_that_meets_a_replica_succeeds_once_it_is_a_master() {
    let (server, master) = (Server::start(&[]).await, Server::start(&[]).await);
    let client = server::client(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(server::redis(&server.url()).await);
    let (key, token) = hour(Uuid::now_v7());
    let master = master.port.to_string();
    // On a busy machine the promotion may come too late for the second attempt.
    until("a second attempt that meets a master", async || {
        ask(&client, &["CONFIG", "RESETSTAT"]).await.expect("reset");
        ask(&client, &["REPLICAOF", "127.0.0.1", &master])
            .await
            .expect("a replica");
        let promotion = async {
            until("the first attempt is refused", async || {
                let info = ask(&client, &["INFO", "errorstats"]).await.expect("statistics");
                info.as_str().is_some_and(|info| info.contains("READONLY"))
            })
            .await;
            ask(&client, &["REPLICAOF", "NO", "ONE"]).await.expect("a master");
        };
        let (inserted, ()) = tokio::join!(store.insert(&token, None), promotion);
        inserted.is_ok()
    })
    .await;
    assert_eq!(store.find(&key).await.expect("an answer"), Some(token));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn k3_a_dropped_call_never_hands_its_reply_to_another() {
    let redis = server::redis(&server::url("TEST_REDIS_URL")).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let mut tokens = Vec::new();
    for _ in 0..20 {
        let (key, token) = hour(Uuid::now_v7());
        store.insert(&token, None).await.expect("inserted");
        tokens.push((key, token));
    }
    let tasks: Vec<_> = (0..8_usize)
        .map(|task| {
            let (store, tokens) = (store.clone(), tokens.clone());
            tokio::spawn(async move {
                let mut dropped = 0;
                for round in 0..250 {
                    let (key, _) = &tokens[(task * 7 + round) % tokens.len()];
                    // Some are dropped on the way out, some on the way back.
                    let patience = Duration::from_micros((round % 10) as u64 * 60);
                    dropped += u32::from(timeout(patience, store.find(key)).await.is_err());
                    let (key, token) = &tokens[(task + round * 3) % tokens.len()];
                    assert_eq!(store.find(key).await.expect("an answer").as_ref(), Some(token));
                }
                dropped
            })
        })
        .collect();
    let mut dropped = 0;
    for task in tasks {
        dropped += task.await.expect("no reply of another's");
    }
    // The timer ticks each millisecond: how many it drops depends on how quick the server is.
    assert!(dropped >= 40, "{dropped} of 2000 calls were dropped");
}
