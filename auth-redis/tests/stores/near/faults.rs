//! A connection that is lost, silent or deaf, a server that is emptied or replaced, and what a node does then.

use std::time::{Duration, Instant};

use auth_core::AccessTokenStore as _;
use auth_redis::{NearCache, RedisAccessTokenStore};
use portcullis_support::{Fault, Proxy};
use tokio::time::sleep;
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
async fn g3_a_lost_connection_is_not_relied_on() {
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
async fn g3_an_emptied_server_is_seen_within_the_lease() {
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

/// The number of each connection of the server, but for this one, and whether it is told of changes.
async fn connections(client: &auth_redis::Client) -> Vec<(String, bool)> {
    let own = ask(client, &["CLIENT", "ID"])
        .await
        .expect("a number")
        .as_string();
    let listed = ask(client, &["CLIENT", "LIST"]).await.expect("a list");
    let listed = listed.as_string().expect("a text");
    let words = |line: &str, name: &str| {
        let mut words = line.split(' ');
        words.find_map(|word| word.strip_prefix(name)).map(str::to_owned)
    };
    let lines = listed.lines().map(|line| {
        let flags = words(line, "flags=").expect("flags");
        (words(line, "id=").expect("a number"), flags.contains('t'))
    });
    lines.filter(|(id, _told)| Some(id) != own.as_ref()).collect()
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn each_lease_that_is_lost_is_counted_once() {
    let mut server = Server::start(&[]).await;
    let node = Node::on(&server.url(), &server::prefix()).await;
    assert_eq!(node.stats().losses, 0, "after a healthy start");
    server.kill();
    until("it is noticed", async || node.stats().losses > 0).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(node.stats().losses, 1, "it has tried to connect in vain");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_was_read_is_void_once_another_connection_is_made_anew() {
    let server = Server::start(&[]).await;
    let node = Node::on(&server.url(), &server::prefix()).await;
    let client = server::client(&server.url()).await;
    let key = node.log_in().await;
    for (id, is_told) in connections(&client).await {
        if !is_told {
            ask(&client, &["CLIENT", "KILL", "ID", &id])
                .await
                .expect("killed");
        }
    }
    until("it is noticed", async || node.stats().losses > 0).await;
    until("it answers", async || node.tokens.find(&key).await.is_ok()).await;
    node.is_used().await;
    assert!(node.is_valid(&key).await);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_has_become_a_replica_is_not_relied_on() {
    let server = Server::start(&[]).await;
    let (url, prefix) = (server.url(), server::prefix());
    let node = Node::on(&url, &prefix).await;
    let client = server::client(&url).await;
    let key = node.log_in().await;
    // It becomes one of a master with the same marker, so that nothing but its role is another.
    let master = Server::start(&[]).await;
    let its = server::client(&master.url()).await;
    copy_markers(&client, &its, &prefix).await;
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
    // A connection to the replica hears of changes with a delay that nothing bounds.
    for _look in 0..20 {
        assert!(
            !node.remembers(&key).await && !node.stats().is_used,
            "as long as it is one"
        );
        sleep(Duration::from_millis(50)).await;
    }
    ask(&client, &["REPLICAOF", "NO", "ONE"]).await.expect("a master");
    node.is_used().await;
}

async fn copy_markers(from: &auth_redis::Client, to: &auth_redis::Client, prefix: &str) {
    let (key, life) = (marker(prefix), "60000");
    let value = ask(from, &["GET", &key]).await.expect("an answer").as_string();
    let value = value.expect("a marker");
    ask(to, &["SET", &key, &value, "PX", life]).await.expect("copied");
}

/// The key of the marker of a server that is alone.
fn marker(prefix: &str) -> String {
    format!("{prefix}{{0000}}:m:")
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_stands_in_the_place_of_a_marker_is_replaced_and_not_fetched() {
    let server = Server::start(&[]).await;
    let (url, prefix) = (server.url(), server::prefix());
    let client = server::client(&url).await;
    let (key, long) = (marker(&prefix), "x".repeat(1_000_000));
    let commands: [&[&str]; 4] = [
        &["RPUSH", &key, "x"],
        &["SET", &key, &long],
        &["SET", &key, ""],
        &["SET", &key, "a marker with as many chars as it has"],
    ];
    for command in commands {
        ask(&client, &["DEL", &key]).await.expect("deleted");
        ask(&client, command).await.expect("spoiled");
        let _used = Node::on(&url, &prefix).await;
        let length = ask(&client, &["STRLEN", &key]).await.expect("a text");
        assert_eq!(length.as_i64(), Some(36), "{:?}", command[0]);
    }
    let node = Node::on(&url, &prefix).await;
    ask(&client, &["APPEND", &key, &long]).await.expect("spoiled");
    until("it is noticed", async || node.stats().losses > 0).await;
    node.is_used().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_whose_memory_is_full_is_begun_with_anew() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let node = Node::on(&server.url(), &server::prefix()).await;
    let client = server::client(&server.url()).await;
    let key = node.log_in().await;
    ask(&client, &["CONFIG", "SET", "maxmemory", "1"])
        .await
        .expect("full");
    ask(&client, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .await
        .expect("killed");
    until("it is noticed", async || node.stats().losses > 0).await;
    until("it is remembered", async || {
        let found = node.tokens.find(&key).await;
        found.is_ok_and(|found| found.is_some_and(|token| token.provenance.may_be_behind))
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn g1_a_server_that_stalls_makes_no_one_stay_longer_than_the_lease() {
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
async fn g2_an_invalidation_that_is_stalled_on_the_way_is_seen_within_the_lease() {
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
        let refused = ask(&client, &["ACL", "LOG"]).await.expect("a list");
        !refused.into_array().is_empty()
    })
    .await;
    assert_eq!(
        redis.near_cache_stats().expect("a near cache").losses,
        0,
        "there was no lease"
    );
    for _request in 0..5 {
        let found = tokens.find(&key).await.expect("an answer").expect("a log-in");
        assert!(!found.provenance.may_be_behind);
    }
    assert!(tokens.delete(&key).await.expect("deleted"));
    assert!(tokens.find(&key).await.expect("an answer").is_none());
}
