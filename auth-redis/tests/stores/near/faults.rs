//! A connection that is lost, silent or deaf, a server that is emptied or replaced, and what a node does then.

use std::time::{Duration, Instant};

use auth_core::AccessTokenStore as _;
use auth_redis::{NearCache, RedisAccessTokenStore};
use portcullis_support::{Fault, Proxy};
use uuid::Uuid;

use super::{LEASE, Node};
use crate::server::{self, Server, ask, until};

/// Changes what another node remembers, by a client that tells nobody.
async fn delete(url: &str, prefix: &str, key: &auth_core::TokenLookup) {
    let redis = server::redis_with(url, prefix).await;
    let tokens = RedisAccessTokenStore::<Uuid>::new(redis);
    assert!(tokens.delete(key).await.expect("deleted"));
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_connection_is_not_relied_on() {
    let server = Server::start(&[]).await;
    let (url, prefix) = (server.url(), server::prefix());
    let node = Node::on(&url, &prefix).await;
    let client = server::client(&url).await;
    for _time in 0..5 {
        let key = node.log_in().await;
        let losses = node.stats().losses;
        // The pool's connections, too: the node must not be fooled by one that fred has made again by itself.
        ask(&client, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
            .await
            .expect("killed");
        delete(&url, &prefix, &key).await;
        let end = Instant::now() + LEASE;
        until("the end is seen", async || {
            matches!(node.tokens.find(&key).await, Ok(None))
        })
        .await;
        assert!(Instant::now() <= end, "within the lease");
        node.is_used().await;
        assert!(node.stats().losses > losses, "it was noticed");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_emptied_server_is_seen_within_the_lease() {
    let server = Server::start(&[]).await;
    let node = Node::on(&server.url(), &server::prefix()).await;
    let client = server::client(&server.url()).await;
    for command in ["FLUSHALL", "FLUSHDB"] {
        let key = node.log_in().await;
        let flushed = Instant::now();
        ask(&client, &[command]).await.expect("flushed");
        until("the end is seen", async || !node.is_valid(&key).await).await;
        assert!(flushed.elapsed() <= LEASE, "{command}: {:?}", flushed.elapsed());
        node.is_used().await;
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_connection_that_is_not_told_of_changes_any_more_is_not_relied_on() {
    let server = Server::start(&[]).await;
    let (url, prefix) = (server.url(), server::prefix());
    let node = Node::on(&url, &prefix).await;
    let client = server::client(&url).await;
    let key = node.log_in().await;
    // A replica hears of changes with a delay that nothing bounds.
    let master = Server::start(&[]).await;
    let port = master.port.to_string();
    let turned = Instant::now();
    ask(&client, &["REPLICAOF", "127.0.0.1", &port])
        .await
        .expect("a replica");
    until("it is not used", async || !node.stats().is_used).await;
    assert!(
        turned.elapsed() <= LEASE + Duration::from_millis(200),
        "{:?}",
        turned.elapsed()
    );
    assert!(!node.remembers(&key).await);
    assert!(!node.stats().is_used, "as long as it is one");
    ask(&client, &["REPLICAOF", "NO", "ONE"]).await.expect("a master");
    node.is_used().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_stalls_makes_no_one_stay_longer_than_the_lease() {
    let server = Server::start(&[]).await;
    let node = Node::on(&server.url(), &server::prefix()).await;
    let key = node.log_in().await;
    server.signal("-STOP");
    let stopped = Instant::now();
    let last = node.last_let_in(&key, stopped).await;
    assert!(last <= LEASE, "{last:?}");
    server.signal("-CONT");
    until("it is used again", async || {
        node.stats().is_used && node.tokens.find(&key).await.is_ok()
    })
    .await;
    assert!(node.is_valid(&key).await);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_invalidation_that_is_stalled_on_the_way_is_seen_within_the_lease() {
    let (url, prefix) = (server::url("TEST_REDIS_URL"), server::prefix());
    let delay = Duration::from_millis(300);
    for fault in [
        Fault::HangReplies,
        Fault::HangRequests,
        Fault::BlackHole,
        Fault::Cut,
        Fault::DelayReplies(delay),
    ] {
        let proxy = Proxy::before(&url).await;
        let node = Node::on(&proxy.url(&url), &prefix).await;
        let key = node.log_in().await;
        proxy.set(fault).await;
        delete(&url, &prefix, &key).await;
        let deleted = Instant::now();
        let last = node.last_let_in(&key, deleted).await;
        assert!(last <= LEASE, "{fault:?}: {last:?}");
        proxy.heal().await;
        until("it is over", async || {
            matches!(node.tokens.find(&key).await, Ok(None))
        })
        .await;
        node.is_used().await;
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_restarts_is_begun_with_anew() {
    let mut server = Server::start(&[]).await;
    let node = Node::on(&server.url(), &server::prefix()).await;
    let key = node.log_in().await;
    server.kill();
    let killed = Instant::now();
    until("it is not used", async || !node.stats().is_used).await;
    assert!(killed.elapsed() <= LEASE, "{:?}", killed.elapsed());
    node.tokens.find(&key).await.expect_err("not even from memory");
    server.restart().await;
    node.is_used().await;
    until("it answers", async || node.tokens.find(&key).await.is_ok()).await;
    assert!(!node.is_valid(&key).await, "it kept nothing");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_refuses_to_tell_of_changes_is_asked_each_time() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    ask(&client, &["ACL", "SETUSER", "default", "-client|tracking"])
        .await
        .expect("forbidden");
    let redis = server::redis(&server.url()).await;
    let redis = redis
        .near_cache(NearCache::new(1 << 20).expect("room"))
        .expect("a thread");
    let tokens = RedisAccessTokenStore::<Uuid>::new(&redis);
    let (key, token) = crate::token::hour(Uuid::now_v7());
    tokens.insert(&token, None).await.expect("inserted");
    until("it has tried", async || {
        redis.near_cache_stats().is_some_and(|stats| stats.losses > 0)
    })
    .await;
    for _request in 0..5 {
        let found = tokens.find(&key).await.expect("an answer").expect("a log-in");
        assert!(!found.provenance.may_be_behind);
    }
    assert!(tokens.delete(&key).await.expect("deleted"));
    assert!(tokens.find(&key).await.expect("an answer").is_none());
}
