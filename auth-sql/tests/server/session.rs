//! Sessions with data.

use std::sync::Arc;

use auth_core::{
    Predecessor, PurgeExpired as _, SessionChange, SessionStore as _, SessionWrite, StoreErrorKind,
    StoredSession, Subject, TokenLookup, conformance::SessionFixture,
};
use diesel_async::SimpleAsyncConnection as _;
use portcullis_support::{Fault, Proxy};
use time::Duration;
use uuid::Uuid;

use super::{holder::holding, sample::now};
use crate::backend::{NOWHERE, Place, Sessions, database, pool};

/// Users with ids of many spellings, which show the most.
pub(crate) struct Fixture {
    store: Arc<Sessions<String>>,
    place: Place,
}

pub(crate) async fn fixture() -> Fixture {
    let place = Place::migrated().await;
    Fixture {
        store: Arc::new(Sessions::new(place.database(8))),
        place,
    }
}

impl SessionFixture for Fixture {
    type Id = String;
    type Store = Sessions<String>;

    fn store(&self) -> Arc<Sessions<String>> {
        Arc::clone(&self.store)
    }

    async fn user(&self, id: Option<String>) -> String {
        id.unwrap_or_else(|| Uuid::now_v7().to_string())
    }

    async fn another_process(&self) -> Arc<Sessions<String>> {
        Arc::new(Sessions::new(self.place.database(2)))
    }

    async fn out_of_reach(&self) -> Option<Arc<Sessions<String>>> {
        Some(Arc::new(Sessions::new(database(&pool(NOWHERE, 1)))))
    }
}

/// The suite.
macro_rules! suite {
    ($why:literal) => {
        mod sessions {
            use crate::server::session::fixture;

            mod store {
                auth_core::session_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod purge {
                auth_core::purge_sessions_conformance!(super::fixture, #[ignore = $why]);
            }
        }
    };
}

pub(crate) use suite;

/// Replaces the data of `revision`.
fn replacing(revision: i64) -> SessionChange {
    let mut change = SessionChange::new(now(), None);
    change.data = Some(format!("[{revision}]"));
    change.revision = Some(revision);
    change
}

pub(crate) async fn a_write_whose_reply_is_lost_is_never_in_conflict_with_itself() {
    let place = Place::migrated().await;
    let proxy = Proxy::before(&place.url()).await;
    let sessions: Sessions = Sessions::new(database(&pool(&proxy.url(&place.url()), 1)));
    let key = TokenLookup::new("id");
    let session = StoredSession::new("[]".to_owned(), now());
    sessions.create(&key, &session, None).await.expect("a session");
    let save = async |change: SessionChange| sessions.save(&key, &change).await;
    let loaded = async || sessions.load(&key).await.expect("an answer");
    // From now on the statement is prepared.
    assert_eq!(save(replacing(0)).await.expect("an answer"), SessionWrite::Done);

    proxy.set(Fault::LoseReply).await;
    let error = save(replacing(1)).await.expect_err("nobody asks twice");
    assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error}");
    let stored = loaded().await.expect("the session");
    assert_eq!(
        (&*stored.data, stored.revision),
        ("[1]", 2),
        "the change was made"
    );

    let moving = SessionChange::new(now(), Some(now() + Duration::DAY));
    assert_eq!(save(moving.clone()).await.expect("an answer"), SessionWrite::Done);
    proxy.set(Fault::LoseReply).await;
    let moved = save(moving).await.expect("a second attempt");
    assert_eq!(moved, SessionWrite::Done);
    let stored = loaded().await.expect("the session");
    assert_eq!(
        (stored.revision, stored.expires_at),
        (2, Some(now() + Duration::DAY))
    );

    let unknown = TokenLookup::new("unknown");
    let gone = sessions.delete(&unknown, Some(2)).await.expect("an answer");
    assert_eq!(gone, SessionWrite::Gone);
    proxy.set(Fault::LoseReply).await;
    let gone = sessions.delete(&key, Some(2)).await.expect("a second attempt");
    assert_eq!(gone, SessionWrite::Gone, "the first attempt was made");
    assert_eq!(loaded().await, None);
}

pub(crate) async fn a_replacement_whose_reply_is_lost_is_known_from_a_log_out() {
    let place = Place::migrated().await;
    let proxy = Proxy::before(&place.url()).await;
    let sessions: Sessions = Sessions::new(database(&pool(&proxy.url(&place.url()), 1)));
    let session = StoredSession::new("[]".to_owned(), now());
    let named = |name: &str, n: usize| TokenLookup::new(&format!("{name} {n}"));
    for (n, revision) in [None, Some(0)].into_iter().enumerate() {
        let (old, new) = (named("old", n), named("new", n));
        let predecessor = Predecessor::new(old, revision);
        let replace = async || sessions.create(&new, &session, Some(&predecessor)).await;
        // From now on the statement is prepared.
        assert_eq!(replace().await.expect("an answer"), SessionWrite::Gone);
        proxy.set(Fault::LoseReply).await;
        let gone = replace().await.expect("a second attempt");
        assert_eq!(gone, SessionWrite::Gone, "a log-out was first");
        assert_eq!(proxy.fault(), Fault::None, "a reply was lost");

        sessions.create(&old, &session, None).await.expect("a session");
        proxy.set(Fault::LoseReply).await;
        let done = replace().await.expect("a second attempt");
        assert_eq!(done, SessionWrite::Done, "the first attempt was made");
        assert_eq!(proxy.fault(), Fault::None, "a reply was lost");
        assert_eq!(sessions.load(&old).await.expect("an answer"), None);
        assert_eq!(
            sessions.load(&new).await.expect("an answer").as_ref(),
            Some(&session)
        );
    }
}

pub(crate) async fn a_purge_of_sessions_waits_for_nobody() {
    let place = Place::migrated().await;
    let sessions = Sessions::<String>::new(place.database(2));
    for user_id in ["ada", "held"] {
        let mut expired = StoredSession::new("{}".to_owned(), now());
        expired.subject = Some(Subject::new(user_id.to_owned(), 0));
        expired.expires_at = Some(now());
        let created = sessions.create(&TokenLookup::new(user_id), &expired, None).await;
        created.expect("a session");
    }
    let mut other = holding(&place, "UPDATE sessions SET epoch = 1 WHERE user_id = 'held'").await;
    assert_eq!(sessions.purge_expired(now(), 100).await.expect("no wait"), 1);
    other.batch_execute("ROLLBACK").await.expect("no lock");
    assert_eq!(sessions.purge_expired(now(), 100).await.expect("an answer"), 1);
}
