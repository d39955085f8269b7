use std::num::NonZeroU32;

use time::Duration;

use crate::{
    AccessToken, AccessTokenStore, TokenLookup, UserId,
    conformance::{
        AccessTokenFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{BACKEND, HUNDREDS, inserted_hundreds, inserted_token, present, token},
    },
};

const THREE: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");

/// With a cap of 3, each insertion leaves the newest 3 of the user's tokens, even if there were more at first.
pub async fn a_cap_keeps_the_newest_tokens<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut keys = Vec::new();
    // The order of insertion is not the order of issue.
    for n in [2, 1, 4, 3, 5] {
        keys.push((n, inserted_token(&*store, &user, n).await.0));
    }
    keys.sort_by_key(|(n, _)| *n);
    let mut keys: Vec<_> = keys.into_iter().map(|(_, key)| key).collect();
    for n in 6..10 {
        let (key, token) = token(&user, n);
        answered(store.insert(&token, Some(THREE)).await);
        keys.push(key);
        let mut expected = vec![false; keys.len() - 3];
        expected.extend([true; 3]);
        assert_eq!(
            present(&*store, &keys).await,
            expected,
            "a cap of 3 keeps the newest 3 of {n}"
        );
    }
    let (key, token) = token(&user, 10);
    answered(store.insert(&token, NonZeroU32::new(1)).await);
    assert!(
        answered(store.find(&key).await).is_some(),
        "a cap of 1 keeps the inserted token"
    );
    assert!(
        !present(&*store, &keys).await.contains(&true),
        "a cap of 1 keeps no other token"
    );
}

/// The inserted token stays even if every other is newer or equally new: a clock can step back or stand still.
pub async fn a_cap_never_removes_the_inserted_token<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut keys = Vec::new();
    for n in [10, 11, 12] {
        keys.push(inserted_token(&*store, &user, n).await.0);
    }
    let (early_key, early) = token(&user, 1);
    answered(store.insert(&early, Some(THREE)).await);
    assert!(
        answered(store.find(&early_key).await).is_some(),
        "the inserted token is not removed"
    );
    assert_eq!(
        present(&*store, &keys).await,
        [false, true, true],
        "the oldest of the other tokens makes room"
    );

    let still = fixture.user(None).await;
    let mut keys = Vec::new();
    for n in 0..12 {
        let (key, token) = token(&still, n);
        let token = AccessToken {
            created_at: token.created_at - Duration::seconds(i64::from(n)),
            ..token
        };
        answered(store.insert(&token, Some(THREE)).await);
        assert!(
            answered(store.find(&key).await).is_some(),
            "the inserted token is not removed"
        );
        keys.push(key);
        let left = present(&*store, &keys)
            .await
            .into_iter()
            .filter(|present| *present)
            .count();
        assert_eq!(left, keys.len().min(3), "a cap of 3 keeps 3 of the same instant");
    }
}

/// The first insertion under a cap, for a user with hundreds of tokens, removes all but the newest.
pub async fn a_cap_removes_hundreds_of_tokens<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let keys = inserted_hundreds(fixture, &user, None).await;
    let (key, token) = token(&user, HUNDREDS);
    answered(store.insert(&token, Some(THREE)).await);
    assert!(
        answered(store.find(&key).await).is_some(),
        "the inserted token is not removed"
    );
    let mut expected = vec![false; keys.len() - 2];
    expected.extend([true; 2]);
    assert_eq!(
        present(&*store, &keys).await,
        expected,
        "a cap of 3 leaves 3 of hundreds"
    );
}

/// One user's cap removes no other user's token.
pub async fn a_cap_leaves_other_users_alone<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    let mut keys = Vec::new();
    for n in 0..5 {
        keys.push(inserted_token(&*store, &other, n).await.0);
    }
    for n in 10..15 {
        answered(store.insert(&token(&user, n).1, Some(THREE)).await);
    }
    assert_eq!(
        present(&*store, &keys).await,
        [true; 5],
        "another user's tokens stay"
    );
}

/// A cap counts the tokens of the backend of the inserted token, and those that name none because they are older than the
/// field. It removes no other backend's token. If the inserted token names none itself, only such tokens count.
pub async fn a_cap_counts_one_backend_and_the_tokens_that_name_none<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut keys = Vec::new();
    for (n, backend) in (1..).zip(["api", "", BACKEND, "api", "", BACKEND, "api", "api"]) {
        keys.push(of_backend(&*store, &user, n, backend, None).await);
    }
    keys.push(of_backend(&*store, &user, 20, BACKEND, Some(THREE)).await);
    assert_eq!(
        present(&*store, &keys).await,
        [true, false, false, true, true, true, true, true, true],
        "a cap of 3 leaves 3 of its backend and of none"
    );
    keys.push(of_backend(&*store, &user, 21, "", NonZeroU32::new(1)).await);
    assert_eq!(
        present(&*store, &keys).await,
        [true, false, false, true, false, true, true, true, true, true],
        "a cap of 1 for a token that names no backend leaves those that name one"
    );
}

/// Backends whose names differ only in case, in a trailing space or in their length are different ones. The cap of one removes
/// no token of another.
pub async fn names_of_backends_are_compared_byte_for_byte<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut others = Vec::new();
    for (n, backend) in (1..).zip(["WEB", "web ", " web", "we", "web2", "w\u{e9}b"]) {
        others.push(of_backend(&*store, &user, n, backend, None).await);
    }
    for n in 20..23 {
        of_backend(&*store, &user, n, "web", NonZeroU32::new(1)).await;
    }
    assert_eq!(
        present(&*store, &others).await,
        [true; 6],
        "a cap leaves a backend of a similar name alone"
    );
}

/// Inserts the user's `n`-th token, of this backend.
async fn of_backend<Id: UserId>(
    store: &impl AccessTokenStore<Id>,
    user: &Id,
    n: u32,
    backend: &str,
    cap: Option<NonZeroU32>,
) -> TokenLookup {
    let (key, mut token) = token(user, n);
    token.backend = backend.to_owned();
    answered(store.insert(&token, cap).await);
    key
}

/// After 50 parallel insertions with a cap of 3, there are exactly 3 tokens.
pub async fn a_cap_holds_under_parallel_insertions<F: AccessTokenFixture>(fixture: &F) {
    for _round in 0..ROUNDS {
        race_under_a_cap(fixture).await;
    }
}

async fn race_under_a_cap<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let tokens: Vec<_> = (0..50).map(|n| token(&user, n)).collect();
    at_once(tokens.clone().into_iter().map(|(_, token)| {
        let store = fixture.store();
        async move { answered(store.insert(&token, Some(THREE)).await) }
    }))
    .await;
    let keys: Vec<_> = tokens.into_iter().map(|(key, _)| key).collect();
    let left = present(&*store, &keys)
        .await
        .into_iter()
        .filter(|present| *present)
        .count();
    assert_eq!(left, 3, "a cap of 3 holds under 50 parallel insertions");
}
