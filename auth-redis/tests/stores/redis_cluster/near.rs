//! Near caches of a cluster: each node tells of its own changes.

use std::time::Instant;

use auth_core::AccessTokenStore as _;
use auth_redis::RedisAccessTokenStore;
use uuid::Uuid;

use super::own::Cluster;
use crate::{
    near::{LEASE, Node},
    server::{self, tell, until},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_change_on_any_node_of_a_cluster_is_seen() {
    let (url, prefix) = (server::url("TEST_REDIS_CLUSTER_URL"), server::prefix());
    let (one, other) = (Node::on(&url, &prefix).await, Node::on(&url, &prefix).await);
    for _user in 0..24 {
        let (key, token) = hour(Uuid::now_v7());
        one.tokens.insert(&token, None).await.expect("inserted");
        one.learns(&key).await;
        other.learns(&key).await;
        one.tokens.delete_all(&token.user_id).await.expect("deleted");
        let ended = Instant::now();
        assert_eq!(one.tokens.find(&key).await.expect("an answer"), None, "at once");
        until("the end is seen", async || {
            other.tokens.find(&key).await.expect("an answer").is_none()
        })
        .await;
        assert!(ended.elapsed() <= LEASE, "{:?}", ended.elapsed());
    }
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_log_in_whose_slot_moves_is_not_let_in_longer_than_the_lease() {
    let cluster = Cluster::start(2, 0).await;
    let prefix = server::prefix();
    let node = Node::on(&cluster.url(), &prefix).await;
    let plain = RedisAccessTokenStore::<Uuid>::new(server::redis_with(&cluster.url(), &prefix).await);
    let user = Uuid::now_v7();
    let (key, token) = hour(user);
    node.tokens.insert(&token, None).await.expect("inserted");
    node.learns(&key).await;
    let (slot, from) = cluster.place(&user);
    let to = 1 - from;
    let (ids, text) = (cluster.ids().await, slot.to_string());
    let urls: Vec<_> = cluster.nodes.iter().map(server::Server::url).collect();
    let losses = node.stats().losses;
    tell(&urls[to], &["CLUSTER", "SETSLOT", &text, "IMPORTING", &ids[from]]).await;
    tell(&urls[from], &["CLUSTER", "SETSLOT", &text, "MIGRATING", &ids[to]]).await;
    let port = cluster.nodes[to].port.to_string();
    let keys = tell(&urls[from], &["CLUSTER", "GETKEYSINSLOT", &text, "100"]).await;
    for key in keys.into_array() {
        let key = key.as_string().expect("text");
        tell(&urls[from], &["MIGRATE", "127.0.0.1", &port, &key, "0", "10000"]).await;
    }
    for node in [to, from] {
        tell(&urls[node], &["CLUSTER", "SETSLOT", &text, "NODE", &ids[to]]).await;
    }
    until("the log-in ended", async || plain.delete(&key).await.is_ok()).await;
    let last = node.last_let_in(&key, Instant::now()).await;
    assert!(last <= LEASE, "{last:?}");
    until("the new node tells of its changes", async || node.stats().is_used).await;
    assert!(node.stats().losses > losses, "the move was noticed");
    let (key, token) = hour(user);
    until("the new node takes a log-in", async || {
        node.tokens.insert(&token, None).await.is_ok()
    })
    .await;
    node.learns(&key).await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn g3_a_master_that_was_replaced_is_not_relied_on() {
    let cluster = Cluster::start(2, 1).await;
    let prefix = server::prefix();
    let node = Node::on(&cluster.url(), &prefix).await;
    let plain = RedisAccessTokenStore::<Uuid>::new(server::redis_with(&cluster.url(), &prefix).await);
    let user = cluster.user_of_the_first();
    let (key, token) = hour(user);
    node.tokens.insert(&token, None).await.expect("inserted");
    node.learns(&key).await;
    cluster.promote(2).await;
    until("the log-in ended", async || plain.delete(&key).await.is_ok()).await;
    let last = node.last_let_in(&key, Instant::now()).await;
    assert!(last <= LEASE, "{last:?}");
    let (key, token) = hour(user);
    until("the new master takes a log-in", async || {
        node.tokens.insert(&token, None).await.is_ok()
    })
    .await;
    node.learns(&key).await;
}
