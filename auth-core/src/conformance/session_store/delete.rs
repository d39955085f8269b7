use super::sample::{change, created, loaded, session_key};
use crate::{
    SessionStore as _, SessionWrite,
    conformance::{
        SessionFixture, answered,
        parallel::{ROUNDS, at_once},
    },
};

/// A deletion is done, the next one finds it gone, and it is not loaded. A session that never existed is gone.
pub async fn a_deleted_session_is_gone<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for owner in [None, Some(&user)] {
        assert_eq!(
            answered(store.delete(&session_key(owner), None).await),
            SessionWrite::Gone,
            "an unknown session is not deleted"
        );
        for revision in [None, Some(0)] {
            let (key, _) = created(&*store, owner, 1).await;
            for expected in [SessionWrite::Done, SessionWrite::Gone] {
                assert_eq!(
                    answered(store.delete(&key, revision).await),
                    expected,
                    "a session is deleted once"
                );
                assert_eq!(
                    answered(store.load(&key).await),
                    None,
                    "a deleted session is not loaded"
                );
            }
        }
    }
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a deleted session is not counted"
    );
}

/// A deletion of a revision that is not the present one is a conflict, and the session stays as it is.
pub async fn a_deletion_of_another_revision_is_a_conflict_and_removes_nothing<F: SessionFixture>(
    fixture: &F,
) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for owner in [None, Some(&user)] {
        let (key, _) = created(&*store, owner, 1).await;
        answered(store.save(&key, &change(1, Some(0))).await);
        let stored = answered(store.load(&key).await);
        for revision in [0, 2] {
            assert_eq!(
                answered(store.delete(&key, Some(revision)).await),
                SessionWrite::Conflict,
                "a deletion of another revision is a conflict"
            );
            assert_eq!(
                answered(store.load(&key).await),
                stored,
                "a conflict removes nothing"
            );
        }
        assert_eq!(
            answered(store.delete(&key, Some(1)).await),
            SessionWrite::Done,
            "a deletion of the present revision is done"
        );
    }
}

/// A deletion leaves the user's other sessions, and those of others.
pub async fn a_deletion_leaves_the_other_sessions<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    let keys = [
        created(&*store, Some(&user), 1).await.0,
        created(&*store, Some(&user), 2).await.0,
        created(&*store, Some(&other), 3).await.0,
        created(&*store, None, 4).await.0,
    ];
    answered(store.delete(&keys[1], None).await);
    assert_eq!(
        loaded(&*store, &keys).await,
        [true, false, true, true],
        "a deletion removes one session"
    );
}

/// Of 16 parallel deletions of one session, with or without its revision, exactly one is done.
pub async fn of_parallel_deletions_exactly_one_finds_the_session<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for round in 0..ROUNDS {
        let (key, _) = created(&*store, Some(&user), round).await;
        let answers = at_once((0..16).map(|n| {
            let store = fixture.store();
            async move { answered(store.delete(&key, (n % 2 == 0).then_some(0)).await) }
        }))
        .await;
        let done = answers
            .iter()
            .filter(|answer| **answer == SessionWrite::Done)
            .count();
        assert_eq!(done, 1, "of 16 parallel deletions one finds the session");
        assert!(
            !answers.contains(&SessionWrite::Conflict),
            "the others find it gone"
        );
    }
}
