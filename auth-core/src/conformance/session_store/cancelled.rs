use super::sample::{change, changed, created, loaded, session};
use crate::{
    InsertTokenError, SessionStore, SessionWrite, TokenLookup, UserId,
    conformance::{SessionFixture, answered, cancel::Cancellations},
};

/// A cancelled creation left the whole session or nothing, and the next one finds out which.
pub async fn a_cancelled_creation_is_whole_or_absent<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (key, session) = session(Some(&user), n);
        if let Some(answer) = cancellations.cancel(store.create(&key, &session, None)).await {
            answered(answer);
        }
        let found = answered(store.load(&key).await);
        assert!(
            found.is_none_or(|found| found == session),
            "a cancelled creation is whole or absent"
        );
        match store.create(&key, &session, None).await {
            Ok(_) | Err(InsertTokenError::DigestTaken) => {}
            Err(error) => panic!("the store works after a cancelled creation: {error}"),
        }
        assert_eq!(
            answered(store.load(&key).await),
            Some(session),
            "a taken key is found"
        );
        assert_eq!(
            answered(store.delete_all(&user).await),
            1,
            "the user's sessions are all known"
        );
    }
}

/// A cancelled save wrote all of the change or nothing of it.
pub async fn a_cancelled_save_is_whole_or_absent<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (key, session) = created(&*store, None::<&F::Id>, n).await;
        let (first, second) = (change(1, Some(0)), change(2, None));
        if let Some(answer) = cancellations.cancel(store.save(&key, &first)).await {
            assert_eq!(answered(answer), SessionWrite::Done, "a save is done");
        }
        let found = answered(store.load(&key).await).expect("a save removes no session");
        let once = changed(&session, &first);
        assert!(
            found == session || found == once,
            "a cancelled save is whole or absent"
        );
        assert_eq!(
            answered(store.save(&key, &second).await),
            SessionWrite::Done,
            "the store works after a cancelled save"
        );
        // The cancelled save may still arrive, but finds its revision only if it comes first.
        let found = answered(store.load(&key).await).expect("a saved session is there");
        assert!(
            found == changed(&session, &second) || found == changed(&once, &second),
            "the store works after a cancelled save"
        );
    }
}

/// A cancelled deletion removed the session or left it whole.
pub async fn a_cancelled_deletion_is_whole_or_absent<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (key, session) = created(&*store, Some(&user), n).await;
        let revision = (n % 2 == 0).then_some(0);
        if let Some(answer) = cancellations.cancel(store.delete(&key, revision)).await {
            assert_eq!(
                answered(answer),
                SessionWrite::Done,
                "a deletion finds the session"
            );
        }
        let found = answered(store.load(&key).await);
        assert!(
            found.is_none_or(|found| found == session),
            "a cancelled deletion is whole or absent"
        );
        answered(store.delete(&key, None).await);
        assert_eq!(
            loaded(&*store, &[key]).await,
            [false],
            "a deleted session is not loaded"
        );
        assert_eq!(
            answered(store.delete_all(&user).await),
            0,
            "a cancelled deletion leaves nothing behind"
        );
    }
}

/// A cancelled deletion of all removed each of the user's sessions or none.
pub async fn a_cancelled_deletion_of_all_is_whole_or_absent<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while cancellations.next().is_some() {
        let mut keys = Vec::new();
        for n in 0..3 {
            keys.push(created(&*store, Some(&user), n).await.0);
        }
        if let Some(count) = cancellations.cancel(store.delete_all(&user)).await {
            assert_eq!(answered(count), 3, "deleting all says how many there were");
        }
        let now = settled(&*store, &keys).await;
        assert!(
            now == [true; 3] || now == [false; 3],
            "a cancelled deletion of all is whole or absent, not {now:?}"
        );
        answered(store.delete_all(&user).await);
        assert_eq!(
            loaded(&*store, &keys).await,
            [false; 3],
            "the next deletion leaves none"
        );
    }
}

/// After a cancelled look-up the next one gets its own answer, not the answer to the one before.
pub async fn a_cancelled_load_does_not_spoil_the_next<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let sessions = [
        created(&*store, Some(&user), 1).await,
        created(&*store, None, 2).await,
    ];
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (first, next) = if n % 2 == 0 {
            (&sessions[0], &sessions[1])
        } else {
            (&sessions[1], &sessions[0])
        };
        if let Some(found) = cancellations.cancel(store.load(&first.0)).await {
            assert_eq!(
                answered(found).as_ref(),
                Some(&first.1),
                "a look-up finds its session"
            );
        }
        for (key, session) in [next, first] {
            let found = answered(store.load(key).await);
            assert_eq!(
                found.as_ref(),
                Some(session),
                "the next look-up finds its session"
            );
        }
    }
}

/// The sessions that are there. A cancelled deletion may still be going on while they are read one by one. If some are
/// there and some are not, they are read again.
async fn settled<Id: UserId>(store: &impl SessionStore<Id>, keys: &[TokenLookup]) -> Vec<bool> {
    let mut now = loaded(store, keys).await;
    for _attempt in 0..20 {
        if now.iter().all(|there| *there == now[0]) {
            break;
        }
        now = loaded(store, keys).await;
    }
    now
}
