//! The promises of an [`OpaqueStrategy`] over a store.
//!
//! The tests set the clock, and try expiry to the millisecond. It starts at the present, so that the store keeps the tokens.
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    AccessTokenFixture, answered,
    parallel::{ROUNDS, at_once},
    sample::start,
};
use crate::{
    ClientInfo, Clock as _, Credential, Issued, Lifetime, ManualClock, NewLogIn, OpaqueStrategy, ReadError,
    Rejection, RevocableStrategy as _, Scope, Strategy as _, Subject,
};

const HOUR: Duration = Duration::from_secs(3600);

/// The backend that each token is issued by and presented to.
const AUDIENCE: &str = "conformance";

/// A credential has the subject, the epoch and the instants under which the token was issued, and a public id.
pub async fn a_grant_says_what_was_issued<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, clock) = strategy(fixture, lifetime(HOUR));
    let subject = Subject::new(fixture.user(None).await, (1 << 40) + 1);
    let other = Subject::new(fixture.user(None).await, 2);
    for subject in [subject, other] {
        let issued = answered(
            strategy
                .issue(&NewLogIn::new(AUDIENCE, &subject, &ClientInfo::default()))
                .await,
        );
        assert_eq!(
            issued.access.expires_at,
            Some(clock.now() + HOUR),
            "a token lives for its lifetime"
        );
        let credential = granted(
            strategy
                .read(AUDIENCE, issued.access.secret.expose_secret())
                .await,
        );
        assert!(credential.id.is_some(), "an opaque token has a public id");
        let expected = Credential {
            subject,
            id: credential.id,
            issued_at: Some(clock.now()),
            expires_at: issued.access.expires_at,
            actor: None,
            scope: Scope::default(),
            rotation_due: false,
            loaded_user: None,
        };
        assert_eq!(credential, expected, "a credential says what was issued");
    }
}

/// A token of an hour is valid until a millisecond before the hour is over. At the hour it is invalid, and stays so if
/// the clock steps back.
pub async fn a_token_is_valid_until_the_instant_of_its_expiry<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, clock) = strategy(fixture, lifetime(HOUR));
    let token = issued(fixture, &strategy).await;
    clock.advance(time::Duration::HOUR - time::Duration::MILLISECOND);
    granted(strategy.read(AUDIENCE, token.expose_secret()).await);
    for step in [time::Duration::MILLISECOND, time::Duration::DAY] {
        clock.advance(step);
        assert_expired(strategy.read(AUDIENCE, token.expose_secret()).await);
    }
    clock.advance(-2 * time::Duration::DAY);
    // Nor does it come back if the clock steps back.
    rejected(strategy.read(AUDIENCE, token.expose_secret()).await);
}

/// A token without an expiry is valid after a thousand years.
pub async fn a_token_for_ever_outlives_any_clock<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, clock) = strategy(fixture, Lifetime::FOREVER);
    let token = issued(fixture, &strategy).await;
    clock.advance(time::Duration::days(365_250));
    let credential = granted(strategy.read(AUDIENCE, token.expose_secret()).await);
    assert_eq!(credential.expires_at, None, "a token for ever has no expiry");
}

/// With an idle limit of an hour, a token that is used each 50 minutes lives on. An hour after its last use it has ended.
pub async fn an_idle_token_ends_and_a_used_one_lives_on<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, clock) = strategy(fixture, lifetime(24 * HOUR));
    let strategy = answered(strategy.idle(lifetime(HOUR)));
    let (used, idle) = (issued(fixture, &strategy).await, issued(fixture, &strategy).await);
    for use_of_both in [true, false, false] {
        clock.advance(time::Duration::minutes(50));
        granted(strategy.read(AUDIENCE, used.expose_secret()).await);
        if use_of_both {
            granted(strategy.read(AUDIENCE, idle.expose_secret()).await);
        }
    }
    assert_expired(strategy.read(AUDIENCE, idle.expose_secret()).await);
    clock.advance(time::Duration::HOUR - time::Duration::MILLISECOND);
    granted(strategy.read(AUDIENCE, used.expose_secret()).await);
    clock.advance(time::Duration::HOUR);
    assert_expired(strategy.read(AUDIENCE, used.expose_secret()).await);
}

/// However often a token is used, it ends with its lifetime.
pub async fn use_extends_no_token_past_its_lifetime<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, clock) = strategy(fixture, lifetime(4 * HOUR));
    let strategy = answered(strategy.idle(lifetime(HOUR)));
    let token = issued(fixture, &strategy).await;
    for _use in 0..7 {
        clock.advance(time::Duration::minutes(34));
        granted(strategy.read(AUDIENCE, token.expose_secret()).await);
    }
    clock.advance(2 * time::Duration::MINUTE - time::Duration::MILLISECOND);
    granted(strategy.read(AUDIENCE, token.expose_secret()).await);
    clock.advance(time::Duration::MILLISECOND);
    assert_expired(strategy.read(AUDIENCE, token.expose_secret()).await);
}

/// Exactly the issued string is valid. Changing a character, truncation, another case, white space, padding and a suffix are
/// rejected.
pub async fn only_the_issued_string_is_accepted<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, _clock) = strategy(fixture, lifetime(HOUR));
    let token = issued(fixture, &strategy).await;
    let token = token.expose_secret();
    let edits = (0..token.len()).map(|at| {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &token[..at], &token[at + 1..])
    });
    let truncations = (0..token.len()).map(|end| token[..end].to_owned());
    let others = [
        token[1..].to_owned(),
        token.to_ascii_lowercase(),
        token.to_ascii_uppercase(),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}\0"),
        format!("{token}="),
        format!("{token}A"),
        format!("{token}{token}"),
    ];
    for near in edits.chain(truncations).chain(others) {
        rejected(strategy.read(AUDIENCE, &near).await);
        answered(strategy.revoke(AUDIENCE, &near).await);
    }
    granted(strategy.read(AUDIENCE, token).await);
}

/// After its revocation, a token is unknown, whatever the clock says. Other tokens of the user stay.
pub async fn a_revoked_token_is_rejected_for_good<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, clock) = strategy(fixture, lifetime(HOUR));
    let subject = Subject::new(fixture.user(None).await, 0);
    let revoked = answered(
        strategy
            .issue(&NewLogIn::new(AUDIENCE, &subject, &ClientInfo::default()))
            .await,
    );
    let kept = answered(
        strategy
            .issue(&NewLogIn::new(AUDIENCE, &subject, &ClientInfo::default()))
            .await,
    );
    granted(
        strategy
            .read(AUDIENCE, revoked.access.secret.expose_secret())
            .await,
    );
    answered(
        strategy
            .revoke(AUDIENCE, revoked.access.secret.expose_secret())
            .await,
    );
    for _round in 0..2 {
        let rejection = rejected(
            strategy
                .read(AUDIENCE, revoked.access.secret.expose_secret())
                .await,
        );
        assert_eq!(rejection, Rejection::Unknown, "a revoked token is unknown");
        granted(strategy.read(AUDIENCE, kept.access.secret.expose_secret()).await);
        answered(
            strategy
                .revoke(AUDIENCE, revoked.access.secret.expose_secret())
                .await,
        );
        clock.advance(-time::Duration::DAY);
    }
}

/// Uses that are recorded while a token is revoked do not restore it.
pub async fn a_use_in_flight_does_not_undo_a_revocation<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, clock) = strategy(fixture, lifetime(HOUR));
    let strategy = Arc::new(strategy.track_use(Duration::from_millis(1)));
    for _round in 0..20 {
        let token = issued(fixture, &strategy).await;
        clock.advance(time::Duration::SECOND);
        at_once((0..16).map(|n| {
            let (strategy, token) = (Arc::clone(&strategy), token.clone());
            async move {
                if n == 8 {
                    return answered(strategy.revoke(AUDIENCE, token.expose_secret()).await);
                }
                match strategy.read(AUDIENCE, token.expose_secret()).await {
                    Ok(_) | Err(ReadError::Rejected(Rejection::Unknown)) => {}
                    Err(refusal) => panic!("a revoked token is unknown, not {refusal}"),
                }
            }
        }))
        .await;
        rejected(strategy.read(AUDIENCE, token.expose_secret()).await);
    }
}

/// After 50 parallel log-ins of one user with a cap of 5, exactly 5 tokens are valid, and each later log-in gets a
/// valid token.
pub async fn a_cap_holds_under_parallel_log_ins<F: AccessTokenFixture>(fixture: &F) {
    for _round in 0..ROUNDS {
        race_to_log_in(fixture).await;
    }
}

async fn race_to_log_in<F: AccessTokenFixture>(fixture: &F) {
    let (strategy, _clock) = strategy(fixture, lifetime(HOUR));
    let strategy = Arc::new(strategy.cap(NonZeroU32::new(5).expect("five is not zero")));
    let subject = Subject::new(fixture.user(None).await, 0);
    let mut tokens = at_once((0..50).map(|_| {
        let (strategy, subject) = (Arc::clone(&strategy), subject.clone());
        async move {
            answered(
                strategy
                    .issue(&NewLogIn::new(AUDIENCE, &subject, &ClientInfo::default()))
                    .await,
            )
        }
    }))
    .await;
    assert_eq!(
        valid(&strategy, &tokens).await,
        5,
        "a cap of 5 holds under 50 parallel log-ins"
    );
    for _ in 0..10 {
        let token = answered(
            strategy
                .issue(&NewLogIn::new(AUDIENCE, &subject, &ClientInfo::default()))
                .await,
        );
        granted(strategy.read(AUDIENCE, token.access.secret.expose_secret()).await);
        tokens.push(token);
    }
    assert_eq!(
        valid(&strategy, &tokens).await,
        5,
        "a cap of 5 holds under the log-ins that follow"
    );
}

fn strategy<F: AccessTokenFixture>(
    fixture: &F,
    lifetime: Lifetime,
) -> (OpaqueStrategy<F::Id>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(start()));
    (
        OpaqueStrategy::unlisted(fixture.store(), lifetime).clock(clock.clone()),
        clock,
    )
}

fn lifetime(span: Duration) -> Lifetime {
    Lifetime::new(span).expect("a positive lifetime")
}

/// A token of a user of its own.
async fn issued<F: AccessTokenFixture>(fixture: &F, strategy: &OpaqueStrategy<F::Id>) -> SecretString {
    let subject = Subject::new(fixture.user(None).await, 0);
    answered(
        strategy
            .issue(&NewLogIn::new(AUDIENCE, &subject, &ClientInfo::default()))
            .await,
    )
    .access
    .secret
}

#[track_caller]
fn granted<Id>(read: Result<Credential<Id>, ReadError>) -> Credential<Id> {
    match read {
        Ok(credential) => credential,
        Err(refusal) => panic!("a valid token is accepted, not {refusal}"),
    }
}

#[track_caller]
fn rejected<Id>(read: Result<Credential<Id>, ReadError>) -> Rejection {
    match read {
        Err(ReadError::Rejected(rejection)) => rejection,
        Err(ReadError::Unavailable(error)) => panic!("the store failed: {error}"),
        Ok(_) => panic!("a token that is not valid is rejected"),
    }
}

#[track_caller]
fn assert_expired<Id>(read: Result<Credential<Id>, ReadError>) {
    // A store may remove an expired token at any time.
    let rejection = rejected(read);
    assert!(
        matches!(rejection, Rejection::Expired | Rejection::Unknown),
        "an expired token is rejected as expired, not as {rejection}"
    );
}

async fn valid<Id: crate::UserId>(strategy: &OpaqueStrategy<Id>, tokens: &[Issued]) -> usize {
    let mut valid = 0;
    for token in tokens {
        match strategy.read(AUDIENCE, token.access.secret.expose_secret()).await {
            Ok(_) => valid += 1,
            Err(ReadError::Rejected(_)) => {}
            Err(ReadError::Unavailable(error)) => panic!("the store failed: {error}"),
        }
    }
    valid
}
