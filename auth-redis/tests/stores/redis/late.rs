//! Calls that a server carries out after it stalled for longer than they were waited for.

use std::{
    fmt::Display,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, RotateTokens as _, SessionStore as _,
    SessionWrite, TokenKind,
};
use auth_redis::{Client, RedisAccessTokenStore, RedisSessionStore};
use uuid::Uuid;

use super::round_trips::{counted, counts};
use crate::{
    server::{self, Server, until},
    session::{change, session},
    token::hour,
};

const DEADLINE: Duration = Duration::from_millis(500);

/// It waits in vain.
async fn is_given_up<T, E: Display>(call: impl Future<Output = Result<T, E>>) {
    let start = Instant::now();
    let error = call.await.err().expect("nobody answers").to_string();
    assert!(error.contains("no answer within"), "{error}");
    assert!(start.elapsed() >= DEADLINE, "{error}");
}

/// Waits until the server of `client` has run this many scripts.
async fn has_run(client: &Client, scripts: u64) {
    let run = async || counts(client).await.get("evalsha").copied().unwrap_or(0);
    until("the server catches up", async || run().await >= scripts).await;
    assert_eq!(run().await, scripts);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_call_that_was_given_up_changes_nothing_when_the_server_is_back() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let patient = server::redis(&server.url()).await;
    let redis = patient.clone().deadline(DEADLINE).expect("a deadline");
    let (store, sessions) = (
        RedisAccessTokenStore::<Uuid>::new(&redis),
        RedisSessionStore::<Uuid>::new(&redis),
    );
    let kept: Vec<_> = (0..4).map(|_| hour(Uuid::now_v7())).collect();
    for (_, token) in &kept {
        store.insert(token, None).await.expect("inserted");
    }
    let [refreshed, rotated, touched, capped] = &kept[..] else {
        unreachable!("four")
    };
    let (late_key, late) = hour(capped.1.user_id);
    let [(session_key, begun), (other_key, other)] = [session(None, None), session(None, None)];
    sessions
        .create(&session_key, &begun, None)
        .await
        .expect("created");
    let at = kept[0].1.created_at + time::Duration::SECOND;
    let step = |kind, from| {
        let mut step = Advance::new(kind, from, at);
        step.keep_until = Some(at + time::Duration::MINUTE);
        step
    };
    let change = change(&begun, "[]", 0);
    // From now on the server knows each script: what it carries out late is not the question for its text.
    let not_made = step(TokenKind::Refresh, 7);
    store.advance(&refreshed.0, &not_made).await.expect("not made");
    store
        .touch(&hour(Uuid::now_v7()).0, at, None)
        .await
        .expect("nothing");
    sessions.save(&other_key, &change).await.expect("nothing to save");
    counted(&client).await;

    server.signal("-STOP");
    let (refresh, rotate) = (step(TokenKind::Refresh, 0), step(TokenKind::Access, 0));
    tokio::join!(
        is_given_up(store.advance(&refreshed.0, &refresh)),
        is_given_up(store.advance(&rotated.0, &rotate)),
        is_given_up(store.touch(&touched.0, at, None)),
        is_given_up(store.insert(&late, Some(Cap::new(NonZeroU32::MIN)))),
        is_given_up(sessions.save(&session_key, &change)),
        is_given_up(sessions.create(&other_key, &other, None)),
    );
    server.signal("-CONT");
    has_run(&client, 6).await;

    let store = RedisAccessTokenStore::<Uuid>::new(&patient);
    let sessions = RedisSessionStore::<Uuid>::new(&patient);
    until("the server is used again", async || patient.ping().await.is_ok()).await;
    for (key, token) in &kept {
        let found = store.find(key).await.expect("an answer");
        assert_eq!(found.as_ref(), Some(token), "as before");
    }
    let listed = store.list(&late.user_id, 0).await.expect("a list");
    assert_eq!(
        listed,
        std::slice::from_ref(&capped.1),
        "the cap pushed nobody out"
    );
    assert_eq!(sessions.load(&session_key).await.expect("an answer"), Some(begun));
    assert_eq!(sessions.load(&other_key).await.expect("an answer"), None);

    // Each can be made now.
    for (key, step) in [(&refreshed.0, &refresh), (&rotated.0, &rotate)] {
        let advanced = store.advance(key, step).await.expect("an answer");
        assert!(advanced.expect("a token").by_this_call);
    }
    store
        .insert(&late, Some(Cap::new(NonZeroU32::MIN)))
        .await
        .expect("inserted");
    assert!(store.find(&late_key).await.expect("an answer").is_some());
    let saved = sessions.save(&session_key, &change).await.expect("saved");
    assert_eq!(saved, SessionWrite::Done);
    sessions.create(&other_key, &other, None).await.expect("created");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn the_first_call_of_a_process_is_no_exception() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let prefix = server::prefix();
    let connected = async || server::redis_with(&server.url(), &prefix).await;
    let patient = RedisAccessTokenStore::<Uuid>::new(connected().await);
    let (key, token) = hour(Uuid::now_v7());
    patient.insert(&token, None).await.expect("inserted");
    let step = Advance::new(TokenKind::Refresh, 0, token.created_at);
    let not_made = Advance::new(TokenKind::Refresh, 7, token.created_at);
    patient.advance(&key, &not_made).await.expect("not made");
    let first = connected().await.deadline(DEADLINE).expect("a deadline");
    counted(&client).await;

    server.signal("-STOP");
    is_given_up(RedisAccessTokenStore::<Uuid>::new(first).advance(&key, &step)).await;
    server.signal("-CONT");
    has_run(&client, 1).await;
    until("the server is used again", async || {
        let found = patient.find(&key).await;
        found.is_ok_and(|found| {
            assert_eq!(found.as_ref(), Some(&token), "as before");
            true
        })
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_call_that_is_still_waited_for_is_made_after_a_stall() {
    let server = Server::start(&[]).await;
    let store = RedisAccessTokenStore::<Uuid>::new(server::redis(&server.url()).await);
    let (key, token) = hour(Uuid::now_v7());
    store.insert(&token, None).await.expect("inserted");
    server.signal("-STOP");
    let stall = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.signal("-CONT");
    };
    let step = Advance::new(TokenKind::Refresh, 0, token.created_at);
    let (advanced, ()) = tokio::join!(store.advance(&key, &step), stall);
    assert!(advanced.expect("an answer").expect("a token").by_this_call);
    assert!(store.delete(&key).await.expect("an answer"));
}
