//! The user in the same look-up as the log-in, whatever the log-in and the id are.

use std::sync::Arc;

use auth_core::{
    AccessToken, AccessTokenStore as _, CachedUsers, Clock as _, ExposeSecret as _, NewUser, ShardTag,
    SigningSecret, Subject, SystemClock, TokenId, TokenLookup, UserStore as _, generate_token,
    memory::MemoryUserStore,
};
use auth_redis::RedisUserCache;

use super::{Member, new_user};
use crate::{
    fixture::{ReaderId, SampleId},
    server,
};

/// A user of a type of ids, cached, and a log-in of theirs.
async fn check<Id: SampleId>(variable: &str, is_imported: bool) {
    let redis = server::redis(&server::url(variable)).await;
    let secret = SigningSecret::generate().expect("a secret");
    let cache = RedisUserCache::<Id, Member>::new(&redis, &secret);
    let tokens = cache.access_tokens();
    let plain = auth_redis::RedisAccessTokenStore::<Id>::new(&redis);
    let store: Arc<MemoryUserStore<Id, Member>> = Arc::default();
    let users = CachedUsers::new(store, Arc::new(cache));
    let new = new_user(2);
    let mut user = NewUser::<Id, Member>::new(new.email, new.profile, new.created_at);
    user.id = Some(Id::sample());
    let user = users.insert(user).await.expect("inserted");
    let text = match is_imported {
        // Of another system: nothing in it tells where it is.
        true => auth_core::SecretString::from(format!(
            "GJVoaIZSOvs4-{}",
            &uuid::Uuid::new_v4().simple().to_string()[..30]
        )),
        false => generate_token(ShardTag::for_user(&user.id)).expect("a token"),
    };
    let key = TokenLookup::new(text.expose_secret());
    let token = AccessToken::new(
        TokenId::generate(),
        key.digest,
        Subject::from(&user),
        SystemClock.now(),
    );
    match is_imported {
        true => tokens.adopt(&token).await.expect("adopted"),
        false => tokens.insert(&token, None).await.expect("inserted"),
    }
    let loaded = async || {
        let mut found = tokens.find(&key).await.expect("an answer").expect("a log-in");
        let loaded = found.provenance.loaded_user.take();
        assert_eq!(found, token);
        let loaded = loaded?.into_user::<Id, Member>(&user.id);
        loaded.map(|user| format!("{user:?}"))
    };
    assert_eq!(loaded().await, None, "nobody has asked for the user yet");
    users.find(&user.id).await.expect("an answer").expect("a user");
    assert_eq!(loaded().await, Some(format!("{user:?}")));
    let found = plain.find(&key).await.expect("an answer").expect("a log-in");
    assert!(
        found.provenance.loaded_user.is_none(),
        "a store without the cache"
    );
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_user_of_any_id_comes_with_the_log_in() {
    check::<i64>("TEST_REDIS_URL", false).await;
    check::<String>("TEST_REDIS_URL", false).await;
    check::<ReaderId>("TEST_REDIS_URL", false).await;
    check::<uuid::Uuid>("TEST_REDIS_URL", true).await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_user_comes_with_the_log_in_from_its_node_of_a_cluster() {
    for _user in 0..6 {
        check::<uuid::Uuid>("TEST_REDIS_CLUSTER_URL", false).await;
    }
    check::<String>("TEST_REDIS_CLUSTER_URL", true).await;
}
