//! Issuing, and what holds for the strategy as a whole.

use std::{sync::Arc, time::Duration};

use auth_core::{
    ClientInfo, Clock as _, Email, ExposeSecret as _, IssueError, Lifetime, ManualClock, NewLogIn, NewUser,
    Outcome, Rejection, Strategy, Subject, UserId, UserStore, admit, memory::MemoryUserStore,
};
use auth_jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy, MAX_TOKEN_BYTES};
use time::{Duration as Span, OffsetDateTime};
use uuid::Uuid;

use crate::craft::{
    LIFETIME, START, USER, at_once, clock_at, decoded, issue, lifetime, parts, read, secret, strategy,
};

#[test]
fn deviation_2_a_lifetime_for_ever_or_under_a_second_is_refused() {
    for lifetime in [
        Lifetime::FOREVER,
        Lifetime::new(Duration::from_millis(999)).expect("positive"),
    ] {
        let error = JwtStrategy::<Uuid>::hs256(&secret(), lifetime)
            .err()
            .expect("refused");
        assert_eq!(error.setting(), "JWT lifetime");
    }
    assert!(JwtStrategy::<Uuid>::hs256(&secret(), Lifetime::from_secs(1).expect("positive")).is_ok());
}

#[test]
fn a_token_says_what_was_asked_for() {
    let strategy = strategy().issuer("https://auth.example.com");
    let claims = decoded(parts(&issue(&strategy))[1]);
    assert_eq!(claims["sub"], USER);
    assert_eq!(claims["aud"], serde_json::json!([FASTAPI_USERS_AUDIENCE]));
    assert_eq!(claims["iss"], "https://auth.example.com");
    assert_eq!(claims["iat"], START);
    assert_eq!(claims["nbf"], START);
    assert_eq!(claims["exp"], START + LIFETIME);
    assert_eq!(claims["epoch"], 7);
    assert!(claims["jti"].is_string());
}

#[test]
fn no_two_tokens_are_equal() {
    let strategy = strategy();
    let (one, two) = (issue(&strategy), issue(&strategy));
    assert_ne!(one, two);
    assert_ne!(
        read(&strategy, &one).expect("valid").id,
        read(&strategy, &two).expect("valid").id
    );
}

#[test]
fn a_token_never_outlives_its_lifetime_and_is_valid_at_once() {
    for milliseconds in [0, 1, 500, 999] {
        let start =
            OffsetDateTime::from_unix_timestamp(START).expect("in range") + Span::milliseconds(milliseconds);
        for lifetime in [1000, 1001, 1999, 3_600_000] {
            let clock = Arc::new(ManualClock::new(start));
            let span = Lifetime::new(Duration::from_millis(lifetime)).expect("positive");
            let strategy = JwtStrategy::<Uuid>::hs256(&secret(), span)
                .expect("valid")
                .clock(clock.clone());
            let subject = Subject::new(Uuid::now_v7(), 0);
            let issued = at_once(strategy.issue(&NewLogIn::new(
                FASTAPI_USERS_AUDIENCE,
                &subject,
                &ClientInfo::default(),
            )))
            .expect("issued");
            let credential = read(&strategy, issued.access.secret.expose_secret()).expect("valid at once");
            assert_eq!(
                credential.expires_at, issued.access.expires_at,
                "the token says what we say"
            );
            let end = issued.access.expires_at.expect("it has an end");
            let asked = start + Span::milliseconds(i64::try_from(lifetime).expect("small"));
            assert!(end <= asked && asked - end < Span::SECOND, "{end} of {asked}");

            clock.advance(end - clock.now() - Span::MILLISECOND);
            assert!(read(&strategy, issued.access.secret.expose_secret()).is_ok());
            clock.advance(Span::MILLISECOND);
            assert_eq!(
                read(&strategy, issued.access.secret.expose_secret()),
                Err(Rejection::Expired)
            );
        }
    }
}

#[test]
fn ids_of_other_types_are_written_and_read() {
    fn round_trip<Id: UserId>(user_id: Id) {
        let strategy = JwtStrategy::hs256(&secret(), lifetime()).expect("valid");
        let subject = Subject::new(user_id, -1);
        let issued = at_once(strategy.issue(&NewLogIn::new(
            FASTAPI_USERS_AUDIENCE,
            &subject,
            &ClientInfo::default(),
        )))
        .expect("issued");
        let credential = at_once(strategy.read(FASTAPI_USERS_AUDIENCE, issued.access.secret.expose_secret()))
            .expect("valid");
        assert_eq!(credential.subject, subject);
    }
    round_trip(Uuid::now_v7());
    round_trip(i64::MIN);
    round_trip(42_i32);
    round_trip(String::from("\"quoted\" \\ \u{1F600} \u{1}"));
}

#[test]
fn a_token_that_could_not_be_read_is_not_issued() {
    let strategy = JwtStrategy::hs256(&secret(), lifetime()).expect("valid");
    let subject = Subject::new("x".repeat(MAX_TOKEN_BYTES), 0);
    let refused = at_once(strategy.issue(&NewLogIn::new(
        FASTAPI_USERS_AUDIENCE,
        &subject,
        &ClientInfo::default(),
    )));
    assert!(matches!(refused, Err(IssueError::Unavailable(_))));
    let subject = Subject::new("lance\0lot".to_owned(), 0);
    let refused = at_once(strategy.issue(&NewLogIn::new(
        FASTAPI_USERS_AUDIENCE,
        &subject,
        &ClientInfo::default(),
    )));
    assert!(matches!(refused, Err(IssueError::Unavailable(_))));

    let before_1970 = self::strategy().clock(clock_at(-10));
    let subject = Subject::new(Uuid::now_v7(), 0);
    assert!(
        at_once(before_1970.issue(&NewLogIn::new(
            FASTAPI_USERS_AUDIENCE,
            &subject,
            &ClientInfo::default()
        )))
        .is_err()
    );
}

#[tokio::test]
async fn a_token_dies_when_the_users_epoch_grows() {
    let users: MemoryUserStore = MemoryUserStore::new();
    let user = users.insert(new_user()).await.expect("inserted");
    let strategy = strategy();
    let issued = strategy
        .issue(&NewLogIn::new(
            FASTAPI_USERS_AUDIENCE,
            &Subject::from(&user),
            &ClientInfo::default(),
        ))
        .await
        .expect("issued");
    let token = issued.access.secret.expose_secret();
    assert!(matches!(
        admit(&users, strategy.read(FASTAPI_USERS_AUDIENCE, token).await).await,
        Outcome::Authenticated(..)
    ));
    let mut logged_out = user.clone();
    logged_out.security_epoch += 1;
    users.update(&logged_out).await.expect("updated");
    assert!(matches!(
        admit(&users, strategy.read(FASTAPI_USERS_AUDIENCE, token).await).await,
        Outcome::Rejected(Rejection::StaleEpoch)
    ));
}

fn new_user() -> NewUser {
    let mut new = NewUser::new(
        "king.arthur@camelot.example".parse::<Email>().expect("valid"),
        (),
        OffsetDateTime::UNIX_EPOCH,
    );
    new.is_verified = true;
    new
}
