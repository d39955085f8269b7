//! New sessions in the place of others.

use super::sample::{change, created, loaded, session};
use crate::{
    InsertTokenError, Predecessor, SessionStore as _, SessionWrite, UserId,
    conformance::{
        SessionFixture, answered,
        parallel::{ROUNDS, at_once},
    },
};

/// The owners of a session and of the one that takes its place, as after a log-in and after a renewal.
fn owners<Id: UserId>(user: &Id) -> [[Option<&Id>; 2]; 3] {
    [[None, Some(user)], [Some(user), Some(user)], [None, None]]
}

/// A session that takes the place of another is loaded, and the other is gone.
pub async fn a_session_takes_the_place_of_another<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for [before, after] in owners(&user) {
        for revision in [None, Some(0)] {
            let (old, _) = created(&*store, before, 1).await;
            let (key, new) = session(after, 2);
            assert_eq!(
                answered(
                    store
                        .create(&key, &new, Some(&Predecessor::new(old, revision)))
                        .await
                ),
                SessionWrite::Done,
                "a session takes the place of another"
            );
            assert_eq!(
                answered(store.load(&key).await),
                Some(new),
                "a session in the place of another is loaded with every field"
            );
            assert_eq!(
                answered(store.load(&old).await),
                None,
                "a replaced session is not loaded"
            );
            assert_eq!(
                answered(store.save(&old, &change(1, None)).await),
                SessionWrite::Gone,
                "a save finds a replaced session gone"
            );
            assert_eq!(
                answered(store.delete(&old, None).await),
                SessionWrite::Gone,
                "a deletion finds a replaced session gone"
            );
            assert_eq!(
                answered(store.delete_all(&user).await),
                u64::from(after.is_some()),
                "a replaced session is not counted"
            );
        }
    }
}

/// If the other is not there, or has another revision, or if the key is taken, then nothing is written.
pub async fn the_place_of_another_revision_or_of_none_is_not_taken<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for [before, after] in owners(&user) {
        let (old, _) = created(&*store, before, 1).await;
        answered(store.save(&old, &change(1, Some(0))).await);
        let stored = answered(store.load(&old).await);
        let (unknown, _) = session(before, 3);
        let (key, new) = session(after, 2);
        for (predecessor, expected) in [
            (Predecessor::new(old, Some(0)), SessionWrite::Conflict),
            (Predecessor::new(old, Some(2)), SessionWrite::Conflict),
            (Predecessor::new(unknown, None), SessionWrite::Gone),
            (Predecessor::new(unknown, Some(0)), SessionWrite::Gone),
        ] {
            assert_eq!(
                answered(store.create(&key, &new, Some(&predecessor)).await),
                expected,
                "only the named session is replaced"
            );
            assert_eq!(
                answered(store.load(&key).await),
                None,
                "a session that takes no place is not there"
            );
        }
        let (taken, other) = created(&*store, after, 4).await;
        match store
            .create(&taken, &new, Some(&Predecessor::new(old, None)))
            .await
        {
            Err(InsertTokenError::DigestTaken) => {}
            answer => panic!("a taken key is `DigestTaken`, not {answer:?}"),
        }
        assert_eq!(
            answered(store.load(&taken).await),
            Some(other),
            "the session of a taken key stays as it is"
        );
        assert_eq!(
            answered(store.load(&old).await),
            stored,
            "a session that is not replaced stays as it is"
        );
    }
}

/// A call that is made again, because nobody knows whether the first was carried out, is done like the first. After the
/// new session was ended it is gone, and nothing comes back.
pub async fn a_repeated_replacement_is_done_and_brings_nothing_back<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for [before, after] in owners(&user) {
        for revision in [None, Some(0)] {
            let (old, _) = created(&*store, before, 1).await;
            let (key, new) = session(after, 2);
            let predecessor = Predecessor::new(old, revision);
            for _attempt in 0..3 {
                assert_eq!(
                    answered(store.create(&key, &new, Some(&predecessor)).await),
                    SessionWrite::Done,
                    "a replacement that is made again is done"
                );
                assert_eq!(
                    answered(store.load(&key).await).as_ref(),
                    Some(&new),
                    "a replacement that is made again leaves the session"
                );
            }
            if after.is_some() && revision.is_none() {
                answered(store.delete_all(&user).await);
            } else {
                answered(store.delete(&key, None).await);
            }
            assert_eq!(
                answered(store.create(&key, &new, Some(&predecessor)).await),
                SessionWrite::Gone,
                "a replacement that is made again after a log-out finds the session gone"
            );
            assert_eq!(
                loaded(&*store, &[old, key]).await,
                [false; 2],
                "a replacement that is made again brings no session back"
            );
        }
    }
}

/// Of 16 parallel replacements and deletions of one session, exactly one finds it. A replacement that does not, also if it
/// is made again, leaves nothing.
pub async fn s4_a_log_out_and_a_replacement_never_both_find_the_session<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for round in 0..ROUNDS {
        let [before, after] = owners(&user)[round as usize % 3];
        let (old, _) = created(&*store, before, round).await;
        let answers = at_once((0..16).map(|n| {
            let (store, (key, new)) = (fixture.store(), session(after, n));
            async move {
                if n % 2 == 0 {
                    return (key, answered(store.delete(&old, None).await), false);
                }
                let predecessor = Predecessor::new(old, (n % 4 == 1).then_some(0));
                let mut answer = answered(store.create(&key, &new, Some(&predecessor)).await);
                if answer == SessionWrite::Gone {
                    answer = answered(store.create(&key, &new, Some(&predecessor)).await);
                }
                (key, answer, answer == SessionWrite::Done)
            }
        }))
        .await;
        let finders = answers
            .iter()
            .filter(|(_, answer, _)| *answer == SessionWrite::Done);
        assert_eq!(
            finders.count(),
            1,
            "of 16 parallel log-outs and replacements one finds the session"
        );
        for (key, _, has_replaced) in answers {
            assert_eq!(
                answered(store.load(&key).await).is_some(),
                has_replaced,
                "the session of a replacement is there only if it found the other"
            );
        }
        assert_eq!(
            answered(store.load(&old).await),
            None,
            "a replaced session does not come back"
        );
        answered(store.delete_all(&user).await);
    }
}
