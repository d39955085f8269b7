//! Expiries that move: key and index follow.

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, Advance, RotateTokens as _, TokenKind};
use auth_redis::fred::interfaces::KeysInterface as _;
use time::Duration;
use uuid::Uuid;

use super::scene::{is, scene};
use crate::token::{hour, token};

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_index_lives_as_long_as_the_last_of_its_tokens() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (_, for_ever) = token(user, None);
    let (_, long) = hour(user);
    let (short_key, short) = token(user, Some(Duration::minutes(10)));
    let left = async || {
        scene
            .client
            .pttl::<i64, _>(scene.index(user))
            .await
            .expect("an answer")
    };
    scene.store.insert(&short, None).await.expect("inserted");
    assert!(is(left().await, 10));
    scene.store.insert(&for_ever, None).await.expect("inserted");
    assert_eq!(left().await, -1, "a token for ever has its index for ever");
    scene.store.insert(&long, None).await.expect("inserted");
    assert_eq!(left().await, -1);
    assert!(
        scene
            .store
            .delete_by_id(&user, for_ever.id)
            .await
            .expect("an answer")
    );
    assert!(is(left().await, 60), "without it the index expires again");
    assert!(scene.store.delete_by_id(&user, long.id).await.expect("an answer"));
    assert!(is(left().await, 10));
    assert!(scene.store.delete(&short_key).await.expect("an answer"));
    assert_eq!(scene.keys().await, [], "the last token takes the index along");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_touch_moves_the_expiry_of_key_and_index() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (key, token) = token(user, Some(Duration::minutes(10)));
    scene.store.insert(&token, None).await.expect("inserted");
    let (now, used) = (token.created_at, token.created_at + Duration::SECOND);
    for (end, minutes) in [
        (token.expires_at, 10),
        (Some(now + Duration::minutes(40)), 40),
        (Some(now + Duration::minutes(5)), 5),
        (None, -1),
        (Some(now + Duration::minutes(20)), 20),
    ] {
        scene.store.touch(&key, used, end).await.expect("touched");
        let found = scene.store.find(&key).await.expect("an answer").expect("a token");
        assert_eq!((found.last_used_at, found.expires_at), (used, end));
        for left in scene.left(user, &key).await {
            assert!(
                left == minutes || is(left, minutes),
                "{left} ms are not {minutes} minutes"
            );
        }
    }
    let end = token.expires_at.expect("an end");
    scene
        .store
        .touch(&key, used + Duration::minutes(20), Some(end))
        .await
        .expect("an answer");
    let found = scene.store.find(&key).await.expect("an answer").expect("a token");
    assert_eq!(found.last_used_at, used, "it had expired at that instant");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_step_moves_the_expiry_of_key_and_index_up_to_the_limit() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (key, mut token) = hour(user);
    let (now, at) = (token.created_at, token.created_at + Duration::SECOND);
    token.expires_at = Some(now + Duration::minutes(10));
    let limit = token.absolute_expires_at.expect("a limit");
    scene.store.insert(&token, None).await.expect("inserted");
    for (from, keep, end, minutes) in [
        (0, None, now + Duration::minutes(10), 10),
        (
            1,
            Some(now + Duration::minutes(30)),
            now + Duration::minutes(30),
            30,
        ),
        (2, Some(at + Duration::HOUR), limit, 60),
        (
            3,
            Some(now + Duration::minutes(20)),
            now + Duration::minutes(20),
            20,
        ),
    ] {
        let mut step = Advance::new(TokenKind::Refresh, from, at);
        step.keep_until = keep;
        let advanced = scene
            .store
            .advance(&key, &step)
            .await
            .expect("an answer")
            .expect("a token");
        assert!(advanced.by_this_call);
        assert_eq!(advanced.token.expires_at, Some(end), "{from}");
        assert_eq!(
            scene.store.find(&key).await.expect("an answer").as_ref(),
            Some(&advanced.token)
        );
        for left in scene.left(user, &key).await {
            assert!(is(left, minutes), "{left} ms are not {minutes} minutes");
        }
    }
    let late = Advance::new(TokenKind::Refresh, 4, at + Duration::minutes(20));
    let refused = scene
        .store
        .advance(&key, &late)
        .await
        .expect("an answer")
        .expect("a token");
    assert!(!refused.by_this_call, "it has expired");
    assert_eq!(refused.token.refresh_generation.number, 4);
}
