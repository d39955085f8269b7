//! The promises of a store of sessions that implements [`PurgeExpired`].
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

use time::Duration;

use super::{
    SessionFixture, answered, failed,
    sample::start,
    session_store::{loaded, session},
};
use crate::{PurgeExpired, SessionStore as _};

/// A purge removes the sessions that expired at or before the given instant, of users and of visitors, no more than its
/// limit, and returns their number. A session that expires a millisecond later, or never, stays.
pub async fn a_purge_removes_what_has_expired_alone<F>(fixture: &F)
where
    F: SessionFixture,
    F::Store: PurgeExpired,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let now = start() + Duration::days(3);
    let mut keys = Vec::new();
    for (owner, expires_at) in [
        (None, Some(now - Duration::DAY)),
        (Some(&user), Some(now)),
        (None, Some(now)),
        (Some(&user), Some(now + Duration::MILLISECOND)),
        (None, None),
    ] {
        let (key, mut session) = session(owner, 1);
        session.expires_at = expires_at;
        answered(store.create(&key, &session, None).await);
        keys.push(key);
    }
    for (limit, removed) in [(0, 0), (2, 2), (2, 1), (2, 0)] {
        assert_eq!(
            answered(store.purge_expired(now, limit).await),
            removed,
            "a purge of at most {limit} says how many it removed"
        );
    }
    assert_eq!(
        loaded(&*store, &keys).await,
        [false, false, false, true, true],
        "a purge removes what has expired alone"
    );
}

/// If the data is out of reach, a purge is a [`StoreError`](crate::StoreError), and never "nothing has expired".
pub async fn a_purge_out_of_reach_is_a_failure<F>(fixture: &F)
where
    F: SessionFixture,
    F::Store: PurgeExpired,
{
    if let Some(store) = fixture.out_of_reach().await {
        failed("purge_expired", store.purge_expired(start(), 100).await);
    }
}
