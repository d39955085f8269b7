//! F1 to F6.

use std::{collections::HashSet, num::NonZeroU32, time::Duration};

use auth_core::{
    AccessTokenIndex as _, Credential, RefreshStrategy as _,
    Rejection::{BadSignature, Expired, Malformed, Reused, Unknown},
    RevocableStrategy as _, SigningSecret,
};
use auth_jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy};
use time::Duration as Span;

use crate::stage::{
    ACCESS, APP, LOG_IN, Pair, Stage, check, end_by_refresh, expiry, parallel, refresh, seconds,
};

const GRACE: Span = Span::seconds(10);
const IDLE: Span = Span::days(14);

#[tokio::test]
async fn f1_each_refresh_brings_another_token_and_the_access_tokens_before_it_live_on() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let mut pair = stage.log_in(&strategy).await;
    let mut seen = HashSet::from([pair.refresh().to_owned()]);
    let mut access = vec![pair.access.clone()];
    for _ in 0..5 {
        stage.pass(Span::MINUTE);
        pair = refresh(&strategy, pair.refresh()).await.expect("the present one");
        assert!(seen.insert(pair.refresh().to_owned()));
        assert_eq!(expiry(&pair.access), stage.now() + ACCESS);
        access.push(pair.access.clone());
    }
    for token in &access {
        assert_eq!(check(&strategy, token).await, Ok(()));
    }
    stage.pass(ACCESS - Span::minutes(5));
    assert_eq!(check(&strategy, &access[0]).await, Err(Expired));
    assert_eq!(check(&strategy, &access[1]).await, Ok(()));
    assert_eq!(stage.row().await.refresh_generation.number, 5);
}

#[tokio::test]
async fn f2_the_replaced_token_ends_the_log_in_once_the_grace_is_over() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let first = stage.log_in(&strategy).await;
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    stage.pass(GRACE);
    assert_eq!(refresh(&strategy, first.refresh()).await, Err(Reused));
    assert_eq!(refresh(&strategy, second.refresh()).await, Err(Unknown));
    for pair in [first, second] {
        assert_eq!(check(&strategy, &pair.access).await, Err(Unknown));
    }
    assert!(stage.rows().await.is_empty());
}

#[tokio::test]
async fn f2_an_older_token_ends_the_log_in_at_once() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let first = stage.log_in(&strategy).await;
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    let third = refresh(&strategy, second.refresh())
        .await
        .expect("the present one");
    assert_eq!(refresh(&strategy, first.refresh()).await, Err(Reused));
    assert_eq!(refresh(&strategy, third.refresh()).await, Err(Unknown));
    assert_eq!(check(&strategy, &third.access).await, Err(Unknown));
}

#[tokio::test]
async fn f2_a_reuse_ends_no_other_log_in() {
    let stage = Stage::new();
    let strategy = stage.without_grace();
    let (stolen, other) = (stage.log_in(&strategy).await, stage.log_in(&strategy).await);
    refresh(&strategy, stolen.refresh())
        .await
        .expect("the present one");
    assert_eq!(refresh(&strategy, stolen.refresh()).await, Err(Reused));
    assert_eq!(check(&strategy, &other.access).await, Ok(()));
    assert!(refresh(&strategy, other.refresh()).await.is_ok());
}

#[tokio::test]
async fn f3_of_parallel_uses_one_replaces_the_token_and_all_get_its_successor() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let first = stage.log_in(&strategy).await;
    let outcomes = parallel(async || refresh(&strategy, first.refresh()).await.expect("good"));
    let successors: HashSet<_> = outcomes
        .iter()
        .map(|pair| (&pair.access, pair.refresh()))
        .collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(stage.row().await.refresh_generation.number, 1);
    assert!(refresh(&strategy, outcomes[0].refresh()).await.is_ok());
}

#[tokio::test]
async fn f3_without_a_grace_one_of_parallel_uses_is_served_and_the_log_in_ends() {
    let stage = Stage::new();
    let strategy = stage.without_grace();
    let first = stage.log_in(&strategy).await;
    let outcomes = parallel(async || refresh(&strategy, first.refresh()).await);
    let served: Vec<_> = outcomes.iter().flatten().collect();
    assert_eq!(served.len(), 1);
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let refused: HashSet<_> = refused.collect();
    assert!(refused.contains(&Reused) && refused.is_subset(&HashSet::from([&Reused, &Unknown])));
    assert_eq!(check(&strategy, &served[0].access).await, Err(Unknown));
    assert_eq!(refresh(&strategy, served[0].refresh()).await, Err(Unknown));
}

#[tokio::test]
async fn f4_nothing_is_minted_for_a_log_in_that_has_ended() {
    for end in 0..4 {
        let stage = Stage::new();
        let strategy = stage.refreshing().cap(NonZeroU32::MIN);
        let first = stage.log_in(&strategy).await;
        let second = refresh(&strategy, first.refresh())
            .await
            .expect("the present one");
        match end {
            0 => strategy.revoke(APP, &first.access).await.expect("revoked"),
            1 => {
                let user_id = stage.subject.user_id;
                strategy.revoke_all(&user_id).await.expect("revoked");
            }
            2 => {
                let id = stage.row().await.id;
                let user_id = stage.subject.user_id;
                assert!(stage.store.delete_by_id(&user_id, id).await.expect("in memory"));
            }
            _ => drop(stage.log_in(&strategy).await),
        }
        // The first is within its grace.
        for token in [first.refresh(), second.refresh()] {
            assert_eq!(refresh(&strategy, token).await, Err(Unknown), "{end}");
        }
        assert_eq!(check(&strategy, &second.access).await, Err(Unknown), "{end}");
    }
}

#[tokio::test]
async fn f5_a_log_in_that_is_not_refreshed_ends_at_the_idle_limit_to_the_millisecond() {
    let stage = Stage::new();
    let pair = stage.log_in(&stage.refreshing()).await;
    stage.pass(IDLE - Span::MILLISECOND);
    // Another strategy over the same store is what a restarted service has.
    let pair = refresh(&stage.refreshing(), pair.refresh())
        .await
        .expect("in time");
    stage.pass(IDLE - Span::MILLISECOND);
    let still = stage.refreshing();
    assert_eq!(
        stage.row().await.expires_at,
        Some(stage.now() + Span::MILLISECOND)
    );
    stage.pass(Span::MILLISECOND);
    assert_eq!(refresh(&still, pair.refresh()).await, Err(Expired));
}

#[tokio::test]
async fn f5_a_log_in_ends_at_its_absolute_limit_however_often_it_is_refreshed() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let mut pair = stage.log_in(&strategy).await;
    let end = stage.now() + LOG_IN;
    while stage.now() + IDLE < end {
        stage.pass(IDLE - Span::SECOND);
        pair = refresh(&strategy, pair.refresh()).await.expect("in time");
    }
    assert_eq!(stage.row().await.expires_at, Some(end));
    stage.pass(end - stage.now() - Span::milliseconds(1));
    pair = refresh(&strategy, pair.refresh()).await.expect("in time");
    assert_eq!(expiry(&pair.access), end, "no access token outlives the log-in");
    assert_eq!(check(&strategy, &pair.access).await, Ok(()));
    stage.pass(Span::MILLISECOND);
    assert_eq!(check(&strategy, &pair.access).await, Err(Expired));
    assert_eq!(refresh(&strategy, pair.refresh()).await, Err(Expired));
}

#[tokio::test]
async fn f5_a_log_in_that_is_idle_takes_its_access_token_along() {
    let stage = Stage::new();
    let tokens = RefreshTokens::new(&stage.secret).idle(Duration::from_secs(60));
    let strategy = stage.bare().refresh_tokens(tokens.expect("allowed"));
    let issued = stage.issue(&strategy, |_log_in| ()).await;
    let pair = Pair::of(&issued);
    let end = stage.now() + Span::MINUTE;
    assert_eq!(issued.access.expires_at, Some(end), "what the client is told");
    assert_eq!(expiry(&pair.access), end);
    stage.pass(Span::MINUTE - Span::MILLISECOND);
    assert_eq!(
        check(&strategy, &pair.access).await,
        Ok(()),
        "a use is no refresh"
    );
    stage.pass(Span::MILLISECOND);
    assert_eq!(check(&strategy, &pair.access).await, Err(Expired));
    assert_eq!(refresh(&strategy, pair.refresh()).await, Err(Expired));
}

#[tokio::test]
async fn f6_within_the_grace_a_replaced_token_yields_the_same_successor() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let first = stage.log_in(&strategy).await;
    stage.pass(Span::milliseconds(300));
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    for step in [0, 5000, 4999].map(Span::milliseconds) {
        stage.pass(step);
        assert_eq!(refresh(&strategy, first.refresh()).await.as_ref(), Ok(&second));
    }
    assert_eq!(stage.row().await.refresh_generation.number, 1);
    let third = refresh(&strategy, second.refresh())
        .await
        .expect("the present one");
    assert_eq!(refresh(&strategy, second.refresh()).await, Ok(third));
}

#[tokio::test]
async fn f6_the_grace_is_what_was_set() {
    for grace in [1, 60] {
        let stage = Stage::new();
        let tokens = RefreshTokens::new(&stage.secret).grace(Duration::from_secs(grace));
        let strategy = stage.bare().refresh_tokens(tokens.expect("allowed"));
        let first = stage.log_in(&strategy).await;
        let second = refresh(&strategy, first.refresh()).await;
        stage.pass(Span::seconds(grace.cast_signed()) - Span::MILLISECOND);
        assert_eq!(refresh(&strategy, first.refresh()).await, second);
        stage.pass(Span::MILLISECOND);
        assert_eq!(refresh(&strategy, first.refresh()).await, Err(Reused));
    }
}

#[tokio::test]
async fn a_store_that_lost_data_rejects_the_newer_token_and_ends_nothing() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let first = stage.log_in(&strategy).await;
    let backup = stage.row().await;
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    stage.overwrite(&backup).await;
    assert_eq!(refresh(&strategy, second.refresh()).await, Err(Unknown));
    assert_eq!(end_by_refresh(&strategy, second.refresh()).await, Err(Unknown));
    assert_eq!(refresh(&strategy, first.refresh()).await.map(drop), Ok(()));
}

#[tokio::test]
async fn the_user_and_the_epoch_of_a_refresh_token_are_known_without_a_store() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let pair = stage.log_in(&strategy).await;
    let next = refresh(&strategy, pair.refresh()).await.expect("the present one");
    strategy.revoke(APP, &pair.access).await.expect("revoked");
    for token in [pair.refresh(), next.refresh()] {
        assert_eq!(
            strategy.holder_of(APP, token),
            Ok(Credential::new(stage.subject.clone()))
        );
        assert_eq!(strategy.holder_of("web", token), Err(BadSignature));
        assert_eq!(stage.bare().holder_of(APP, token), Err(Malformed));
    }
}

#[tokio::test]
async fn a_refresh_token_lasts_to_the_idle_limit_and_its_access_token_to_its_own() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let issued = stage.issue(&strategy, |_log_in| ()).await;
    let token = issued.refresh.as_ref().expect("a refresh token");
    assert_eq!(token.issued_at, stage.now());
    assert_eq!(token.expires_at, Some(stage.now() + IDLE));
    assert_eq!(issued.access.expires_at, Some(stage.now() + ACCESS));
    let pair = Pair::of(&issued);
    stage.pass(Span::days(20) - IDLE);
    let next = refresh(&strategy, pair.refresh()).await.expect("in time");
    stage.pass(Span::seconds(3));
    let again = strategy
        .refresh(APP, pair.refresh())
        .await
        .expect("within the grace");
    assert_eq!(Pair::of(&again), next, "they are the same tokens");
    let since = stage.now() - Span::seconds(3);
    let refresh = again.refresh.expect("a refresh token");
    for (token, lifetime) in [(again.access, ACCESS), (refresh, IDLE)] {
        assert_eq!(token.expires_at, Some(since + lifetime));
        assert_eq!(token.issued_at, stage.now(), "a client counts from now");
    }
}

#[tokio::test]
async fn f6_a_grace_that_is_longer_than_the_life_of_an_access_token_hands_out_no_dead_one() {
    let stage = Stage::new();
    let jwt = JwtStrategy::hs256(&stage.secret, seconds(Span::seconds(2))).expect("valid");
    let strategy = TrackedJwtStrategy::new(
        jwt.clock(stage.clock.clone()),
        stage.store.clone(),
        seconds(LOG_IN),
    )
    .expect("valid")
    .refresh_tokens(RefreshTokens::new(&stage.secret));
    let first = stage.log_in(&strategy).await;
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    stage.pass(Span::seconds(2) - Span::MILLISECOND);
    assert_eq!(refresh(&strategy, first.refresh()).await.as_ref(), Ok(&second));
    stage.pass(Span::MILLISECOND);
    assert_eq!(check(&strategy, &second.access).await, Err(Expired));
    let again = refresh(&strategy, first.refresh())
        .await
        .expect("within the grace");
    assert_eq!(again.refresh, second.refresh);
    assert_eq!(check(&strategy, &again.access).await, Ok(()));
    assert_eq!(stage.row().await.refresh_generation.number, 1);
}

#[tokio::test]
async fn a_good_refresh_token_ends_its_log_in_and_what_is_none_ends_nothing() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let end = async |token: &str| end_by_refresh(&strategy, token).await;

    let pair = stage.log_in(&strategy).await;
    assert_eq!(end(&pair.access).await, Err(BadSignature));
    assert_eq!(end("").await, Err(Malformed));
    assert!(strategy.end_by_refresh("web", pair.refresh()).await.is_err());
    assert_eq!(check(&strategy, &pair.access).await, Ok(()));
    assert_eq!(end(pair.refresh()).await, Ok(()));
    assert_eq!(check(&strategy, &pair.access).await, Err(Unknown));
    assert_eq!(end(pair.refresh()).await, Err(Unknown));

    let first = stage.log_in(&strategy).await;
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    assert_eq!(end(first.refresh()).await, Ok(()), "within the grace");
    assert_eq!(check(&strategy, &second.access).await, Err(Unknown));

    let idle = stage.log_in(&strategy).await;
    stage.pass(IDLE);
    assert_eq!(end(idle.refresh()).await, Err(Expired));
}

#[tokio::test]
async fn f2_a_log_out_by_a_replaced_token_is_a_reuse_and_ends_the_log_in() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let first = stage.log_in(&strategy).await;
    let second = refresh(&strategy, first.refresh())
        .await
        .expect("the present one");
    stage.pass(GRACE);
    assert_eq!(end_by_refresh(&strategy, first.refresh()).await, Err(Reused));
    assert_eq!(check(&strategy, &second.access).await, Err(Unknown));
    assert_eq!(refresh(&strategy, second.refresh()).await, Err(Unknown));
}

#[tokio::test]
async fn n8_a_refresh_token_of_an_old_secret_is_good_and_its_successor_has_the_new_one() {
    let stage = Stage::new();
    let new = SigningSecret::generate().expect("randomness");
    let with = |secret: &SigningSecret| stage.bare().refresh_tokens(RefreshTokens::new(secret));
    let pair = stage.log_in(&with(&stage.secret)).await;

    assert_eq!(refresh(&with(&new), pair.refresh()).await, Err(BadSignature));
    let both = with(&new.clone().also_accept(stage.secret.clone()));
    let next = refresh(&both, pair.refresh())
        .await
        .expect("the old one is accepted");
    assert_eq!(refresh(&both, pair.refresh()).await, Ok(next.clone()));
    assert_eq!(
        refresh(&with(&stage.secret), next.refresh()).await,
        Err(BadSignature)
    );
    assert!(refresh(&with(&new), next.refresh()).await.is_ok());
}
