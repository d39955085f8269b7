//! Servers that answer late or never, and what becomes of a call by its deadline.

use std::{
    fmt::Display,
    num::NonZeroU32,
    pin::Pin,
    time::{Duration, Instant},
};

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, RotateTokens as _, SessionStore as _,
    StoreErrorKind, TokenId, TokenKind, TokenLookup,
};
use auth_redis::{Redis, RedisAccessTokenStore, RedisSessionStore};
use portcullis_support::{Fault, Proxy};
use uuid::Uuid;

use crate::{
    server::{self, Server, look, until, within},
    session::{change, session},
    token::hour,
};

const DEADLINE: Duration = Duration::from_millis(500);

/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(3);

type Call = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

fn call<T, E: Display>(call: impl Future<Output = Result<T, E>> + Send + 'static) -> Call {
    Box::pin(async move { call.await.map(drop).map_err(|error| error.to_string()) })
}

/// Each call that there is, on one and the same store.
fn every_call(redis: &Redis) -> Vec<(&'static str, Call)> {
    let (redis, store) = (redis.clone(), RedisAccessTokenStore::<Uuid>::new(redis));
    let sessions = RedisSessionStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let ((key, token), foreign) = (hour(user), TokenLookup::new("of another system"));
    let (_, mut adopted) = hour(user);
    adopted.digest = foreign.digest;
    macro_rules! call {
        ($name:literal, $store:ident, $call:expr) => {{
            let $store = $store.clone();
            ($name, call(async move { $call.await }))
        }};
    }
    let (at, again) = (token.created_at, token.clone());
    let (session_key, begun) = session(Some(user), None);
    let change = change(&begun, "[]", 0);
    vec![
        call!("ping", redis, redis.ping()),
        call!("warn_of_eviction", redis, async {
            redis.warn_of_eviction().await;
            Err::<(), _>("it is not told what there was to warn of")
        }),
        call!("insert", store, store.insert(&token, None)),
        call!(
            "insert with a cap",
            store,
            store.insert(&again, NonZeroU32::new(1).map(Cap::new))
        ),
        call!("find", store, store.find(&key)),
        call!("touch", store, store.touch(&key, at, None)),
        call!(
            "advance",
            store,
            store.advance(&key, &Advance::new(TokenKind::Refresh, 0, at))
        ),
        call!("delete", store, store.delete(&key)),
        call!("delete_all", store, store.delete_all(&user)),
        call!("list", store, store.list(&user, 0)),
        call!(
            "delete_by_id",
            store,
            store.delete_by_id(&user, TokenId::generate())
        ),
        call!("adopt", store, store.adopt(&adopted)),
        call!("create", sessions, sessions.create(&session_key, &begun, None)),
        call!("load", sessions, sessions.load(&session_key)),
        call!("save", sessions, sessions.save(&session_key, &change)),
        call!("delete a session", sessions, sessions.delete(&session_key, None)),
        call!("delete all sessions", sessions, sessions.delete_all(&user)),
        call!("find of another system", store, store.find(&foreign)),
        call!("touch of another system", store, store.touch(&foreign, at, None)),
        call!("delete of another system", store, store.delete(&foreign)),
    ]
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn every_call_ends_by_its_deadline_where_nothing_is_answered() {
    let url = server::url("TEST_REDIS_URL");
    let proxy = Proxy::before(&url).await;
    let redis = server::redis(&proxy.url(&url))
        .await
        .deadline(DEADLINE)
        .expect("a deadline");
    let own = server::client(&proxy.url(&url)).await;
    let waiting = redis.clone().wait_for_replicas(NonZeroU32::MIN, &own);
    let mut calls = every_call(&redis);
    calls.extend(every_call(&waiting.expect("no cluster")));
    proxy.set(Fault::DelayReplies(Duration::from_secs(3600))).await;
    // All at once: where one was not answered, those after it fail at once.
    let tasks: Vec<_> = calls
        .into_iter()
        .map(|(name, call)| {
            tokio::spawn(async move {
                let start = Instant::now();
                within(name, call).await.expect_err(name);
                (name, start.elapsed())
            })
        })
        .collect();
    for task in tasks {
        let (name, span) = task.await.expect("an end");
        assert!(
            span >= DEADLINE && span < DEADLINE + SLACK,
            "{name} took {span:?}"
        );
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_call_of_two_round_trips_has_one_deadline() {
    let url = server::url("TEST_REDIS_URL");
    let proxy = Proxy::before(&url).await;
    let redis = server::redis(&proxy.url(&url)).await;
    let (store, user) = (RedisAccessTokenStore::<Uuid>::new(&redis), Uuid::now_v7());
    let (_, mut token) = hour(user);
    let foreign = TokenLookup::new("of another system");
    token.digest = foreign.digest;
    store.adopt(&token).await.expect("adopted");
    let hasty = redis.deadline(Duration::from_millis(900)).expect("a deadline");
    let hasty = RedisAccessTokenStore::<Uuid>::new(&hasty);
    // Each of the two would come in time.
    proxy.set(Fault::DelayReplies(Duration::from_millis(600))).await;
    let (found, adopted) = tokio::join!(hasty.find(&foreign), hasty.adopt(&token));
    assert_eq!(found.expect_err("too late").kind(), StoreErrorKind::Timeout);
    let adopted = adopted.expect_err("too late");
    assert!(adopted.to_string().contains("no answer within"), "{adopted}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_is_slow_is_unavailable_and_the_same_token_is_good_again_after() {
    let url = server::url("TEST_REDIS_URL");
    let proxy = Proxy::before(&url).await;
    let redis = server::redis(&proxy.url(&url))
        .await
        .deadline(DEADLINE)
        .expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let tokens = [hour(Uuid::now_v7()), hour(Uuid::now_v7())];
    for (_, token) in &tokens {
        store.insert(token, None).await.expect("inserted");
    }
    proxy.set(Fault::DelayReplies(2 * DEADLINE)).await;
    assert_eq!(
        store.find(&tokens[0].0).await.expect_err("too late").kind(),
        StoreErrorKind::Timeout
    );
    proxy.heal().await;
    // The late reply is nobody's.
    for (key, token) in tokens.iter().rev() {
        until("the server is used again", async || {
            let found = store.find(key).await;
            found.is_ok_and(|found| {
                assert_eq!(found.as_ref(), Some(token));
                true
            })
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_call_ends_by_its_deadline_though_its_client_was_killed_and_does_not_come_back() {
    let server = Server::start(&[]).await;
    let (deadline, (key, _)) = (Duration::from_millis(50), hour(Uuid::now_v7()));
    for _ in 0..20 {
        // Such a one may take a call just before its task ends, and never answer it.
        let client = server::client(&server.url()).await;
        let redis = Redis::from(&client).deadline(deadline).expect("a deadline");
        let store = RedisAccessTokenStore::<Uuid>::new(&redis);
        let calls = async {
            for _ in 0..4 {
                let start = Instant::now();
                let _whether_it_came_first = within("a call", store.find(&key)).await;
                let span = start.elapsed();
                assert!(span < deadline + SLACK, "{span:?}");
            }
        };
        let url = server.url();
        let (_killed, ()) = tokio::join!(look(&url, &["CLIENT", "KILL", "TYPE", "normal"]), calls);
    }
}
