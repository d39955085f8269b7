use std::{num::NonZeroU32, sync::Arc};

use time::Duration;

use crate::{
    AccessToken, AccessTokenStore, Cap, TokenLookup, UserId,
    conformance::{
        AccessTokenFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{BACKEND, HUNDREDS, inserted_hundreds, inserted_token, present, token, token_key},
    },
};

const THREE: Cap = Cap::new(NonZeroU32::new(3).expect("three is not zero"));

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
    answered(store.insert(&token, NonZeroU32::new(1).map(Cap::new)).await);
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

/// Beyond the cap, a token that has expired when the new one is issued goes before an older one that has not. It has expired at
/// the instant of its expiry.
pub async fn a_cap_removes_an_expired_token_before_a_live_one<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    // Far from the present, because a server may remove what has expired by its own clock.
    let (newest_key, newest) = token(&user, 24 * 3600);
    let mut keys = Vec::new();
    for (n, end) in [
        (1, newest.created_at + Duration::DAY),
        (2, newest.created_at + Duration::MILLISECOND),
        (3, newest.created_at - Duration::HOUR),
        (4, newest.created_at),
    ] {
        let (key, mut token) = token(&user, n);
        token.expires_at = Some(end);
        answered(store.insert(&token, None).await);
        keys.push(key);
    }
    keys.push(newest_key);
    answered(store.insert(&newest, Some(THREE)).await);
    assert_eq!(
        present(&*store, &keys).await,
        [true, true, false, false, true],
        "a cap of 3 keeps the live tokens"
    );
}

/// A token that the inserted one replaces does not count, and stays, in whatever place it is. That of another user changes
/// nothing, and neither does a digest of no token.
pub async fn a_cap_does_not_count_the_replaced_token<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    for (replaced, left) in [
        (0, [true, false, false, true, true]),
        (2, [false, false, true, true, true]),
        (3, [false, false, true, true, true]),
    ] {
        for is_under_a_cap in [true, false] {
            let user = fixture.user(None).await;
            let mut keys = Vec::new();
            for n in 1..=4 {
                let (key, token) = token(&user, n);
                let cap = NonZeroU32::new(4).map(Cap::new).filter(|_| is_under_a_cap);
                answered(store.insert(&token, cap).await);
                keys.push(key);
            }
            let (key, newest) = token(&user, 5);
            let two = Cap::new(NonZeroU32::MIN.saturating_add(1));
            let cap = two.not_counting(keys[replaced].digest);
            answered(store.insert(&newest, Some(cap)).await);
            keys.push(key);
            assert_eq!(
                present(&*store, &keys).await,
                left,
                "a cap of 2 keeps 2 beside the replaced one, {replaced}"
            );
            let deleted = answered(store.delete(&keys[replaced]).await);
            assert!(deleted, "the replaced token is deleted afterwards");
        }
    }
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    let others = inserted_token(&*store, &other, 1).await.0;
    let mut keys = vec![inserted_token(&*store, &user, 1).await.0];
    for (n, replaced) in [(2, others), (3, token_key(&user))] {
        let (key, token) = token(&user, n);
        let cap = Cap::new(NonZeroU32::MIN).not_counting(replaced.digest);
        answered(store.insert(&token, Some(cap)).await);
        keys.push(key);
        let mut expected = vec![false; keys.len() - 1];
        expected.push(true);
        assert_eq!(
            present(&*store, &keys).await,
            expected,
            "a cap of 1 leaves 1, whatever is replaced elsewhere"
        );
    }
    assert_eq!(
        present(&*store, &[others]).await,
        [true],
        "another user's token stays"
    );
}

/// Parallel insertions that all replace one token leave as many others as the cap says, also if that token is deleted meanwhile.
pub async fn a_cap_holds_under_parallel_insertions_that_replace_one_token<F: AccessTokenFixture>(
    fixture: &F,
) {
    for round in 0..ROUNDS {
        race_for_one_place(fixture, round % 2 == 0).await;
    }
}

async fn race_for_one_place<F: AccessTokenFixture>(fixture: &F, is_deleted: bool) {
    let (here, there) = (fixture.store(), fixture.another_process().await);
    let user = fixture.user(None).await;
    let mut keys = Vec::new();
    for n in 0..3 {
        let (key, token) = token(&user, n);
        answered(here.insert(&token, Some(THREE)).await);
        keys.push(key);
    }
    let replaced = keys.remove(1);
    let tokens: Vec<_> = (3..24).map(|n| token(&user, n)).collect();
    keys.extend(tokens.iter().map(|(key, _)| *key));
    at_once((0..).zip(tokens).map(|(n, (_, token))| {
        let (here, there) = (Arc::clone(&here), Arc::clone(&there));
        async move {
            if is_deleted && n == 12 {
                answered(here.delete(&replaced).await);
            }
            // Some log in on a device that has no token.
            let cap = match n % 4 {
                3 if is_deleted => THREE,
                _ => THREE.not_counting(replaced.digest),
            };
            let store = if n % 2 == 0 { here } else { there };
            answered(store.insert(&token, Some(cap)).await);
        }
    }))
    .await;
    let present = present(&*here, &keys).await;
    let left = present.into_iter().filter(|present| *present).count();
    if is_deleted {
        // If the deleted one counted for the last of them, there is one less.
        assert!(
            (2..=3).contains(&left),
            "a cap of 3 leaves no more than 3, not {left}"
        );
    } else {
        assert_eq!(left, 3, "a cap of 3 leaves 3 beside the replaced token");
        assert!(
            answered(here.find(&replaced).await).is_some(),
            "the replaced token is not removed"
        );
    }
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
    keys.push(of_backend(&*store, &user, 21, "", NonZeroU32::new(1).map(Cap::new)).await);
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
        of_backend(&*store, &user, n, "web", NonZeroU32::new(1).map(Cap::new)).await;
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
    cap: Option<Cap>,
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
