//! Access tokens that are replaced while they are used.

use std::{collections::HashSet, time::Duration};

use auth_core::{
    Rejection::{Expired, Reused, Unknown},
    RevocableStrategy as _, RotateStrategy as _,
};
use auth_jwt::{JwtStrategy, RefreshTokens, Rotation, SigningAlgorithm, SigningKey, TrackedJwtStrategy};
use time::Duration as Span;

use crate::stage::{
    ACCESS, APP, LOG_IN, Stage, check, claims, expiry, parallel, read, refresh, rotate, seconds,
};

const AGE: Span = Span::minutes(5);
const GRACE: Span = Span::seconds(10);

#[tokio::test]
async fn nothing_rotates_unless_that_is_asked_for() {
    let stage = Stage::new();
    for strategy in [stage.bare(), stage.refreshing()] {
        let token = stage.log_in(&strategy).await.access;
        stage.pass(ACCESS - Span::SECOND);
        assert!(!read(&strategy, &token).await.expect("valid").rotation_due);
        assert_eq!(rotate(&strategy, &token).await, Ok(None));
        assert!(strategy.abilities().rotate.is_none());
    }
}

#[tokio::test]
async fn a_token_is_replaced_from_its_age_on() {
    let stage = Stage::new();
    let strategy = stage.rotating(AGE);
    let first = stage.log_in(&strategy).await.access;
    stage.pass(AGE - Span::MILLISECOND);
    assert!(!read(&strategy, &first).await.expect("valid").rotation_due);
    assert_eq!(rotate(&strategy, &first).await, Ok(None));
    stage.pass(Span::MILLISECOND);
    assert!(read(&strategy, &first).await.expect("valid").rotation_due);
    let second = rotate(&strategy, &first).await.expect("valid").expect("due");
    assert_eq!(expiry(&second), stage.now() + ACCESS);
    assert_eq!(claims(&second)["gen"], 1);
    assert!(claims(&first).get("gen").is_none());
    assert!(!read(&strategy, &second).await.expect("valid").rotation_due);
    assert_eq!(rotate(&strategy, &second).await, Ok(None));
}

#[tokio::test]
async fn with_an_age_of_zero_a_token_is_replaced_once_the_grace_of_the_one_before_is_over() {
    let stage = Stage::new();
    let strategy = stage.rotating(Span::ZERO);
    // `iat` is rounded down by as much as can be.
    stage.pass(Span::milliseconds(999));
    let mut token = stage.log_in(&strategy).await.access;
    for number in 1..5 {
        assert!(read(&strategy, &token).await.expect("valid").rotation_due);
        let next = rotate(&strategy, &token).await.expect("valid").expect("due");
        assert_eq!(claims(&next)["gen"], number);
        for step in [Span::ZERO, GRACE - Span::MILLISECOND] {
            stage.pass(step);
            assert!(!read(&strategy, &next).await.expect("valid").rotation_due);
            assert_eq!(rotate(&strategy, &next).await, Ok(None));
            assert_eq!(check(&strategy, &token).await, Ok(()), "it is within its grace");
        }
        stage.pass(Span::MILLISECOND);
        assert_eq!(check(&strategy, &token).await, Err(Reused));
        token = next;
    }
}

#[tokio::test]
async fn a_replaced_token_is_good_for_the_grace_and_yields_the_same_successor_then_it_ends_nothing() {
    let stage = Stage::new();
    let strategy = stage.rotating(AGE);
    let first = stage.log_in(&strategy).await.access;
    stage.pass(AGE + Span::milliseconds(700));
    let second = rotate(&strategy, &first).await.expect("valid").expect("due");
    for step in [0, 5000, 4999].map(Span::milliseconds) {
        stage.pass(step);
        assert!(read(&strategy, &first).await.expect("valid").rotation_due);
        assert_eq!(rotate(&strategy, &first).await, Ok(Some(second.clone())));
    }
    stage.pass(Span::MILLISECOND);
    assert_eq!(check(&strategy, &first).await, Err(Reused));
    assert_eq!(rotate(&strategy, &first).await, Err(Reused));
    assert_eq!(check(&strategy, &second).await, Ok(()));
    assert_eq!(stage.row().await.access_generation.number, 1);
}

#[tokio::test]
async fn a_token_before_the_replaced_one_is_rejected_at_once() {
    let stage = Stage::new();
    let strategy = stage.rotating(Span::ZERO);
    let first = stage.log_in(&strategy).await.access;
    let second = rotate(&strategy, &first).await.expect("valid").expect("due");
    stage.pass(GRACE);
    let third = rotate(&strategy, &second).await.expect("valid").expect("due");
    assert_eq!(check(&strategy, &first).await, Err(Reused));
    for token in [&second, &third] {
        assert_eq!(check(&strategy, token).await, Ok(()));
    }
}

#[tokio::test]
async fn the_grace_of_a_rotation_is_what_was_set() {
    for grace in [1, 60] {
        let stage = Stage::new();
        let rotation = Rotation::after(AGE.unsigned_abs()).grace(Duration::from_secs(grace));
        let strategy = stage.bare().rotation(rotation.expect("allowed")).expect("valid");
        let first = stage.log_in(&strategy).await.access;
        stage.pass(AGE);
        rotate(&strategy, &first).await.expect("valid").expect("due");
        stage.pass(Span::seconds(grace.cast_signed()) - Span::MILLISECOND);
        assert_eq!(check(&strategy, &first).await, Ok(()));
        stage.pass(Span::MILLISECOND);
        assert_eq!(check(&strategy, &first).await, Err(Reused));
    }
}

#[tokio::test]
async fn parallel_requests_get_one_successor() {
    let stage = Stage::new();
    let strategy = stage.rotating(AGE);
    let first = stage.log_in(&strategy).await.access;
    stage.pass(AGE);
    let outcomes = parallel(async || rotate(&strategy, &first).await.expect("valid").expect("due"));
    assert_eq!(outcomes.iter().collect::<HashSet<_>>().len(), 1);
    assert_eq!(stage.row().await.access_generation.number, 1);
    assert_eq!(check(&strategy, &outcomes[0]).await, Ok(()));
}

#[tokio::test]
async fn with_signatures_that_are_random_the_successor_has_the_same_claims() {
    let stage = Stage::new();
    let key = SigningKey::from_pem(SigningAlgorithm::Es256, include_str!("../keys/p256.pem"));
    let jwt = JwtStrategy::new(key.expect("valid"), seconds(ACCESS)).expect("valid");
    let strategy = TrackedJwtStrategy::new(
        jwt.clock(stage.clock.clone()),
        stage.store.clone(),
        seconds(LOG_IN),
    )
    .and_then(|strategy| strategy.rotation(Rotation::after(Duration::ZERO)))
    .expect("valid");
    let first = stage.log_in(&strategy).await.access;
    let [one, two] = [rotate(&strategy, &first).await, rotate(&strategy, &first).await]
        .map(|outcome| outcome.expect("valid").expect("due"));
    assert_eq!(claims(&one), claims(&two));
    for token in [one, two] {
        assert_eq!(check(&strategy, &token).await, Ok(()));
    }
}

#[tokio::test]
async fn a_log_in_without_refresh_tokens_lasts_as_long_as_its_newest_token_and_never_past_its_end() {
    let stage = Stage::new();
    let strategy = stage.rotating(AGE);
    let end = stage.now() + LOG_IN;
    let mut token = stage.log_in(&strategy).await.access;
    while stage.now() + AGE < end {
        assert_eq!(stage.row().await.expires_at, Some(expiry(&token)));
        stage.pass(AGE);
        token = rotate(&strategy, &token).await.expect("valid").expect("due");
        assert!(expiry(&token) <= end);
    }
    assert_eq!(expiry(&token), end);
    stage.pass(end - stage.now());
    assert_eq!(check(&strategy, &token).await, Err(Expired));

    let token = stage.log_in(&strategy).await.access;
    stage.pass(ACCESS);
    assert_eq!(rotate(&strategy, &token).await, Err(Expired));
}

#[tokio::test]
async fn a_rotation_spends_no_refresh_token_and_a_refresh_leaves_access_tokens_alive() {
    let stage = Stage::new();
    let strategy = stage
        .refreshing()
        .rotation(Rotation::after(AGE.unsigned_abs()))
        .expect("valid");
    let first = stage.log_in(&strategy).await;
    let idle_end = stage.row().await.expires_at;
    stage.pass(AGE);
    let rotated = rotate(&strategy, &first.access)
        .await
        .expect("valid")
        .expect("due");
    assert_eq!(stage.row().await.expires_at, idle_end, "it is no refresh");
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    for token in [&first.access, &rotated, &second.access] {
        assert_eq!(check(&strategy, token).await, Ok(()));
    }
    let row = stage.row().await;
    assert_eq!(
        (row.access_generation.number, row.refresh_generation.number),
        (1, 1)
    );
}

#[tokio::test]
async fn a_young_token_whose_twin_was_replaced_yields_the_successor_too() {
    let stage = Stage::new();
    let strategy = stage
        .refreshing()
        .rotation(Rotation::after(AGE.unsigned_abs()))
        .expect("valid");
    let first = stage.log_in(&strategy).await;
    stage.pass(AGE);
    // Of the same generation, but issued just now.
    let young = refresh(&strategy, first.refresh())
        .await
        .expect("the present one")
        .access;
    assert!(!read(&strategy, &young).await.expect("valid").rotation_due);
    let successor = rotate(&strategy, &first.access).await.expect("valid");
    assert!(read(&strategy, &young).await.expect("valid").rotation_due);
    assert_eq!(rotate(&strategy, &young).await, Ok(successor));
    stage.pass(GRACE);
    assert_eq!(check(&strategy, &young).await, Err(Reused));
}

#[tokio::test]
async fn a_token_of_a_refresh_from_before_a_rotation_does_not_cut_the_grace_short() {
    let stage = Stage::new();
    let strategy = stage
        .refreshing()
        .rotation(Rotation::after(Duration::ZERO))
        .expect("valid");
    let log_in = stage.log_in(&strategy).await;
    let first = refresh(&strategy, log_in.refresh())
        .await
        .expect("the present one")
        .access;
    stage.pass(Span::seconds(9));
    rotate(&strategy, &first).await.expect("valid").expect("due");
    let late = refresh(&strategy, log_in.refresh())
        .await
        .expect("in its grace")
        .access;
    for step in [Span::seconds(2), Span::milliseconds(7_999)] {
        stage.pass(step);
        assert_eq!(rotate(&strategy, &late).await, Ok(None));
        assert_eq!(check(&strategy, &first).await, Ok(()));
    }
    stage.pass(Span::MILLISECOND);
    assert!(rotate(&strategy, &late).await.expect("valid").is_some());
}

#[tokio::test]
async fn a_log_in_that_has_ended_is_not_rotated() {
    let stage = Stage::new();
    let strategy = stage.rotating(Span::ZERO);
    let first = stage.log_in(&strategy).await.access;
    let second = rotate(&strategy, &first).await.expect("valid").expect("due");
    strategy.revoke(APP, &first).await.expect("revoked");
    for token in [first, second] {
        assert_eq!(rotate(&strategy, &token).await, Err(Unknown));
        assert_eq!(check(&strategy, &token).await, Err(Unknown));
    }
    assert!(stage.rows().await.is_empty());
}

#[tokio::test]
async fn a_replaced_token_logs_out_within_the_grace_and_ends_nothing_after_it() {
    for (passed, ends) in [(GRACE - Span::MILLISECOND, true), (GRACE, false)] {
        let stage = Stage::new();
        let strategy = stage.rotating(AGE);
        let first = stage.log_in(&strategy).await.access;
        stage.pass(AGE);
        let second = rotate(&strategy, &first).await.expect("valid").expect("due");
        stage.pass(passed);
        strategy.revoke(APP, &first).await.expect("in memory");
        assert_eq!(check(&strategy, &second).await.is_err(), ends, "{passed}");
    }
}

#[tokio::test]
async fn a_successor_that_is_handed_out_again_says_how_long_it_still_lives() {
    let stage = Stage::new();
    let strategy = stage.rotating(AGE);
    let first = stage.log_in(&strategy).await.access;
    stage.pass(AGE);
    let end = Some(stage.now() + ACCESS);
    for _ in 0..2 {
        let successor = strategy.rotate(APP, &first).await.expect("valid").expect("due");
        assert_eq!((successor.issued_at, successor.expires_at), (stage.now(), end));
        stage.pass(Span::seconds(9));
    }
}

#[tokio::test]
async fn f5_no_successor_outlives_a_log_in_that_is_not_refreshed() {
    let stage = Stage::new();
    let tokens = RefreshTokens::new(&stage.secret).idle(Duration::from_secs(360));
    let strategy = stage.bare().refresh_tokens(tokens.expect("allowed"));
    let strategy = strategy
        .rotation(Rotation::after(AGE.unsigned_abs()))
        .expect("valid");
    let pair = stage.log_in(&strategy).await;
    let end = stage.now() + Span::minutes(6);
    assert_eq!(expiry(&pair.access), end);
    stage.pass(AGE);
    let successor = rotate(&strategy, &pair.access)
        .await
        .expect("valid")
        .expect("due");
    assert_eq!(expiry(&successor), end);
    stage.pass(Span::MINUTE);
    assert_eq!(check(&strategy, &successor).await, Err(Expired));
}

#[tokio::test]
async fn a_store_that_lost_data_rejects_the_newer_access_token_and_ends_nothing() {
    let stage = Stage::new();
    let strategy = stage.rotating(Span::ZERO);
    let first = stage.log_in(&strategy).await.access;
    let backup = stage.row().await;
    let second = rotate(&strategy, &first).await.expect("valid").expect("due");
    stage.overwrite(&backup).await;
    assert_eq!(check(&strategy, &second).await, Err(Unknown));
    assert_eq!(rotate(&strategy, &second).await, Err(Unknown));
    assert_eq!(check(&strategy, &first).await, Ok(()));
}

#[tokio::test]
async fn tokens_live_on_if_rotation_is_switched_on_or_off() {
    let stage = Stage::new();
    let (off, on) = (
        stage.refreshing(),
        stage
            .refreshing()
            .rotation(Rotation::after(Duration::ZERO))
            .expect("valid"),
    );
    let first = stage.log_in(&off).await;
    let rotated = rotate(&on, &first.access).await.expect("valid").expect("due");
    let credential = read(&off, &first.access).await.expect("within the grace");
    assert!(!credential.rotation_due);
    assert_eq!(check(&off, &rotated).await, Ok(()));
    let second = refresh(&off, first.refresh()).await.expect("the present one");
    assert_eq!(check(&off, &second.access).await, Ok(()));
}

#[tokio::test]
async fn after_a_clock_was_set_back_the_next_token_is_valid_at_once() {
    let stage = Stage::new();
    let strategy = stage.refreshing().rotation(Rotation::after(Duration::ZERO));
    let strategy = strategy.expect("valid");
    let mut pair = stage.log_in(&strategy).await;
    stage.pass(Span::minutes(10));
    let rotated = rotate(&strategy, &pair.access).await.expect("valid");
    rotated.expect("due");
    // Within what a clock may be set back without an end of the grace, the old token yields a valid one, too.
    stage.pass(-Span::seconds(50));
    let again = rotate(&strategy, &pair.access).await.expect("within the grace");
    assert!(read(&strategy, &again.expect("replaced")).await.is_ok());
    for _refresh in 0..3 {
        stage.pass(-Span::minutes(10));
        pair = refresh(&strategy, pair.refresh()).await.expect("the present one");
        assert!(read(&strategy, &pair.access).await.is_ok());
    }
}
