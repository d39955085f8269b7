//! Settings that contradict one another are refused by name.

use std::time::Duration;

use auth_core::{ConfigError, Lifetime};
use auth_jwt::{
    AsymmetricKeys, JwtStrategy, RefreshTokens, Rotation, SigningAlgorithm, SigningKey, TrackedJwtStrategy,
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
    let after = |age| stage.bare().rotation(Rotation::after(age));
    refused(after(ACCESS.unsigned_abs()), "rotation");
    refused(after(Duration::MAX), "rotation");
    assert!(after((ACCESS - Span::MILLISECOND).unsigned_abs()).is_ok() && after(Duration::ZERO).is_ok());
}

#[test]
fn a_check_at_the_refresh_only_needs_refresh_tokens_and_allows_no_rotation() {
    let stage = Stage::new();
    let setting = "check at refresh only";
    refused(stage.bare().check_at_refresh_only(), setting);
    let rotation = Rotation::after(Duration::ZERO);
    let rotating = stage.refreshing().rotation(rotation).expect("valid");
    refused(rotating.check_at_refresh_only(), setting);
    let unchecked = stage.refreshing().check_at_refresh_only().expect("valid");
    refused(unchecked.rotation(rotation), "rotation");
}

#[test]
fn a_grace_and_an_idle_limit_have_bounds() {
    let stage = Stage::new();
    let grace = |grace| RefreshTokens::new(&stage.secret).grace(grace);
    refused(grace(Duration::from_millis(60_001)), "refresh grace");
    assert!(grace(Duration::from_secs(60)).is_ok() && grace(Duration::ZERO).is_ok());
    let grace = |grace| Rotation::after(Duration::ZERO).grace(grace);
    refused(grace(Duration::from_millis(999)), "rotation grace");
    refused(grace(Duration::from_millis(60_001)), "rotation grace");
    assert!(grace(Duration::from_secs(60)).is_ok() && grace(Duration::from_secs(1)).is_ok());
    let idle = |idle| RefreshTokens::new(&stage.secret).idle(idle);
    refused(idle(Duration::from_millis(999)), "refresh idle limit");
    refused(idle(Duration::MAX), "refresh idle limit");
    assert!(idle(Duration::from_secs(1)).is_ok());
}

#[test]
fn a_grace_leaves_time_to_replace_a_token_however_long_it_is() {
    let stage = Stage::new();
    let with = |lifetime: Span, grace: Option<u64>| {
        let jwt = JwtStrategy::hs256(&stage.secret, seconds(lifetime)).expect("valid");
        let tracked = TrackedJwtStrategy::new(jwt, stage.store.clone(), seconds(LOG_IN)).expect("valid");
        let rotation = Rotation::after(Duration::ZERO);
        let rotation = match grace {
            Some(grace) => rotation.grace(Duration::from_secs(grace)).expect("allowed"),
            None => rotation,
        };
        tracked.rotation(rotation)
    };
    // Ten seconds, if it is not set.
    for (grace, least) in [
        (None, 11),
        (Some(1), 2),
        (Some(9), 10),
        (Some(11), 12),
        (Some(60), 61),
    ] {
        let least = Span::seconds(least);
        refused(with(least - Span::MILLISECOND, grace), "rotation grace");
        assert!(with(least, grace).is_ok(), "{grace:?}");
    }
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
