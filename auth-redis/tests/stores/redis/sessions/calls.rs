//! What sessions ask of the server, and what they do if it is full or fails over.

use std::num::NonZeroU32;

use auth_core::{InsertTokenError, Predecessor, SessionStore as _, SessionWrite};
use auth_redis::RedisSessionStore;
use time::Duration;
use uuid::Uuid;

use crate::{
    redis::round_trips::{counted, unattended},
    server::{self, Server, ask},
    session::{change, session},
};

const HOUR: Option<Duration> = Some(Duration::HOUR);

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_session_is_loaded_by_one_get_and_every_other_call_is_one_script() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let store = RedisSessionStore::<Uuid>::new(unattended(&server).await);
    let user = Uuid::now_v7();
    let (key, begun) = session(Some(user), HOUR);
    // The first time a server is sent the whole script.
    store.create(&key, &begun, None).await.expect("created");
    store
        .save(&key, &change(&begun, "[]", 7))
        .await
        .expect("a conflict");
    store.delete(&key, Some(7)).await.expect("a conflict");
    store
        .delete_all(&Uuid::now_v7())
        .await
        .expect("nothing to delete");
    counted(&client).await;

    for _ in 0..10 {
        assert!(store.load(&key).await.expect("an answer").is_some());
        assert!(
            store
                .load(&session(None, HOUR).0)
                .await
                .expect("an answer")
                .is_none()
        );
    }
    assert_eq!(counted(&client).await, [("get".to_owned(), 20)].into());

    let sent_one_script = async |call: &str| {
        let counted = counted(&client).await;
        let sent = (counted.get("eval"), counted.get("evalsha"));
        assert_eq!(sent, (None, Some(&1)), "{call}: {counted:?}");
    };
    for (revision, expected) in [(0, SessionWrite::Done), (0, SessionWrite::Conflict)] {
        let saved = store.save(&key, &change(&begun, "[1]", revision)).await;
        assert_eq!(saved.expect("an answer"), expected);
        sent_one_script("save").await;
    }
    store
        .create(&session(Some(user), HOUR).0, &begun, None)
        .await
        .expect("created");
    sent_one_script("create").await;
    assert_eq!(
        store.delete(&key, None).await.expect("an answer"),
        SessionWrite::Done
    );
    sent_one_script("delete").await;
    assert_eq!(
        store
            .save(&key, &change(&begun, "[]", None))
            .await
            .expect("an answer"),
        SessionWrite::Gone
    );
    sent_one_script("save of a deleted one").await;
    assert_eq!(store.delete_all(&user).await.expect("an answer"), 1);
    sent_one_script("delete_all").await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_session_takes_the_place_of_another_by_two_scripts() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let store = RedisSessionStore::<Uuid>::new(unattended(&server).await);
    for is_known in [false, true] {
        let (old, begun) = session(None, HOUR);
        store.create(&old, &begun, None).await.expect("created");
        let (key, new) = session(Some(Uuid::now_v7()), HOUR);
        counted(&client).await;
        let predecessor = Predecessor::new(old, Some(0));
        let replaced = store.create(&key, &new, Some(&predecessor)).await;
        assert_eq!(replaced.expect("an answer"), SessionWrite::Done);
        let counted = counted(&client).await;
        // The first time a server is sent the whole script.
        assert!(!is_known || counted.get("evalsha") == Some(&2), "{counted:?}");
        assert!(!is_known || !counted.contains_key("eval"), "{counted:?}");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn out_of_memory_nothing_is_saved_but_sessions_are_loaded_and_ended() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let client = server::client(&server.url()).await;
    let store = RedisSessionStore::<Uuid>::new(server::redis(&server.url()).await);
    let user = Uuid::now_v7();
    let sessions: Vec<_> = (0..3).map(|_| session(Some(user), HOUR)).collect();
    for (key, begun) in &sessions {
        store.create(key, begun, None).await.expect("created");
    }
    ask(&client, &["CONFIG", "SET", "maxmemory", "1"])
        .await
        .expect("set");
    let (key, begun) = &sessions[0];
    let (new_key, new) = session(Some(user), HOUR);
    let Err(InsertTokenError::Store(refused)) = store.create(&new_key, &new, None).await else {
        panic!("a full server took a session")
    };
    assert!(refused.to_string().contains("OOM"), "{refused}");
    let predecessor = Predecessor::new(*key, None);
    let Err(InsertTokenError::Store(refused)) = store.create(&new_key, &new, Some(&predecessor)).await else {
        panic!("a full server took a session in the place of another")
    };
    assert!(refused.to_string().contains("OOM"), "{refused}");
    let refused = store
        .save(key, &change(begun, "[1]", 0))
        .await
        .expect_err("no room for it");
    assert!(refused.to_string().contains("OOM"), "{refused}");
    assert_eq!(store.load(key).await.expect("an answer").as_ref(), Some(begun));
    assert_eq!(
        store.delete(key, Some(0)).await.expect("an answer"),
        SessionWrite::Done
    );
    assert_eq!(store.load(key).await.expect("an answer"), None);
    assert_eq!(store.delete_all(&user).await.expect("an answer"), 2);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_end_waits_for_replicas_and_fails_if_there_are_too_few() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let redis = server::redis(&server.url()).await;
    let plain = RedisSessionStore::<Uuid>::new(&redis);
    let careful = redis
        .deadline(std::time::Duration::from_secs(2))
        .expect("a deadline");
    let careful = careful
        .wait_for_replicas(NonZeroU32::MIN, &client)
        .expect("one server");
    let careful = RedisSessionStore::<Uuid>::new(careful);
    let user = Uuid::now_v7();
    let (key, begun) = session(Some(user), HOUR);
    careful
        .create(&key, &begun, None)
        .await
        .expect("a creation waits for nobody");
    let error = careful.delete(&key, None).await.expect_err("no replica confirms");
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    assert_eq!(plain.load(&key).await.expect("an answer"), None);

    let replica = Server::start(&[]).await;
    replica.follow(&server).await;
    careful.create(&key, &begun, None).await.expect("created");
    let conflict = careful.delete(&key, Some(7)).await.expect("a replica confirms");
    assert_eq!(conflict, SessionWrite::Conflict);
    assert_eq!(careful.delete_all(&user).await.expect("a replica confirms"), 1);
}
