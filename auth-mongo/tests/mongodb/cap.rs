//! A cap on a user's tokens, beyond what the suite shows.

use std::{num::NonZeroU32, time::Duration};

use auth_core::{AccessToken, AccessTokenIndex as _, AccessTokenStore as _, Cap};
use auth_mongo::{
    MongoAccessTokenStore,
    mongodb::{
        Client,
        bson::{Bson, Document, doc},
    },
};
use futures_util::future::join_all;
use uuid::Uuid;

use super::database::{TestDatabase, new_token, options};

pub(crate) const THREE: Cap = Cap::new(NonZeroU32::new(3).expect("three is not zero"));

/// A store with a client of its own, as another process has.
async fn store(database: &TestDatabase) -> MongoAccessTokenStore<Uuid> {
    let client = Client::with_options(options().await).expect("a client");
    let builder = MongoAccessTokenStore::builder(&client.database(database.database.name()));
    let store = builder
        .deadline(Duration::from_secs(20))
        .build()
        .expect("a store");
    store.create_indexes().await.expect("indexes");
    store
}

pub(crate) fn token(user: &Uuid, n: i64) -> AccessToken<Uuid> {
    let (_, token) = new_token(user, &format!("token {n} of {user}"));
    let mut token = token;
    token.backend = "web".to_owned();
    token.created_at += time::Duration::seconds(n);
    token
}

/// When the user's tokens were made, the newest first.
pub(crate) async fn seconds(store: &MongoAccessTokenStore<Uuid>, user: &Uuid) -> Vec<i64> {
    let tokens = store.list(user, 0).await.expect("an answer");
    tokens
        .iter()
        .map(|token| token.created_at.unix_timestamp())
        .collect()
}

/// Every log-in succeeds, the newest stay, and nobody ever sees more than the cap. It counts a token that names no backend,
/// and leaves the one of another backend alone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MongoDB"]
async fn s7_a_cap_holds_at_every_moment_under_log_ins_on_several_processes() {
    let database = TestDatabase::new().await;
    let watcher = store(&database).await;
    let processes = join_all((0..8).map(|_process| store(&database))).await;
    for _round in 0..5 {
        let user = Uuid::now_v7();
        for (n, backend) in [(-2, ""), (-1, "api")] {
            let mut token = token(&user, n);
            token.backend = backend.to_owned();
            watcher.insert(&token, None).await.expect("a token");
        }
        let log_ins = (0..24).map(|n| {
            let (store, token) = (
                processes[n % 8].clone(),
                token(&user, i64::try_from(n).expect("small")),
            );
            tokio::spawn(async move { store.insert(&token, Some(THREE)).await })
        });
        let log_ins = tokio::spawn(join_all(log_ins.collect::<Vec<_>>()));
        let mut most = 0;
        loop {
            let is_over = log_ins.is_finished();
            most = most.max(seconds(&watcher, &user).await.len());
            if is_over {
                break;
            }
        }
        for answer in log_ins.await.expect("a task") {
            answer.expect("a task").expect("a token");
        }
        assert_eq!(most, 3 + 1, "there were three at most, and the watcher saw them");
        let left = seconds(&watcher, &user).await;
        assert!(left.len() == 3 + 1 && left.ends_with(&[-1]), "{left:?}");
        // Only the oldest of three makes room, so that the newest two stay whoever comes after them.
        assert_eq!(left[..2], [23, 22], "{left:?}");
    }
}

/// The token that each of them replaces stays, and takes no place from the others.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MongoDB"]
async fn s7_a_cap_holds_beside_a_replaced_session_under_log_ins_on_several_processes() {
    let database = TestDatabase::new().await;
    let watcher = store(&database).await;
    let processes = join_all((0..8).map(|_process| store(&database))).await;
    for round in 0..5 {
        let user = Uuid::now_v7();
        let (replaced, _) = new_token(&user, &format!("token {} of {user}", round % 3));
        for n in 0..3 {
            let token = token(&user, n);
            watcher.insert(&token, Some(THREE)).await.expect("a token");
        }
        let log_ins = (3..27).map(|n| {
            let store = processes[n % 8].clone();
            let token = token(&user, i64::try_from(n).expect("small"));
            let cap = THREE.not_counting(replaced.digest);
            tokio::spawn(async move { store.insert(&token, Some(cap)).await })
        });
        let log_ins = tokio::spawn(join_all(log_ins.collect::<Vec<_>>()));
        let mut most = 0;
        while !log_ins.is_finished() {
            most = most.max(seconds(&watcher, &user).await.len());
        }
        for answer in log_ins.await.expect("a task") {
            answer.expect("a task").expect("a token");
        }
        assert!(most <= 3 + 1, "there were {most}");
        assert!(watcher.delete(&replaced).await.expect("an answer"), "it stays");
        assert_eq!(seconds(&watcher, &user).await.len(), 3);
        let documents = database.database.collection::<Document>("access_tokens");
        let of_user = doc! { "user_id": auth_mongo::DocumentId::to_bson(&user) };
        let places = documents.distinct("place", of_user).await.expect("an answer");
        assert_eq!(places, ["web/0", "web/1", "web/2"].map(Bson::from));
    }
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_cap_that_is_new_or_lowered_removes_the_oldest() {
    let database = TestDatabase::new().await;
    let store = store(&database).await;
    let user = Uuid::now_v7();
    for n in 0..7 {
        store.insert(&token(&user, n), None).await.expect("a token");
    }
    let cap = NonZeroU32::new(5).map(Cap::new);
    store.insert(&token(&user, 7), cap).await.expect("a token");
    assert_eq!(seconds(&store, &user).await, [7, 6, 5, 4, 3]);
    store.insert(&token(&user, 8), cap).await.expect("a token");
    assert_eq!(seconds(&store, &user).await, [8, 7, 6, 5, 4]);
    store
        .insert(&token(&user, 9), Some(THREE))
        .await
        .expect("a token");
    assert_eq!(seconds(&store, &user).await, [9, 8, 7]);
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_place_that_a_log_out_left_is_taken_before_a_session_is() {
    let database = TestDatabase::new().await;
    let store = store(&database).await;
    let user = Uuid::now_v7();
    for n in 0..3 {
        store
            .insert(&token(&user, n), Some(THREE))
            .await
            .expect("a token");
    }
    let (middle, _) = new_token(&user, &format!("token 1 of {user}"));
    assert!(store.delete(&middle).await.expect("an answer"));
    store
        .insert(&token(&user, 3), Some(THREE))
        .await
        .expect("a token");
    assert_eq!(seconds(&store, &user).await, [3, 2, 0]);
    let documents = database.database.collection::<Document>("access_tokens");
    let places = documents.distinct("place", doc! {}).await.expect("an answer");
    assert_eq!(places, ["web/0", "web/1", "web/2"].map(Bson::from));
}
