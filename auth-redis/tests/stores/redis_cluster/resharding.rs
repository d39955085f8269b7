//! Slots that move while they are used.

use std::time::Duration;

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, StoreError};
use auth_redis::RedisAccessTokenStore;
use uuid::Uuid;

use super::own::Cluster;
use crate::{
    server::{self, Server, tell, until, within},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_token_whose_slot_moves_is_found_or_unavailable_but_never_gone() {
    let cluster = Cluster::start(2, 0).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let (user, other) = (Uuid::now_v7(), Uuid::now_v7());
    let (tokens, neighbour) = ([hour(user), hour(user)], hour(other));
    for (_, token) in tokens.iter().chain([&neighbour]) {
        store.insert(token, None).await.expect("inserted");
    }

    let (slot, from) = cluster.place(&user);
    let to = 1 - from;
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
        tell(&urls[from], &["MIGRATE", "127.0.0.1", &port, &key, "0", "10000"]).await;
    }
    let hasty = redis.clone().deadline(Duration::from_secs(1));
    let hasty = RedisAccessTokenStore::<Uuid>::new(hasty.expect("a deadline"));
    let unavailable: [StoreError; 4] = [
        hasty.find(key).await.expect_err("on its way"),
        hasty
            .touch(key, token.created_at, None)
            .await
            .expect_err("on its way"),
        hasty.delete(key).await.expect_err("on its way"),
        hasty.list(&user, 0).await.expect_err("on its way"),
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
    let cluster = Cluster::start(2, 0).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let (slot, from) = cluster.place(&user);
    let to = 1 - from;
    let ids = cluster.ids().await;
    for node in [to, from] {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis Cluster"]
async fn k3_where_a_slot_moves_nobody_is_handed_the_reply_of_another() {
    let cluster = Cluster::start(2, 0).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let (moved_key, moved) = hour(user);
    store.insert(&moved, None).await.expect("inserted");
    let (slot, from) = cluster.place(&user);
    let to = 1 - from;
    let neighbours = std::iter::repeat_with(Uuid::new_v4).filter(|user| cluster.place(user).1 == to);
    let tokens: Vec<_> = neighbours.take(16).map(hour).collect();
    for (_, token) in &tokens {
        store.insert(token, None).await.expect("inserted");
    }
    send_away(&cluster, slot, from).await;

    let hasty = redis.deadline(Duration::from_secs(1)).expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(hasty);
    // A caller of the first is told to ask on the connection on which the others' calls are.
    let tasks: Vec<_> = [(moved_key, moved)]
        .into_iter()
        .chain(tokens)
        .map(|(key, token)| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    // To be unavailable meanwhile is no mistake.
                    match store.find(&key).await {
                        Ok(found) => assert_eq!(found.as_ref(), Some(&token)),
                        Err(error) => assert!(!error.to_string().contains("another"), "{error}"),
                    }
                }
            })
        })
        .collect();
    within("the end of the calls", async {
        for task in tasks {
            task.await.expect("no reply of another's");
        }
    })
    .await;
}

/// Moves all that is in `slot` from one of two masters to the other, which does not own it yet.
async fn send_away(cluster: &Cluster, slot: u16, from: usize) {
    let (ids, to) = (cluster.ids().await, 1 - from);
    let (slot, port) = (slot.to_string(), cluster.nodes[to].port.to_string());
    let [source, target] = [from, to].map(|node| cluster.nodes[node].url());
    tell(&target, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[from]]).await;
    tell(&source, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[to]]).await;
    let keys = tell(&source, &["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await;
    for key in keys.into_array() {
        let key = key.as_string().expect("text");
        tell(&source, &["MIGRATE", "127.0.0.1", &port, &key, "0", "10000"]).await;
    }
}
