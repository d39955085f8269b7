//! Calls that are dropped, as when a client resets.

use std::{
    future::{Future, poll_fn},
    num::NonZeroU32,
    pin::pin,
    task::Poll,
    thread,
};

use auth_core::{
    AccessTokenStore as _, Advance, Cap, NormalizedEmail, RotateTokens as _, TokenKind, UserStore as _,
};

use super::sample::{new_token, new_user, now};
use crate::backend::{Place, Tokens, Users};

/// Polls `call` up to `polls` times, drops it, and says whether it came to its end. With `late`, what it waited for has
/// come when it is dropped.
pub(crate) async fn cancelled<T>(call: impl Future<Output = T>, polls: u32, late: bool) -> bool {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(false);
        }
        polled += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(_answer) => Poll::Ready(true),
            Poll::Pending if polled == polls && !late => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

pub(crate) async fn k3_no_call_reads_the_reply_to_another() {
    let place = Place::migrated().await;
    let database = place.database(1);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let mut people = Vec::new();
    for name in ["ada", "ben", "eve"] {
        let user = users.insert(new_user(name, ())).await.expect("a user");
        let (key, token) = new_token(&user.id, name);
        tokens.insert(&token, None).await.expect("a token");
        people.push((user, key));
    }
    let mut dropped = 0;
    for round in 0..24 {
        let (one, next) = (&people[round % 3], &people[(round + 1) % 3]);
        let (_, new) = new_token(&one.0.id, &format!("new {round}"));
        let step = Advance::new(TokenKind::Access, 0, now());
        let (polls, late) = (u32::try_from(round % 6).expect("a small number"), round % 2 == 0);
        for call in 0..6 {
            let finished = match call {
                0 => cancelled(users.find(&one.0.id), polls, late).await,
                1 => cancelled(tokens.find(&one.1), polls, late).await,
                2 => {
                    cancelled(
                        tokens.insert(&new, NonZeroU32::new(1000).map(Cap::new)),
                        polls,
                        late,
                    )
                    .await
                }
                3 => cancelled(tokens.touch(&one.1, now(), None), polls, late).await,
                4 => cancelled(tokens.advance(&one.1, &step), polls, late).await,
                _ => cancelled(users.find_by_email(one.0.email.normalized()), polls, late).await,
            };
            dropped += u32::from(!finished);
            let found = users
                .find(&next.0.id)
                .await
                .expect("an answer")
                .expect("the user");
            assert_eq!((found.id, &found.email), (next.0.id, &next.0.email));
            let found = tokens.find(&next.1).await.expect("an answer");
            assert_eq!(found.map(|token| token.digest), Some(next.1.digest));
        }
    }
    assert!(dropped >= 40, "{dropped} calls were dropped");
}

/// Its connection would hold locks.
pub(crate) async fn k2_a_dropped_transaction_is_over_at_once() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    for round in 0..12 {
        let (_, token) = new_token(&ada.id, &format!("token {round}"));
        for polls in 1..8 {
            cancelled(
                tokens.insert(&token, NonZeroU32::new(2).map(Cap::new)),
                polls,
                polls % 2 == 0,
            )
            .await;
        }
        let (key, token) = new_token(&ada.id, &format!("whole {round}"));
        tokens
            .insert(&token, NonZeroU32::new(2).map(Cap::new))
            .await
            .expect("nobody holds the user's row");
        assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
    }
    let left = place.number("SELECT count(*) AS number FROM access_tokens").await;
    assert!(left <= 2, "the cap holds over what was dropped: {left}");
}

pub(crate) async fn k2_a_call_whose_caller_went_away_before_its_turn_never_begins() {
    let place = Place::migrated().await;
    let pool = place.pool(1);
    let users = Users::new(&pool);
    let held = pool.get().await.expect("the only connection");
    assert!(!cancelled(users.insert(new_user("ada", ())), 1, false).await);
    drop(held);
    let ben = users.insert(new_user("ben", ())).await;
    ben.expect("a user, after the turn of the one before");
    let email = NormalizedEmail::from_typed("ada@example.com").expect("an e-mail");
    assert!(users.find_by_email(&email).await.expect("an answer").is_none());
}

/// A worker ends in the middle of a call, on a connection that another worker opened.
pub(crate) async fn k2_a_call_that_a_runtime_leaves_behind_spoils_no_connection() {
    let place = Place::migrated().await;
    let database = place.database(1);
    let users = Users::new(&database);
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let ben = users.insert(new_user("ben", ())).await.expect("a user");
    for polls in [1, 2, 3, 1, 2, 3] {
        let (worker, id) = (users.clone(), ada.id);
        let worker = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime")
                .block_on(cancelled(worker.find(&id), polls, false));
        });
        let worker = tokio::task::spawn_blocking(|| worker.join().is_ok());
        assert!(worker.await.expect("a thread"), "the worker ends");
        let found = users.find(&ben.id).await.expect("an answer").expect("the user");
        assert_eq!(found.id, ben.id);
    }
}
