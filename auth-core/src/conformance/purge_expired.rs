//! The promises of a store that implements [`PurgeExpired`].
//!
//! The purge is given a present that is days ahead, so that a store which removes expired tokens by itself still has
//! them all.
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

use time::{Duration, OffsetDateTime};

use super::{
    AccessTokenFixture, answered, failed,
    sample::{HUNDREDS, inserted_hundreds, present, start, token},
};
use crate::{AccessTokenStore, PurgeExpired, TokenLookup, UserId};

/// A purge removes the tokens that expired at or before the given instant, and returns their number. A token that expires a
/// millisecond later, or never, stays.
pub async fn a_purge_removes_what_has_expired_alone<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: PurgeExpired,
{
    let store = fixture.store();
    let now = start() + Duration::days(3);
    assert_eq!(
        answered(store.purge_expired(now, 100).await),
        0,
        "an empty store has nothing to purge"
    );
    let mut keys = Vec::new();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    for (user, expires_at) in [
        (&user, Some(now - Duration::DAY)),
        (&other, Some(now - Duration::MILLISECOND)),
        (&user, Some(now)),
        (&user, Some(now + Duration::MILLISECOND)),
        (&other, Some(now + Duration::DAY)),
        (&user, None),
    ] {
        keys.push(expiring(&*store, user, expires_at).await);
    }
    assert_eq!(
        answered(store.purge_expired(now, 100).await),
        3,
        "a purge says how many had expired"
    );
    assert_eq!(
        present(&*store, &keys).await,
        [false, false, false, true, true, true],
        "a purge removes what has expired alone"
    );
    assert_eq!(
        answered(store.purge_expired(now, 100).await),
        0,
        "nothing is left to purge"
    );
}

/// A purge looks at the present expiry. A token whose use has moved it to a later instant stays; one that was moved to an
/// earlier instant goes.
pub async fn a_purge_goes_by_the_expiry_that_a_touch_has_set<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: PurgeExpired,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let now = start() + Duration::days(3);
    let (early, late) = (now - Duration::DAY, now + Duration::DAY);
    let mut keys = Vec::new();
    for (inserted, touched) in [
        (Some(early), Some(late)),
        (Some(early), None),
        (Some(late), Some(early)),
        (None, Some(early)),
    ] {
        let key = expiring(&*store, &user, inserted).await;
        answered(store.touch(&key, start(), touched).await);
        keys.push(key);
    }
    assert_eq!(
        answered(store.purge_expired(now, 100).await),
        2,
        "a purge says how many had expired"
    );
    assert_eq!(
        present(&*store, &keys).await,
        [true, true, false, false],
        "a purge goes by the expiry that a touch has set"
    );
}

/// A purge removes no more than its limit. The next ones continue until none is left.
pub async fn a_purge_removes_no_more_than_its_limit<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: PurgeExpired,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let now = start() + Duration::days(3);
    let mut keys = Vec::new();
    for n in 0..5 {
        keys.push(expiring(&*store, &user, Some(now - Duration::seconds(n))).await);
    }
    let kept = expiring(&*store, &user, None).await;
    let mut left = 5;
    for (limit, removed) in [(0, 0), (2, 2), (2, 2), (2, 1), (2, 0)] {
        assert_eq!(
            answered(store.purge_expired(now, limit).await),
            removed,
            "a purge of at most {limit} with {left} left says how many it removed"
        );
        left -= usize::try_from(removed).expect("a small number");
        let present = present(&*store, &keys).await;
        assert_eq!(
            present.into_iter().filter(|present| *present).count(),
            left,
            "a purge keeps to its limit"
        );
    }
    assert_eq!(
        present(&*store, &[kept]).await,
        [true],
        "a purge removes nothing that lives"
    );
}

/// A purge removes hundreds of tokens if its limit allows. Fewer than the limit means that none is left.
pub async fn a_purge_removes_hundreds_of_tokens<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: PurgeExpired,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let now = start() + Duration::days(3);
    inserted_hundreds(fixture, &user, Some(now)).await;
    assert_eq!(
        answered(store.purge_expired(now, HUNDREDS + 1).await),
        u64::from(HUNDREDS),
        "a purge of fewer than its limit leaves none"
    );
}

/// If the data is out of reach, a purge is a [`StoreError`](crate::StoreError), and never "nothing has expired".
pub async fn a_purge_out_of_reach_is_a_failure<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: PurgeExpired,
{
    if let Some(store) = fixture.out_of_reach().await {
        failed("purge_expired", store.purge_expired(start(), 100).await);
    }
}

async fn expiring<Id: UserId>(
    store: &impl AccessTokenStore<Id>,
    user: &Id,
    expires_at: Option<OffsetDateTime>,
) -> TokenLookup {
    let (key, mut token) = token(user, 1);
    token.expires_at = expires_at;
    answered(store.insert(&token, None).await);
    key
}
