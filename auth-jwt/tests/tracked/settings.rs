//! Settings that contradict one another are refused by name.

use std::time::Duration;

use auth_core::{ConfigError, Lifetime};
use auth_jwt::{
    AsymmetricKeys, JwtStrategy, RefreshTokens, SigningAlgorithm, SigningKey, TrackedJwtStrategy,
};
use time::Duration as Span;

use crate::stage::{ACCESS, LOG_IN, Stage, seconds};

#[track_caller]
fn refused<T>(outcome: Result<T, ConfigError>, setting: &str) {
    let error = outcome.err().expect("refused");
    assert_eq!(error.setting(), setting, "{error}");
}

#[test]
fn a_log_in_that_is_shorter_than_its_tokens_is_refused() {
    let stage = Stage::new();
    let new = |lifetime| TrackedJwtStrategy::new(stage.jwt(), stage.store.clone(), lifetime);
    refused(new(seconds(ACCESS - Span::MILLISECOND)), "log-in lifetime");
    assert!(new(seconds(ACCESS)).is_ok());
    assert!(new(Lifetime::FOREVER).is_ok());
}

#[test]
fn tokens_that_have_no_log_in_cannot_be_accepted() {
    let stage = Stage::new();
    let new = |jwt| TrackedJwtStrategy::new(jwt, stage.store.clone(), seconds(LOG_IN));
    refused(new(stage.jwt().accept_without_epoch()), "accept_without_epoch");
    let key = |pem| SigningKey::from_pem(SigningAlgorithm::EdDsa, pem).expect("valid");
    let theirs = key(include_str!("../keys/ed25519-2.pem"));
    let keys = AsymmetricKeys::new(key(include_str!("../keys/ed25519-1.pem")))
        .trust_issuer("https://login.example", theirs.verifying_key().clone())
        .expect("valid");
    refused(
        new(JwtStrategy::new(keys, seconds(ACCESS)).expect("valid")),
        "trust_issuer",
    );
}

#[test]
fn a_rotation_that_would_never_happen_is_refused() {
    let stage = Stage::new();
    let age = |age: Span| stage.bare().rotate_after(age.unsigned_abs());
    refused(age(ACCESS), "rotation");
    refused(stage.bare().rotate_after(Duration::MAX), "rotation");
    assert!(age(ACCESS - Span::MILLISECOND).is_ok() && age(Span::ZERO).is_ok());
}

#[test]
fn a_check_at_the_refresh_only_needs_refresh_tokens_and_allows_no_rotation() {
    let stage = Stage::new();
    let setting = "check at refresh only";
    refused(stage.bare().check_at_refresh_only(), setting);
    let rotating = stage.refreshing().rotate_after(Duration::ZERO).expect("valid");
    refused(rotating.check_at_refresh_only(), setting);
    let unchecked = stage.refreshing().check_at_refresh_only().expect("valid");
    refused(unchecked.rotate_after(Duration::ZERO), "rotation");
}

#[test]
fn a_grace_and_an_idle_limit_have_bounds() {
    let stage = Stage::new();
    let grace = |grace| RefreshTokens::new(&stage.secret).grace(grace);
    refused(grace(Duration::from_millis(60_001)), "refresh grace");
    assert!(grace(Duration::from_secs(60)).is_ok() && grace(Duration::ZERO).is_ok());
    let grace = |grace| stage.rotating(Span::MINUTE).rotation_grace(grace);
    refused(grace(Duration::from_millis(999)), "rotation grace");
    refused(grace(Duration::from_millis(60_001)), "rotation grace");
    assert!(grace(Duration::from_secs(60)).is_ok() && grace(Duration::from_secs(1)).is_ok());
    let idle = |idle| RefreshTokens::new(&stage.secret).idle(idle);
    refused(idle(Duration::from_millis(999)), "refresh idle limit");
    refused(idle(Duration::MAX), "refresh idle limit");
    assert!(idle(Duration::from_secs(1)).is_ok());
}

#[test]
fn a_grace_of_a_rotation_needs_one_and_leaves_time_to_replace_a_token() {
    let stage = Stage::new();
    let grace = Duration::from_secs(30);
    refused(stage.refreshing().rotation_grace(grace), "rotation grace");
    let with = |lifetime| {
        let jwt = JwtStrategy::hs256(&stage.secret, seconds(lifetime)).expect("valid");
        let tracked = TrackedJwtStrategy::new(jwt, stage.store.clone(), seconds(LOG_IN));
        let rotating = tracked.and_then(|tracked| tracked.rotate_after(Duration::ZERO))?;
        rotating.rotation_grace(grace)
    };
    refused(with(Span::seconds(10)), "rotation");
    refused(with(Span::seconds(11)), "rotation grace");
    refused(with(Span::seconds(30)), "rotation grace");
    assert!(with(Span::seconds(31)).is_ok());
}

#[test]
fn a_setting_does_not_print_its_key() {
    let stage = Stage::new();
    let printed = format!("{:?}", RefreshTokens::new(&stage.secret));
    assert!(
        printed.starts_with("RefreshTokens { idle:") && !printed.contains("key"),
        "{printed}"
    );
}
