//! Log-ins by somebody else.

use auth_core::Strategy as _;
use time::Duration as Span;

use crate::stage::{APP, Pair, Stage, claims, read, refresh, rotate};

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
