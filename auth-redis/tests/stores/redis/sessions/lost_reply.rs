//! Calls whose reply is lost, so that nobody knows whether they were carried out.

use auth_core::{Predecessor, SessionStore as _, SessionWrite, StoreErrorKind, StoredSession, TokenLookup};
use auth_redis::RedisSessionStore;
use portcullis_support::{Fault, Proxy};
use time::Duration;
use uuid::Uuid;

use crate::{
    server::{self, until},
    session::{change, session},
};

struct Scene {
    thief: Proxy,
    /// By way of the thief.
    store: RedisSessionStore<Uuid>,
    /// Past the thief.
    other: RedisSessionStore<Uuid>,
    key: TokenLookup,
    begun: StoredSession<Uuid>,
}

/// A session, on a server that knows the scripts: what is lost is not "send me the whole of it".
async fn scene() -> Scene {
    let (url, prefix) = (server::url("TEST_REDIS_URL"), server::prefix());
    let thief = Proxy::before(&url).await;
    let store = RedisSessionStore::new(server::redis_with(&thief.url(&url), &prefix).await);
    let (key, begun) = session(Some(Uuid::now_v7()), Some(Duration::HOUR));
    store.create(&key, &begun, None).await.expect("created");
    let conflict = store.save(&key, &change(&begun, "[]", 7)).await;
    assert_eq!(conflict.expect("an answer"), SessionWrite::Conflict);
    Scene {
        thief,
        store,
        other: RedisSessionStore::new(server::redis_with(&url, &prefix).await),
        key,
        begun,
    }
}

impl Scene {
    async fn loaded(&self) -> (i64, String) {
        let loaded = self.other.load(&self.key).await.expect("an answer");
        loaded
            .map(|session| (session.revision, session.data))
            .expect("a session")
    }

    /// Another call's save, which is not disturbed.
    async fn save_by_another(&self, data: &str, revision: i64) {
        let saved = self
            .other
            .save(&self.key, &change(&self.begun, data, revision))
            .await;
        assert_eq!(saved.expect("an answer"), SessionWrite::Done);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_creation_is_made_again_and_finds_its_own() {
    let Scene {
        thief, store, key, ..
    } = &scene().await;
    let (fresh_key, fresh) = session(None, Some(Duration::HOUR));
    thief.set(Fault::LoseReply).await;
    store
        .create(&fresh_key, &fresh, None)
        .await
        .expect("the second attempt");
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    assert_eq!(
        store.load(&fresh_key).await.expect("an answer").as_ref(),
        Some(&fresh)
    );
    thief.set(Fault::LoseReply).await;
    let (_, other) = session(None, Some(Duration::HOUR));
    store
        .create(&fresh_key, &other, None)
        .await
        .expect_err("the key is taken");
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    assert_eq!(store.load(&fresh_key).await.expect("an answer"), Some(fresh));
    // So that the server knows the script, and the reply that is lost is that of the deletion.
    let deleted = store.delete(&fresh_key, None).await.expect("an answer");
    assert_eq!(deleted, SessionWrite::Done);
    thief.set(Fault::LoseReply).await;
    let deleted = store.delete(key, Some(0)).await.expect("the second attempt");
    assert_eq!(deleted, SessionWrite::Gone, "the first attempt deleted it");
    assert_eq!(thief.fault(), Fault::None, "a reply was lost");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_save_is_done_and_is_not_made_twice() {
    let scene = scene().await;
    for (revision, expected) in [(Some(0), 1), (None, 2)] {
        scene.thief.set(Fault::LoseReply).await;
        let saved = scene
            .store
            .save(&scene.key, &change(&scene.begun, "[1]", revision))
            .await;
        assert_eq!(saved.expect("the second attempt"), SessionWrite::Done);
        assert_eq!(scene.thief.fault(), Fault::None, "a reply was lost");
        assert_eq!(scene.loaded().await, (expected, "[1]".to_owned()));
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_save_after_which_others_saved_is_an_error_and_no_conflict() {
    let scene = scene().await;
    let ours = change(&scene.begun, "[1]", 0);
    scene.thief.set(Fault::HangReplies).await;
    let (saved, ()) = tokio::join!(scene.store.save(&scene.key, &ours), async {
        until("the first attempt is carried out", async || {
            scene.loaded().await.0 == 1
        })
        .await;
        scene.save_by_another("[1,2]", 1).await;
        // What was held until now is lost.
        scene.thief.set(Fault::LoseReply).await;
    });
    let error = saved.expect_err("whether it was made is not known");
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(error.to_string().contains("others have saved"), "{error}");
    assert_eq!(scene.loaded().await, (2, "[1,2]".to_owned()));
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_conflict_is_a_conflict_with_the_save_that_came_first() {
    let scene = scene().await;
    // The same data by another call is another save.
    let ours = change(&scene.begun, "[1]", 0);
    scene.thief.set(Fault::HangRequests).await;
    let (saved, ()) = tokio::join!(scene.store.save(&scene.key, &ours), async {
        scene.save_by_another("[1]", 0).await;
        scene.thief.set(Fault::LoseReply).await;
    });
    assert_eq!(saved.expect("the second attempt"), SessionWrite::Conflict);
    assert_eq!(scene.thief.fault(), Fault::None, "a reply was lost");
    assert_eq!(scene.loaded().await, (1, "[1]".to_owned()));
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_replacement_is_done_and_known_from_a_log_out() {
    for (owner, deletes_before) in [
        (None, false),
        (None, true),
        (Some(Uuid::now_v7()), false),
        (Some(Uuid::now_v7()), true),
    ] {
        let scene = scene().await;
        let predecessor = Predecessor::new(scene.key, Some(0));
        // From now on the server knows the scripts.
        let (absent, _) = session(None, Some(Duration::HOUR));
        let (key, new) = session(owner, Some(Duration::HOUR));
        let gone = scene
            .store
            .create(&key, &new, Some(&Predecessor::new(absent, None)))
            .await;
        assert_eq!(gone.expect("an answer"), SessionWrite::Gone);
        if deletes_before {
            let ended = scene.other.delete(&scene.key, None).await;
            assert_eq!(ended.expect("an answer"), SessionWrite::Done);
        }

        // The first of two replies, that to the insertion.
        scene.thief.set(Fault::LoseReply).await;
        let replaced = scene.store.create(&key, &new, Some(&predecessor)).await;
        assert_eq!(scene.thief.fault(), Fault::None, "a reply was lost");
        let expected = match deletes_before {
            true => SessionWrite::Gone,
            false => SessionWrite::Done,
        };
        assert_eq!(replaced.expect("the second attempt"), expected);
        let loaded = scene.other.load(&key).await.expect("an answer");
        assert_eq!(loaded.is_some(), !deletes_before);
        assert_eq!(scene.other.load(&scene.key).await.expect("an answer"), None);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_replacement_whose_last_reply_is_lost_is_done() {
    let scene = scene().await;
    let predecessor = Predecessor::new(scene.key, Some(0));
    let (key, new) = session(Some(Uuid::now_v7()), Some(Duration::HOUR));
    let (absent, _) = session(None, Some(Duration::HOUR));
    let gone = scene
        .store
        .create(&key, &new, Some(&Predecessor::new(absent, None)))
        .await;
    assert_eq!(gone.expect("an answer"), SessionWrite::Gone);
    let delay = std::time::Duration::from_millis(300);
    scene.thief.set(Fault::DelayReplies(delay)).await;
    let (replaced, ()) = tokio::join!(scene.store.create(&key, &new, Some(&predecessor)), async {
        until("the first attempt is carried out", async || {
            scene.other.load(&scene.key).await.expect("an answer").is_none()
        })
        .await;
        scene.thief.cut().await;
    });
    assert_eq!(replaced.expect("the second attempt"), SessionWrite::Done);
    assert_eq!(scene.other.load(&key).await.expect("an answer"), Some(new));
}
