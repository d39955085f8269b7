//! Masters that give way to their replicas.

use std::time::Duration;

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _};
use auth_redis::RedisAccessTokenStore;
use uuid::Uuid;

use super::own::Cluster;
use crate::{
    server::{self, Server, tell, until},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn after_a_failover_tokens_are_found_and_revocations_hold() {
    let cluster = Cluster::start(2, 1).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = cluster.user_of_the_first();
    let [(kept_key, kept), (revoked_key, revoked)] = [hour(user), hour(user)];
    store.insert(&kept, None).await.expect("inserted");
    store.insert(&revoked, None).await.expect("inserted");
    assert!(store.delete(&revoked_key).await.expect("revoked"));

    cluster.promote(2).await;
    cluster.nodes[0].becomes("slave").await;
    // No call in between told the store.
    assert_eq!(
        store.find(&kept_key).await.expect("redirected").as_ref(),
        Some(&kept)
    );
    assert_eq!(store.find(&revoked_key).await.expect("an answer"), None);
    store.insert(&hour(user).1, None).await.expect("inserted");
    assert_eq!(store.list(&user, 0).await.expect("a list").len(), 2);
    assert_eq!(store.delete_all(&user).await.expect("deleted"), 2);
}

/// Whether or not it says good-bye, what a master held is unavailable until the others have put its replica in its place.
async fn is_replaced(fail: impl FnOnce(&mut Server)) {
    let mut cluster = Cluster::start(3, 1).await;
    // By another node than the one that will fail.
    let redis = server::redis(&format!("redis-cluster://127.0.0.1:{}", cluster.nodes[1].port)).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let hasty = redis.clone().deadline(Duration::from_millis(700));
    let hasty = RedisAccessTokenStore::<Uuid>::new(hasty.expect("a deadline"));
    let user = cluster.user_of_the_first();
    let [(kept_key, kept), (revoked_key, revoked)] = [hour(user), hour(user)];
    store.insert(&kept, None).await.expect("inserted");
    store.insert(&revoked, None).await.expect("inserted");
    assert!(store.delete(&revoked_key).await.expect("revoked"));
    cluster.nodes[3].has_all_of(&cluster.nodes[0]).await;

    fail(&mut cluster.nodes[0]);
    hasty.find(&kept_key).await.expect_err("nobody is there");
    redis.ping().await.expect_err("two of three masters are not all");
    for node in &cluster.nodes[1..] {
        tell(&node.url(), &["CONFIG", "SET", "cluster-node-timeout", "1000"]).await;
    }
    until("the token is found", async || {
        let found = hasty.find(&kept_key).await;
        found.is_ok_and(|found| {
            assert_eq!(found.as_ref(), Some(&kept), "unavailable, never gone");
            true
        })
    })
    .await;
    until("all masters answer", async || redis.ping().await.is_ok()).await;
    // Each connection of the pool finds out by itself.
    until("the user is logged out", async || {
        hasty.delete_all(&user).await.is_ok()
    })
    .await;
    for key in [&kept_key, &revoked_key] {
        until("an answer", async || {
            let found = hasty.find(key).await;
            found.is_ok_and(|found| {
                assert_eq!(found, None);
                true
            })
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_master_that_hangs_is_left_for_the_replica_that_takes_over() {
    is_replaced(|master| master.signal("-STOP")).await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_master_that_dies_is_left_for_the_replica_that_takes_over() {
    is_replaced(Server::kill).await;
}
