//! Calls that were carried out, but whose reply is lost.

use std::num::NonZeroU32;

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, InsertTokenError, RotateTokens as _,
    TokenKind,
};
use auth_redis::RedisAccessTokenStore;
use uuid::Uuid;

use portcullis_support::{Fault, Proxy};

use crate::{server, token::hour};

async fn scene() -> (Proxy, RedisAccessTokenStore<Uuid>) {
    let url = server::url("TEST_REDIS_URL");
    let thief = Proxy::before(&url).await;
    let redis = server::redis(&thief.url(&url)).await;
    (thief, RedisAccessTokenStore::new(redis))
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_insertion_is_made_again_and_finds_its_own() {
    let (thief, store) = scene().await;
    let user = Uuid::now_v7();
    let (first_key, first) = hour(user);
    store.insert(&first, None).await.expect("inserted");
    let (key, token) = hour(user);
    thief.set(Fault::LoseReply).await;
    store
        .insert(&token, NonZeroU32::new(2).map(Cap::new))
        .await
        .expect("the second attempt finds the token of the first");
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    assert_eq!(
        store.list(&user, 0).await.expect("a list"),
        [token.clone(), first.clone()]
    );

    // Another's digest stays taken, also for a second attempt.
    let (_, mut other) = hour(user);
    other.digest = first_key.digest;
    thief.set(Fault::LoseReply).await;
    let taken = store.insert(&other, None).await;
    assert!(matches!(taken, Err(InsertTokenError::DigestTaken)), "{taken:?}");
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    assert_eq!(store.find(&first_key).await.expect("an answer"), Some(first));
    let again = store.insert(&token, None).await;
    assert!(
        matches!(again, Err(InsertTokenError::DigestTaken)),
        "a first attempt has none of its own: {again:?}"
    );
    assert_eq!(store.find(&key).await.expect("an answer"), Some(token));
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_look_up_or_revocation_is_made_again() {
    let (thief, store) = scene().await;
    let user = Uuid::now_v7();
    let (key, token) = hour(user);
    store.insert(&token, None).await.expect("inserted");
    thief.set(Fault::LoseReply).await;
    assert_eq!(store.find(&key).await.expect("the second attempt"), Some(token));
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    thief.set(Fault::LoseReply).await;
    let _whether_it_was_the_first: bool = store.delete(&key).await.expect("the second attempt");
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    assert_eq!(store.find(&key).await.expect("an answer"), None);
    store.insert(&hour(user).1, None).await.expect("inserted");
    thief.set(Fault::LoseReply).await;
    store.delete_all(&user).await.expect("the second attempt");
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    assert_eq!(store.list(&user, 0).await.expect("a list"), []);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_step_is_not_made_twice_and_the_second_attempt_does_not_claim_it() {
    let (thief, store) = scene().await;
    // The reply that is lost can be that to a new connection, which the call then waits for. So it is tried again.
    for last in [false, false, true] {
        let (key, token) = hour(Uuid::now_v7());
        store.insert(&token, None).await.expect("inserted");
        let step = |from| Advance::new(TokenKind::Refresh, from, token.created_at);
        // From now on the server knows the script: what is lost is not "send me the whole of it".
        store.advance(&key, &step(7)).await.expect("not made");
        thief.set(Fault::LoseReply).await;
        let advanced = store.advance(&key, &step(0)).await.expect("the second attempt");
        assert_eq!(thief.fault(), Fault::None, "a reply was lost");
        let advanced = advanced.expect("a token");
        assert_eq!(advanced.token.refresh_generation.number, 1);
        assert_eq!(store.find(&key).await.expect("an answer"), Some(advanced.token));
        if !advanced.by_this_call {
            return;
        }
        assert!(!last, "the second attempt claims the step of the first");
    }
}
