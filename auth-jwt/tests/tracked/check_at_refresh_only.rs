//! The other choice: no look-up for an access token.

use auth_core::{
    Rejection::{BadClaim, Expired, Unknown},
    RevocableStrategy as _, Strategy as _,
};
use time::Duration as Span;

use crate::stage::{ACCESS, APP, Stage, check, read, refresh};

#[tokio::test]
async fn a_log_out_ends_the_refresh_and_an_access_token_lives_to_its_expiry() {
    let stage = Stage::new();
    let strategy = stage.refreshing().check_at_refresh_only().expect("valid");
    let pair = stage.log_in(&strategy).await;
    strategy.revoke(APP, &pair.access).await.expect("revoked");
    assert!(stage.rows().await.is_empty(), "it left the list");
    assert_eq!(refresh(&strategy, pair.refresh()).await, Err(Unknown));
    stage.pass(ACCESS - Span::MILLISECOND);
    assert_eq!(check(&strategy, &pair.access).await, Ok(()));
    stage.pass(Span::MILLISECOND);
    assert_eq!(check(&strategy, &pair.access).await, Err(Expired));
}

#[tokio::test]
async fn f5_an_access_token_does_not_outlive_a_log_in_that_is_not_refreshed() {
    let stage = Stage::new();
    let tokens = auth_jwt::RefreshTokens::new(&stage.secret).idle(std::time::Duration::from_secs(60));
    let strategy = stage.bare().refresh_tokens(tokens.expect("allowed"));
    let strategy = strategy.check_at_refresh_only().expect("valid");
    let pair = stage.log_in(&strategy).await;
    stage.pass(Span::seconds(30));
    let next = refresh(&strategy, pair.refresh()).await.expect("the present one");
    stage.pass(Span::seconds(30));
    assert_eq!(check(&strategy, &pair.access).await, Err(Expired));
    stage.pass(Span::seconds(30) - Span::MILLISECOND);
    assert_eq!(check(&strategy, &next.access).await, Ok(()));
    stage.pass(Span::MILLISECOND);
    assert_eq!(check(&strategy, &next.access).await, Err(Expired));
}

#[tokio::test]
async fn the_credential_has_the_id_of_its_log_in() {
    let stage = Stage::new();
    let strategy = stage.refreshing().check_at_refresh_only().expect("valid");
    let pair = stage.log_in(&strategy).await;
    let credential = read(&strategy, &pair.access).await.expect("valid");
    assert_eq!(credential.id, Some(stage.row().await.id));
    assert_eq!(credential.subject, stage.subject);
    assert_eq!(credential.expires_at, Some(stage.now() + ACCESS));
    let looked_up = read(&stage.refreshing(), &pair.access).await.expect("valid");
    assert_eq!(looked_up.id, credential.id);
}

#[tokio::test]
async fn j9_a_token_that_another_backend_issued_is_rejected_even_if_it_names_this_one() {
    let stage = Stage::new();
    let shared = auth_jwt::TrackedJwtStrategy::new(
        stage.jwt().audience(APP),
        stage.store.clone(),
        crate::stage::seconds(ACCESS),
    );
    let issued = stage
        .issue(&shared.expect("valid"), |log_in| log_in.audience = "web")
        .await;
    let token = crate::stage::Pair::of(&issued).access;
    let strategy = stage.refreshing().check_at_refresh_only().expect("valid");
    assert_eq!(check(&strategy, &token).await, Err(BadClaim));
    assert!(strategy.read("web", &token).await.is_ok());
}
