use time::Duration;

use super::sample::{change, changed, created, session, session_key};
use crate::{
    SessionChange, SessionStore as _, SessionWrite, StoredSession,
    conformance::{
        SessionFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::start,
    },
};

/// A save replaces the data, adds 1 to the revision, and sets the last use and the limit, earlier or later or none. The
/// rest stays as it is.
pub async fn a_save_replaces_the_data_and_the_limit_alone<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for owner in [None, Some(&user)] {
        let (key, mut session) = created(&*store, owner, 1).await;
        for (n, expires_at) in [
            (1, Some(start() + Duration::days(9))),
            (2, Some(start() + Duration::days(2) + Duration::milliseconds(7))),
            (3, None),
        ] {
            let mut change = change(n, Some(session.revision));
            change.expires_at = expires_at;
            assert_eq!(
                answered(store.save(&key, &change).await),
                SessionWrite::Done,
                "a save of the present revision is done"
            );
            session = changed(&session, &change);
            assert_eq!(
                answered(store.load(&key).await).as_ref(),
                Some(&session),
                "a save replaces the data and the limit alone"
            );
        }
    }
}

/// A save without data sets the last use and the limit. The data stays, and so does the revision: a save of data by
/// another request is then no conflict.
pub async fn a_save_without_data_leaves_the_revision<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let (key, session) = created(&*store, None::<&F::Id>, 1).await;
    let at = start() + Duration::minutes(5);
    let slide = SessionChange::new(at, Some(at + Duration::days(1)));
    assert_eq!(
        answered(store.save(&key, &slide).await),
        SessionWrite::Done,
        "a save without data is done"
    );
    let slid = changed(&session, &slide);
    assert_eq!(
        answered(store.load(&key).await).as_ref(),
        Some(&slid),
        "a save without data leaves data and revision"
    );
    assert_eq!(
        answered(store.save(&key, &change(6, Some(session.revision))).await),
        SessionWrite::Done,
        "a save without data is no conflict for the next"
    );
}

/// A save of a revision that is not the present one, earlier or later, is a conflict and writes nothing, the limit
/// neither.
pub async fn a_save_of_another_revision_is_a_conflict_and_writes_nothing<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, session) = created(&*store, Some(&user), 1).await;
    let first = change(1, Some(0));
    assert_eq!(
        answered(store.save(&key, &first).await),
        SessionWrite::Done,
        "a save of the present revision is done"
    );
    let stored = changed(&session, &first);
    for revision in [0, 2, -1, (1 << 32) + 1] {
        assert_eq!(
            answered(store.save(&key, &change(2, Some(revision))).await),
            SessionWrite::Conflict,
            "a save of another revision is a conflict"
        );
        assert_eq!(
            answered(store.load(&key).await).as_ref(),
            Some(&stored),
            "a conflict writes nothing"
        );
    }
}

/// A save without a revision replaces whatever is there, and adds 1 to its revision.
pub async fn a_save_without_a_revision_is_never_a_conflict<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let (key, mut session) = created(&*store, None::<&F::Id>, 1).await;
    for change in [change(1, Some(0)), change(2, None), change(3, None)] {
        assert_eq!(
            answered(store.save(&key, &change).await),
            SessionWrite::Done,
            "the last writer wins"
        );
        session = changed(&session, &change);
        assert_eq!(
            answered(store.load(&key).await).as_ref(),
            Some(&session),
            "the last writer wins"
        );
    }
}

/// A save leaves every other session as it is, those of the same user, too.
pub async fn a_save_changes_no_other_session<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, _session) = created(&*store, Some(&user), 1).await;
    let others = [
        created(&*store, Some(&user), 2).await,
        created(&*store, None, 3).await,
    ];
    answered(store.save(&key, &change(1, None)).await);
    for (key, other) in others {
        assert_eq!(
            answered(store.load(&key).await),
            Some(other),
            "a save changes no other session"
        );
    }
}

/// A save of a session that was deleted, or never created, is [`SessionWrite::Gone`] and inserts nothing.
pub async fn a_save_never_brings_a_session_back<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let unknown = session_key(Some(&user));
    let (deleted, _) = created(&*store, Some(&user), 1).await;
    answered(store.delete(&deleted, None).await);
    let (with_all, _) = created(&*store, Some(&user), 1).await;
    answered(store.delete_all(&user).await);
    let at = start() + Duration::minutes(1);
    for key in [unknown, deleted, with_all] {
        for change in [
            change(1, Some(0)),
            change(2, None),
            SessionChange::new(at, Some(at + Duration::days(1))),
            SessionChange::new(at, None),
        ] {
            assert_eq!(
                answered(store.save(&key, &change).await),
                SessionWrite::Gone,
                "a save of a deleted session finds it gone"
            );
            assert_eq!(
                answered(store.load(&key).await),
                None,
                "a save brings no session back"
            );
        }
    }
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a save leaves nothing behind"
    );
    let (_, fresh) = session(Some(&user), 9);
    if let Err(error) = store.create(&unknown, &fresh, None).await {
        panic!("a save takes no key: {error}");
    }
}

/// A session that has expired at the instant of a save is [`SessionWrite::Gone`]: neither data nor a later limit is
/// written. A millisecond before, it is saved.
pub async fn an_expired_session_is_not_revived<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let end = start() + Duration::days(3);
    let expiring = StoredSession {
        expires_at: Some(end),
        ..session(None::<&F::Id>, 1).1
    };
    for (at, expected) in [
        (end - Duration::MILLISECOND, SessionWrite::Done),
        (end, SessionWrite::Gone),
        (end + Duration::DAY, SessionWrite::Gone),
    ] {
        for revision in [None, Some(0)] {
            let key = session_key::<F::Id>(None);
            answered(store.create(&key, &expiring, None).await);
            for data in [None, Some("[]".to_owned())] {
                let mut change = SessionChange::new(at, Some(end + Duration::days(9)));
                change.data = data;
                change.revision = revision;
                if expected == SessionWrite::Done {
                    // So that the second is still before the end.
                    change.expires_at = Some(end);
                }
                assert_eq!(
                    answered(store.save(&key, &change).await),
                    expected,
                    "a session is saved until the instant of its end"
                );
            }
            let found = answered(store.load(&key).await);
            assert!(
                expected == SessionWrite::Done || found.is_none_or(|found| found == expiring),
                "a save does not revive an expired session"
            );
        }
    }
}

/// Of 16 parallel saves of one revision exactly one is done, the others are conflicts, and its data is there.
pub async fn of_parallel_saves_of_one_revision_exactly_one_succeeds<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    for round in 0..ROUNDS {
        let (key, session) = created(&*store, None::<&F::Id>, round).await;
        let answers = at_once((0..16).map(|n| {
            let store = fixture.store();
            async move { answered(store.save(&key, &change(n, Some(0))).await) }
        }))
        .await;
        let done: Vec<_> = (0..)
            .zip(&answers)
            .filter(|(_, answer)| **answer == SessionWrite::Done)
            .collect();
        assert_eq!(done.len(), 1, "of 16 parallel saves of one revision one is done");
        assert!(!answers.contains(&SessionWrite::Gone), "the others are conflicts");
        assert_eq!(
            answered(store.load(&key).await),
            Some(changed(&session, &change(done[0].0, None))),
            "the data of the one that is done is there"
        );
    }
}
