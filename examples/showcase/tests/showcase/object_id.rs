//! Users whose ids are MongoDB's, in the stores that know nothing of MongoDB.

use std::sync::Arc;

use portcullis::{
    ExposeSecret as _, Lifetime, OpaqueStrategy, UserId as _,
    mongo::ObjectId,
    redis::{self, RedisAccessTokenStore},
    store::{
        ClientInfo, Clock as _, NewLogIn, NewUser, RotateTokens, Strategy as _, Subject, SystemClock,
        UserStore as _,
    },
    testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
};

use crate::{harness::Redis, visit::EMAIL};

/// Stores a token of a user whom nobody else has, finds it, and revokes all of the user's.
async fn a_token_is_kept_by(store: Arc<dyn RotateTokens<ObjectId>>) {
    let subject = Subject::new(ObjectId::generate().expect("an id"), 3);
    let lifetime = Lifetime::from_secs(60).expect("positive");
    let strategy = OpaqueStrategy::new(store.clone(), lifetime);
    let issued = strategy
        .issue(&NewLogIn::new("api", &subject, &ClientInfo::default()))
        .await;
    let issued = issued.expect("a token");
    let presented = issued.access.secret.expose_secret();
    let credential = strategy.read("api", presented).await.expect("it is good");
    assert_eq!(credential.subject, subject);
    let revoked = store.delete_all(&subject.user_id).await;
    assert_eq!(revoked.expect("an answer"), 1);
    strategy.read("api", presented).await.expect_err("it was revoked");
}

async fn a_token_is_kept_in(redis: Redis) {
    let url = redis.url().expect("a URL");
    let pool = redis::connect(&url).await.expect("a URL");
    let redis = redis::Redis::new(pool);
    portcullis_support::until("Redis answers", async || redis.ping().await.is_ok()).await;
    a_token_is_kept_by(Arc::new(RedisAccessTokenStore::new(redis))).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn redis_keeps_a_token_of_an_object_id() {
    a_token_is_kept_in(Redis::Single).await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_cluster_keeps_a_token_of_an_object_id() {
    a_token_is_kept_in(Redis::Cluster).await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn redis_behind_sentinel_keeps_a_token_of_an_object_id() {
    a_token_is_kept_in(Redis::Sentinel).await;
}

#[tokio::test]
async fn the_stores_in_memory_keep_a_user_and_a_token_of_an_object_id() {
    let users = MemoryUserStore::<ObjectId>::new();
    let user = NewUser::new(EMAIL.parse().expect("an e-mail"), (), SystemClock.now());
    let inserted = users.insert(user).await.expect("inserted");
    let found = users.find(&inserted.id).await.expect("an answer");
    assert_eq!(found.expect("the user").id, inserted.id);
    a_token_is_kept_by(Arc::new(MemoryAccessTokenStore::new())).await;
}
