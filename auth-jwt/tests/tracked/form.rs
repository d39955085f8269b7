//! T2: exactly the issued string is a refresh token.

use auth_core::{
    ExposeSecret as _, RefreshStrategy as _,
    Rejection::{self, BadSignature, Malformed},
};
use auth_jwt::{MAX_TOKEN_BYTES, TrackedJwtStrategy};
use proptest::{prelude::*, sample::Index};

use crate::stage::{APP, Stage, end_by_refresh, refresh};

/// A strategy with refresh tokens, and one of them.
fn issued() -> (Stage, TrackedJwtStrategy, String) {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let issued = runtime.block_on(stage.issue(&strategy, |_log_in| ()));
    let token = issued.refresh.expect("a refresh token").secret;
    (stage, strategy, token.expose_secret().to_owned())
}

fn is_refused(strategy: &TrackedJwtStrategy, token: &str) -> bool {
    matches!(strategy.holder_of(APP, token), Err(Malformed | BadSignature))
}

#[test]
fn a_refresh_token_is_short_and_fit_for_a_cookie() {
    let (_stage, strategy, token) = issued();
    assert!(token.len() < 160, "{} bytes", token.len());
    assert!(
        token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    );
    assert!(strategy.holder_of(APP, &token).is_ok());
}

#[test]
fn t2_a_refresh_token_with_any_one_character_changed_added_or_left_out_is_rejected() {
    let (_stage, strategy, token) = issued();
    let alphabet: Vec<char> = ('0'..='9')
        .chain('A'..='Z')
        .chain('a'..='z')
        .chain("-_.=+/ \n\0é".chars())
        .collect();
    for at in 0..=token.len() {
        let (before, after) = token.split_at(at);
        let mut rest = after.chars();
        let replaced = rest.next();
        for with in &alphabet {
            assert!(
                is_refused(&strategy, &format!("{before}{with}{after}")),
                "{at} {with:?}"
            );
            if replaced.is_some_and(|replaced| replaced != *with) {
                let edited = format!("{before}{with}{}", rest.as_str());
                assert!(is_refused(&strategy, &edited), "{at} {with:?}");
            }
        }
        if replaced.is_some() {
            assert!(
                is_refused(&strategy, &format!("{before}{}", rest.as_str())),
                "{at}"
            );
            assert!(
                is_refused(&strategy, before) && is_refused(&strategy, &token[at + 1..]),
                "{at}"
            );
        }
    }
}

#[test]
fn t2_a_refresh_token_in_another_case_or_with_padding_is_rejected() {
    let (_stage, strategy, token) = issued();
    let parts: Vec<&str> = token.split('.').collect();
    for edited in [
        token.to_uppercase(),
        token.to_lowercase(),
        format!("{token}="),
        format!("{token}=="),
        format!("{token} "),
        format!(" {token}"),
        format!("Bearer {token}"),
        token.replace('.', "%2E"),
        token.replacen(".0.", ".00.", 1),
        token.replacen(".0.", ".+0.", 1),
        token.replacen(".0.", ".1.", 1),
        token.replacen(".7.", ".8.", 1),
        parts[..4].join("."),
        format!("{token}.{}", parts[4]),
        [parts[4], parts[1], parts[2], parts[3], parts[0]].join("."),
        [parts[0], parts[2], parts[1], parts[3], parts[4]].join("."),
        "x".repeat(MAX_TOKEN_BYTES + 1),
    ] {
        assert!(is_refused(&strategy, &edited), "{edited}");
    }
}

#[tokio::test]
async fn a_token_that_was_never_issued_ends_nothing() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let pair = stage.log_in(&strategy).await;
    let next = refresh(&strategy, pair.refresh()).await.expect("the present one");
    let forged = pair.refresh().replacen(".0.", ".7.", 1);
    let refused: Result<_, Rejection> = refresh(&strategy, &forged).await;
    assert_eq!(refused, Err(BadSignature));
    assert_eq!(end_by_refresh(&strategy, &forged).await, Err(BadSignature));
    assert!(refresh(&strategy, next.refresh()).await.is_ok());
}

proptest! {
    #[test]
    fn any_string_is_refused_without_a_panic(
        presented in "\\PC{0,64}|[A-Za-z0-9_.=-]{0,200}|[A-Za-z0-9_-]{46}\\.[0-9]{1,20}\\.-?[0-9]{1,20}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{43}",
    ) {
        let strategy = Stage::new().refreshing();
        prop_assert!(is_refused(&strategy, &presented));
    }

    #[test]
    fn t2_a_refresh_token_is_valid_only_unchanged(edits in edits()) {
        let (stage, strategy, token) = issued();
        let mut characters: Vec<char> = token.chars().collect();
        for (place, taken, put) in edits {
            let start = place.index(characters.len());
            let end = characters.len().min(start + taken);
            characters.splice(start..end, put.chars());
            prop_assume!(!characters.is_empty());
        }
        let edited: String = characters.into_iter().collect();
        let subject = strategy.holder_of(APP, &edited).map(|holder| holder.subject);
        prop_assert_eq!(subject == Ok(stage.subject), edited == token);
    }
}

/// A place, how many characters to take away there, and what to put instead.
fn edits() -> impl Strategy<Value = Vec<(Index, usize, String)>> {
    let text = "[A-Za-z0-9_.=-]{0,3}|\\PC{0,2}";
    prop::collection::vec((any::<Index>(), 0..3_usize, text), 1..4)
}
