//! Calls that are dropped, as when a client resets.

use std::{
    future::{Future, poll_fn},
    num::NonZeroU32,
    pin::pin,
    task::Poll,
};

use auth_core::{
    AccessTokenStore as _, Advance, Cap, NormalizedEmail, RotateTokens as _, TokenKind, UserStore as _,
};
use auth_sql::sqlite::{SqliteAccessTokenStore, SqliteUserStore, schema};
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::file::{File, new_token, new_user};

/// Polls `call` up to `polls` times, drops it as soon as it waits again, and says whether it came to its end.
async fn cancelled<T>(call: impl Future<Output = T>, polls: u32) -> bool {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(_answer) => Poll::Ready(true),
            Poll::Pending if polled >= polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The runtime of an actix-web worker, where diesel-async's wrapper must not be dropped halfway.
#[tokio::test(flavor = "current_thread")]
async fn k2_a_dropped_call_leaves_the_pool_whole_on_a_single_threaded_runtime() {
    let file = File::new();
    let ada = SqliteUserStore::new(file.pool().await)
        .insert(new_user("ada"))
        .await;
    let ada = ada.expect("a user");
    let pool = file.small_pool(1).await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let mut dropped = 0;
    for round in 0..50 {
        let mut polls = 0;
        loop {
            let (_, token) = new_token(&ada, &format!("token {round} {polls}"));
            let finished = [
                cancelled(users.find(&ada.id), polls).await,
                cancelled(users.insert(new_user(&format!("user{round}and{polls}"))), polls).await,
                cancelled(tokens.insert(&token, NonZeroU32::new(2).map(Cap::new)), polls).await,
            ];
            polls += 1;
            dropped += finished.iter().filter(|finished| !**finished).count();
            if finished == [true; 3] {
                break;
            }
        }
    }
    assert!(dropped >= 150, "{dropped} calls were dropped");
    let (key, token) = new_token(&ada, "the last");
    tokens
        .insert(&token, NonZeroU32::new(1).map(Cap::new))
        .await
        .expect("the pool is whole");
    assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
    let tokens = schema::access_tokens::table.count();
    let count: i64 = tokens.get_result(&mut file.other_process()).expect("an answer");
    assert_eq!(count, 1, "the cap holds over what was dropped");
    assert_eq!((pool.status().size, pool.status().available), (1, 1));
}

#[tokio::test]
async fn k2_a_call_whose_caller_went_away_before_its_turn_never_begins() {
    let file = File::new();
    let pool = file.small_pool(1).await;
    let users = SqliteUserStore::new(&pool);
    let held = pool.get().await.expect("the only connection");
    assert!(!cancelled(users.insert(new_user("ada")), 1).await);
    tokio::task::yield_now().await;
    drop(held);
    users
        .insert(new_user("ben"))
        .await
        .expect("a user, after the turn of the one before");
    let email = NormalizedEmail::from_typed("ada@example.com").expect("an e-mail");
    assert!(users.find_by_email(&email).await.expect("an answer").is_none());
}

/// When the caller of a step goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    BeforeItsTurn,
    WhileItWaitsForAnotherProcess,
    OnceItIsCommitted,
}

/// The caller has no answer. Whatever was done, the same step again finds it.
#[tokio::test(flavor = "current_thread")]
async fn k2_a_dropped_refresh_or_rotation_is_made_or_not_and_can_be_repeated() {
    let file = File::new();
    let pool = file.small_pool(1).await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let ada = users.insert(new_user("ada")).await.expect("a user");
    let (key, token) = new_token(&ada, "token");
    tokens.insert(&token, None).await.expect("a token");
    let mut other = file.other_process();
    let mut stored = |kind| {
        use schema::access_tokens::{access_generation, refresh_generation, table};
        let row = table.select((access_generation, refresh_generation));
        let (access, refresh): (i64, i64) = row.get_result(&mut other).expect("the token");
        if kind == TokenKind::Access {
            access
        } else {
            refresh
        }
    };
    for kind in [TokenKind::Access, TokenKind::Refresh] {
        for (from, moment) in [
            (0, Moment::BeforeItsTurn),
            (1, Moment::WhileItWaitsForAnotherProcess),
            (2, Moment::OnceItIsCommitted),
        ] {
            let step = Advance::new(kind, from, token.created_at);
            let mut writer = file.other_process();
            if moment == Moment::WhileItWaitsForAnotherProcess {
                writer.batch_execute("BEGIN IMMEDIATE").expect("the lock");
            }
            {
                let mut call = pin!(tokens.advance(&key, &step));
                assert!(poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await);
                match moment {
                    Moment::BeforeItsTurn => {}
                    Moment::WhileItWaitsForAnotherProcess => {
                        while pool.status().available > 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                    Moment::OnceItIsCommitted => {
                        while stored(kind) == from {
                            tokio::task::yield_now().await;
                        }
                    }
                }
            }
            drop(writer);
            let again = tokens.advance(&key, &step).await;
            let again = again.expect("an answer").expect("the token");
            assert_eq!(
                again.token.generation(kind).number,
                from + 1,
                "{kind:?} {moment:?}"
            );
            assert_eq!(stored(kind), from + 1, "{kind:?} {moment:?}");
            match moment {
                Moment::BeforeItsTurn => assert!(again.by_this_call),
                Moment::WhileItWaitsForAnotherProcess => {}
                Moment::OnceItIsCommitted => assert!(!again.by_this_call),
            }
        }
    }
}
