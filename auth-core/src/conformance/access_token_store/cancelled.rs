use std::num::NonZeroU32;

use time::Duration;

use crate::{
    AccessToken, AccessTokenStore, Cap, InsertTokenError, TokenLookup, UserId,
    conformance::{
        AccessTokenFixture, answered,
        cancel::Cancellations,
        sample::{inserted_token, present, start, token},
    },
};

/// A cancelled insertion left the whole token or nothing, and the next insertion finds out which.
pub async fn a_cancelled_insertion_is_whole_or_absent<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        // A user of its own: an insertion that was given up may still come to its end, behind the deletion below.
        let user = fixture.user(None).await;
        let (key, token) = token(&user, n);
        if let Some(answer) = cancellations.cancel(store.insert(&token, None)).await {
            answered(answer);
        }
        let found = answered(store.find(&key).await);
        assert!(
            found.is_none_or(|found| found == token),
            "a cancelled insertion is whole or absent"
        );
        match store.insert(&token, None).await {
            Ok(()) | Err(InsertTokenError::DigestTaken) => {}
            Err(error) => panic!("the store works after a cancelled insertion: {error}"),
        }
        assert_eq!(
            answered(store.find(&key).await),
            Some(token),
            "a taken digest is found"
        );
        assert_eq!(
            answered(store.delete_all(&user).await),
            1,
            "the user's tokens are all known"
        );
    }
}

/// A cancelled insertion under a cap either removed the oldest and inserted the new token, or did neither.
pub async fn a_cancelled_insertion_under_a_cap_is_whole_or_absent<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let mut cancellations = Cancellations::new();
    while cancellations.next().is_some() {
        let user = fixture.user(None).await;
        let (new_key, new) = token(&user, 9);
        let keys = [
            inserted_token(&*store, &user, 1).await.0,
            inserted_token(&*store, &user, 2).await.0,
            new_key,
        ];
        let cap = NonZeroU32::new(2).map(Cap::new);
        if let Some(answer) = cancellations.cancel(store.insert(&new, cap)).await {
            answered(answer);
        }
        let whole = |present: &[bool]| present == [true, true, false] || present == [false, true, true];
        let now = settled(&*store, &keys, whole).await;
        assert!(
            whole(&now),
            "a cancelled insertion under a cap is whole or absent, not {now:?}"
        );
        match store.insert(&new, cap).await {
            Ok(()) | Err(InsertTokenError::DigestTaken) => {}
            Err(error) => panic!("the store works after a cancelled insertion: {error}"),
        }
        assert_eq!(
            present(&*store, &keys).await,
            [false, true, true],
            "the next insertion keeps the cap"
        );
    }
}

/// A cancelled touch set the last use or did not, and changed nothing else.
pub async fn a_cancelled_touch_is_whole_or_absent<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (key, token) = inserted_token(&*store, &user, n).await;
        let used = |at| AccessToken {
            last_used_at: at,
            ..token.clone()
        };
        let (first, second) = (start() + Duration::minutes(1), start() + Duration::minutes(2));
        cancellations
            .cancel(store.touch(&key, first, token.expires_at))
            .await;
        let found = answered(store.find(&key).await).expect("a touch removes no token");
        assert!(
            found == token || found == used(first),
            "a cancelled touch is whole or absent"
        );
        answered(store.delete(&key).await);
        answered(store.insert(&token, None).await);
        answered(store.touch(&key, second, token.expires_at).await);
        // The cancelled touch may still arrive; it finds the token, too.
        let found = answered(store.find(&key).await).expect("a touched token is there");
        assert!(
            found == used(second) || found == used(first),
            "the store works after a cancelled touch"
        );
    }
}

/// A cancelled deletion removed the token or left it whole.
pub async fn a_cancelled_deletion_is_whole_or_absent<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (key, token) = inserted_token(&*store, &user, n).await;
        if let Some(found) = cancellations.cancel(store.delete(&key)).await {
            assert!(answered(found), "a deletion finds the token");
        }
        let found = answered(store.find(&key).await);
        assert!(
            found.is_none_or(|found| found == token),
            "a cancelled deletion is whole or absent"
        );
        answered(store.delete(&key).await);
        assert_eq!(
            answered(store.find(&key).await),
            None,
            "a deleted token is not found"
        );
        assert_eq!(
            answered(store.delete_all(&user).await),
            0,
            "a cancelled deletion leaves nothing behind"
        );
    }
}

/// A cancelled deletion of all removed each of the user's tokens or none.
pub async fn a_cancelled_deletion_of_all_is_whole_or_absent<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while cancellations.next().is_some() {
        let mut keys = Vec::new();
        for n in 0..3 {
            keys.push(inserted_token(&*store, &user, n).await.0);
        }
        if let Some(count) = cancellations.cancel(store.delete_all(&user)).await {
            assert_eq!(answered(count), 3, "deleting all says how many there were");
        }
        let whole = |present: &[bool]| present == [true; 3] || present == [false; 3];
        let now = settled(&*store, &keys, whole).await;
        assert!(
            whole(&now),
            "a cancelled deletion of all is whole or absent, not {now:?}"
        );
        answered(store.delete_all(&user).await);
        assert_eq!(
            present(&*store, &keys).await,
            [false; 3],
            "the next deletion leaves none"
        );
    }
}

/// After a cancelled look-up the next one gets its own answer, not the answer to the one before.
pub async fn a_cancelled_look_up_does_not_spoil_the_next<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let tokens = [
        inserted_token(&*store, &fixture.user(None).await, 1).await,
        inserted_token(&*store, &fixture.user(None).await, 2).await,
    ];
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (first, next) = if n % 2 == 0 {
            (&tokens[0], &tokens[1])
        } else {
            (&tokens[1], &tokens[0])
        };
        if let Some(found) = cancellations.cancel(store.find(&first.0)).await {
            assert_eq!(
                answered(found).as_ref(),
                Some(&first.1),
                "a look-up finds its token"
            );
        }
        for (key, token) in [next, first] {
            let found = answered(store.find(key).await);
            assert_eq!(found.as_ref(), Some(token), "the next look-up finds its token");
        }
    }
}

/// The tokens that are there. A cancelled change may still be going on while they are read one by one. If the result is
/// not `whole`, they are read again.
async fn settled<Id: UserId>(
    store: &impl AccessTokenStore<Id>,
    keys: &[TokenLookup],
    whole: impl Fn(&[bool]) -> bool,
) -> Vec<bool> {
    let mut now = present(store, keys).await;
    for _attempt in 0..20 {
        if whole(&now) {
            break;
        }
        now = present(store, keys).await;
    }
    now
}
