//! Slots that move while they are used.

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, ShardTag, StoreError};
use auth_redis::{RedisAccessTokenStore, fred::util::redis_keyslot};
use uuid::Uuid;

use super::own::Cluster;
use crate::{
    server::{self, Server, tell, until},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_token_whose_slot_moves_is_found_or_unavailable_but_never_gone() {
    let cluster = Cluster::start(2).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let (user, other) = (Uuid::now_v7(), Uuid::now_v7());
    let (tokens, neighbour) = ([hour(user), hour(user)], hour(other));
    for (_, token) in tokens.iter().chain([&neighbour]) {
        store.insert(token, None).await.expect("inserted");
    }

    let slot = redis_keyslot(format!("{{{:04x}}}", ShardTag::of(&user).get()).as_bytes());
    let (from, to) = if slot < 8192 { (0, 1) } else { (1, 0) };
    let (ids, urls) = (
        cluster.ids().await,
        [&cluster.nodes[0], &cluster.nodes[1]].map(Server::url),
    );
    let text = slot.to_string();
    tell(&urls[to], &["CLUSTER", "SETSLOT", &text, "IMPORTING", &ids[from]]).await;
    tell(&urls[from], &["CLUSTER", "SETSLOT", &text, "MIGRATING", &ids[to]]).await;
    let (key, token) = &tokens[0];
    assert_eq!(
        store.find(key).await.expect("not moved yet").as_ref(),
        Some(token)
    );

    let port = cluster.nodes[to].port.to_string();
    let keys = tell(&urls[from], &["CLUSTER", "GETKEYSINSLOT", &text, "100"]).await;
    for key in keys.into_array() {
        let key = key.as_string().expect("text");
        tell(&urls[from], &["MIGRATE", "127.0.0.1", &port, &key, "0", "1000"]).await;
    }
    let unavailable: [StoreError; 4] = [
        store.find(key).await.expect_err("on its way"),
        store.touch(key, token.created_at).await.expect_err("on its way"),
        store.delete(key).await.expect_err("on its way"),
        store.list(&user).await.expect_err("on its way"),
    ];
    drop(unavailable);
    until("another user is found meanwhile", async || {
        store.find(&neighbour.0).await.is_ok_and(|found| found.is_some())
    })
    .await;

    for node in [to, from] {
        tell(&urls[node], &["CLUSTER", "SETSLOT", &text, "NODE", &ids[to]]).await;
    }
    until("the token is found", async || {
        store
            .find(key)
            .await
            .is_ok_and(|found| found.as_ref() == Some(token))
    })
    .await;
    assert!(store.delete(key).await.expect("deleted"));
    store.insert(&hour(user).1, None).await.expect("inserted");
    assert_eq!(store.delete_all(&user).await.expect("deleted"), 2);
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_slot_that_was_moved_is_followed() {
    let cluster = Cluster::start(2).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let slot = redis_keyslot(format!("{{{:04x}}}", ShardTag::of(&user).get()).as_bytes());
    let to = if slot < 8192 { 1 } else { 0 };
    let ids = cluster.ids().await;
    for node in [to, 1 - to] {
        let command = ["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &ids[to]];
        tell(&cluster.nodes[node].url(), &command).await;
    }
    // The first that hears `MOVED` is an insertion, which must not take itself for another.
    let (key, token) = hour(user);
    store
        .insert(&token, None)
        .await
        .expect("inserted at the new place");
    assert_eq!(store.find(&key).await.expect("an answer"), Some(token));
}
