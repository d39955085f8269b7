//! Log-ins by somebody else.

use auth_core::{
    AccessToken, AccessTokenStore as _, RefreshStrategy as _, Rejection, ShardTag, Strategy as _, TokenLookup,
};
use time::Duration as Span;
use uuid::Uuid;

use crate::stage::{APP, Pair, Stage, claims, end_by_refresh, read, refresh, rotate};

const ACTOR: &str = "0198d5b0-0000-7000-8000-000000000001";

#[tokio::test]
async fn who_logged_in_as_the_user_is_in_the_row_and_in_every_token() {
    let stage = Stage::new();
    let strategy = stage
        .refreshing()
        .rotation(auth_jwt::Rotation::after(std::time::Duration::ZERO))
        .expect("valid");
    let issued = stage.issue(&strategy, |log_in| log_in.actor = Some(ACTOR)).await;
    let first = Pair::of(&issued);
    let rotated = rotate(&strategy, &first.access)
        .await
        .expect("valid")
        .expect("due");
    let refreshed = refresh(&strategy, first.refresh())
        .await
        .expect("the present one")
        .access;
    for token in [&first.access, &rotated, &refreshed] {
        assert_eq!(claims(token)["act"], serde_json::json!({ "sub": ACTOR }));
        let credential = read(&strategy, token).await.expect("valid");
        assert_eq!(credential.actor.as_deref(), Some(ACTOR));
        assert_eq!(credential.subject, stage.subject);
    }
    assert_eq!(stage.row().await.actor.as_deref(), Some(ACTOR));

    let own = stage.log_in(&strategy).await.access;
    assert!(claims(&own).get("act").is_none());
}

#[tokio::test]
async fn without_a_look_up_the_token_says_who_acts() {
    let stage = Stage::new();
    let unchecked = stage.refreshing().check_at_refresh_only().expect("valid");
    let issued = stage.issue(&unchecked, |log_in| log_in.actor = Some(ACTOR)).await;
    let credential = read(&unchecked, &Pair::of(&issued).access).await.expect("valid");
    assert_eq!(credential.actor.as_deref(), Some(ACTOR));
}

#[tokio::test]
async fn a_plain_token_says_who_acts_and_ends_when_the_log_in_is_to_end() {
    let stage = Stage::new();
    let plain = stage.jwt();
    let end = stage.now() + Span::MINUTE;
    let issued = stage
        .issue(&plain, |log_in| {
            log_in.actor = Some(ACTOR);
            log_in.ends_at = Some(end);
        })
        .await;
    let token = Pair::of(&issued).access;
    let credential = plain.read(APP, &token).await.expect("valid");
    assert_eq!(credential.actor.as_deref(), Some(ACTOR));
    assert_eq!(credential.expires_at, Some(end));
}

#[tokio::test]
async fn s5_a_refresh_token_says_who_acts_without_a_store() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let issued = stage.issue(&strategy, |log_in| log_in.actor = Some(ACTOR)).await;
    let first = Pair::of(&issued);
    let next = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    for token in [first.refresh(), next.refresh()] {
        let holder = strategy.holder_of(APP, token).expect("issued");
        assert_eq!(
            (holder.subject, holder.actor.as_deref()),
            (stage.subject.clone(), Some(ACTOR))
        );
    }
    // The actor is under the MAC.
    let mut parts: Vec<_> = first.refresh().split('.').collect();
    assert_eq!(parts.len(), 6);
    parts.remove(4);
    assert_eq!(
        strategy.holder_of(APP, &parts.join(".")),
        Err(Rejection::BadSignature)
    );
}

/// The row in the store is made that of another user, or of nobody who acts.
#[tokio::test]
async fn whoever_writes_to_the_store_does_not_choose_for_whom_tokens_are_signed() {
    let changes: [fn(&mut AccessToken); 3] = [
        |row| row.user_id = Uuid::now_v7(),
        |row| row.epoch += 1,
        |row| row.actor = None,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let stage = Stage::new();
        let strategy = stage.refreshing();
        let issued = stage.issue(&strategy, |log_in| log_in.actor = Some(ACTOR)).await;
        let pair = Pair::of(&issued);
        let mut row = stage.row().await;
        let tag = ShardTag::for_user(&row.user_id);
        let key = TokenLookup {
            digest: row.digest,
            tag: Some(tag),
        };
        assert!(stage.store.delete(&key).await.expect("in memory"));
        change(&mut row);
        stage.store.insert(&row, None).await.expect("in memory");
        if number < 2 {
            assert!(read(&strategy, &pair.access).await.is_err(), "{number}");
        }
        for _again in 0..2 {
            let refused = refresh(&strategy, pair.refresh()).await;
            assert_eq!(refused.map(drop), Err(Rejection::Unknown), "{number}");
        }
        let refused = end_by_refresh(&strategy, pair.refresh()).await;
        assert_eq!(refused, Err(Rejection::Unknown), "{number}");
    }
}
