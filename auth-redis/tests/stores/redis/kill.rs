//! A server that is killed while tokens come and go.

use std::time::Duration;

use auth_core::{AccessToken, AccessTokenIndex as _, AccessTokenStore as _, TokenLookup};
use auth_redis::RedisAccessTokenStore;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    server::{self, Server, until},
    token::hour,
};

/// What a caller was told of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Inserted,
    Deleted,
    /// That the store was unavailable.
    Nothing,
}

type Tale = (TokenLookup, AccessToken<Uuid>, Told);

/// Inserts tokens of `user`, and deletes every other one, until the store is unavailable.
async fn come_and_go(store: RedisAccessTokenStore<Uuid>, user: Uuid) -> Vec<Tale> {
    let mut tales: Vec<Tale> = Vec::new();
    loop {
        let (key, token) = hour(user);
        let inserted = store.insert(&token, None).await;
        tales.push((key, token, inserted.map_or(Told::Nothing, |()| Told::Inserted)));
        if tales.len().is_multiple_of(2) {
            let (key, _, told) = tales.last_mut().expect("one");
            let deleted = store.delete(key).await;
            *told = deleted.map_or(Told::Nothing, |_was_there| Told::Deleted);
        }
        if tales.last().is_some_and(|(_, _, told)| *told == Told::Nothing) {
            return tales;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn k1_after_a_kill_what_was_answered_holds_and_a_token_is_there_with_its_entry_or_not_at_all() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let redis = server::redis(&server.url()).await;
    let redis = redis.deadline(Duration::from_secs(2)).expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let users: Vec<_> = std::iter::repeat_with(Uuid::now_v7).take(8).collect();
    let tasks: Vec<_> = users
        .iter()
        .map(|user| tokio::spawn(come_and_go(store.clone(), *user)))
        .collect();
    until("tokens have come and gone", async || {
        let listed = store.list(&users[0], 0).await;
        listed.is_ok_and(|listed| listed.len() >= 10)
    })
    .await;
    sleep(Duration::from_millis(50)).await;
    server.kill();
    let mut tales = Vec::new();
    for task in tasks {
        tales.push(task.await.expect("tales"));
    }
    server.restart().await;
    until("the server is used again", async || redis.ping().await.is_ok()).await;
    for (user, tales) in users.iter().zip(tales) {
        let listed = store.list(user, 0).await.expect("a list");
        for (key, token, told) in tales {
            let found = store.find(&key).await.expect("an answer");
            match told {
                Told::Inserted => assert_eq!(found.as_ref(), Some(&token)),
                Told::Deleted => assert_eq!(found, None),
                Told::Nothing => assert!(found.as_ref().is_none_or(|found| *found == token)),
            }
            assert_eq!(listed.contains(&token), found.is_some(), "{told:?}");
        }
        assert!(store.delete_all(user).await.expect("deleted") >= 1);
    }
}
