//! A cap on a user's tokens, beyond what the suite shows.

use std::num::NonZeroU32;

use auth_core::AccessTokenStore as _;
use auth_mongo::mongodb::bson::{Bson, Document, doc};
use uuid::Uuid;

use super::{
    database::{TestDatabase, new_token},
    race::{self, THREE, seconds, store, token},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MongoDB"]
async fn s7_a_cap_holds_at_every_moment_under_log_ins_on_several_processes() {
    race::under_a_cap().await;
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
    let cap = NonZeroU32::new(5);
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
