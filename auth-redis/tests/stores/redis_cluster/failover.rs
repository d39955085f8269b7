//! Masters that give way to their replicas.

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, ShardTag};
use auth_redis::{RedisAccessTokenStore, fred::util::redis_keyslot};
use uuid::Uuid;

use super::own::Cluster;
use crate::{
    server::{self, tell, until},
    token::hour,
};

/// A user whose tokens are on the node of the first half of the slots.
fn user_of_the_first() -> Uuid {
    let slot = |user: &Uuid| redis_keyslot(format!("{:04x}", ShardTag::of(user).get()).as_bytes());
    loop {
        let user = Uuid::new_v4();
        if slot(&user) < 8192 {
            return user;
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn after_a_failover_tokens_are_found_and_revocations_hold() {
    let cluster = Cluster::start(3).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = user_of_the_first();
    let [(kept_key, kept), (revoked_key, revoked)] = [hour(user), hour(user)];
    store.insert(&kept, None).await.expect("inserted");
    store.insert(&revoked, None).await.expect("inserted");
    assert!(store.delete(&revoked_key).await.expect("revoked"));

    tell(&cluster.nodes[2].url(), &["CLUSTER", "FAILOVER"]).await;
    until("the replica is the master", async || {
        let role = tell(&cluster.nodes[2].url(), &["ROLE"]).await;
        role.into_array()[0].as_str().is_some_and(|role| role == "master")
    })
    .await;
    // No call in between told the store.
    assert_eq!(
        store.find(&kept_key).await.expect("redirected").as_ref(),
        Some(&kept)
    );
    assert_eq!(store.find(&revoked_key).await.expect("an answer"), None);
    store.insert(&hour(user).1, None).await.expect("inserted");
    assert_eq!(store.list(&user).await.expect("a list").len(), 2);
    assert_eq!(store.delete_all(&user).await.expect("deleted"), 2);
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_master_that_hangs_is_left_for_the_replica_that_takes_over() {
    let cluster = Cluster::start(4).await;
    // By another node than the one that will hang.
    let redis = server::redis(&format!("redis-cluster://127.0.0.1:{}", cluster.nodes[1].port)).await;
    let redis = redis
        .deadline(std::time::Duration::from_millis(500))
        .expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let (key, token) = hour(user_of_the_first());
    store.insert(&token, None).await.expect("inserted");
    cluster.nodes[0].signal("-STOP");
    assert!(store.find(&key).await.expect_err("nobody answers").is_timeout());
    tell(&cluster.nodes[2].url(), &["CLUSTER", "FAILOVER", "TAKEOVER"]).await;
    until("the token is found", async || {
        store
            .find(&key)
            .await
            .is_ok_and(|found| found.as_ref() == Some(&token))
    })
    .await;
    // Each connection of the pool finds out by itself.
    until("the token is deleted", async || store.delete(&key).await.is_ok()).await;
    assert_eq!(store.find(&key).await.expect("an answer"), None);
}
