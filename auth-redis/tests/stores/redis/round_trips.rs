//! What a call costs, counted by the server.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, ClientInfo, ExposeSecret as _, Lifetime,
    NewLogIn, NewUser, OpaqueStrategy, Outcome, RotateTokens as _, Strategy as _, Subject, TokenKind,
    UserStore as _, admit, memory::MemoryUserStore,
};
use auth_redis::{Client, Redis, RedisAccessTokenStore};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    server::{self, Server, ask},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis"]
async fn no_call_opens_a_connection_of_its_own() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(server::redis(&server.url()).await);
    let opened = async || {
        let info = ask(&client, &["INFO", "stats"]).await.expect("statistics");
        let info = info.as_string().expect("text");
        let (_, rest) = info.split_once("total_connections_received:").expect("a count");
        rest.lines().next().map(str::to_owned)
    };
    let before = opened().await;
    let user = Uuid::now_v7();
    for _ in 0..10 {
        let (key, token) = hour(user);
        store
            .insert(&token, NonZeroU32::new(3).map(Cap::new))
            .await
            .expect("inserted");
        assert_eq!(store.find(&key).await.expect("an answer"), Some(token));
        assert!(store.delete(&key).await.expect("deleted"));
    }
    assert_eq!(opened().await, before);
}

/// A store's connection of which nobody takes care: what `connect` starts asks the server whenever it likes.
pub(crate) async fn unattended(server: &Server) -> Redis {
    let redis = Redis::from(&server::client(&server.url()).await);
    redis.deadline(Duration::from_secs(10)).expect("a deadline")
}

/// The commands that clients sent, and those that scripts called, since the last time.
pub(crate) async fn counted(client: &Client) -> BTreeMap<String, u64> {
    let counts = counts(client).await;
    ask(client, &["CONFIG", "RESETSTAT"]).await.expect("reset");
    counts
}

/// The same, without a new beginning: what comes between a look and that would be lost.
pub(crate) async fn counts(client: &Client) -> BTreeMap<String, u64> {
    let info = ask(client, &["INFO", "commandstats"]).await.expect("statistics");
    let info = info.as_string().expect("text");
    let lines = info
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
    let counts = lines.map(|(name, rest)| {
        let calls = rest
            .split(',')
            .next()
            .expect("a number")
            .parse()
            .expect("a number");
        (name.to_owned(), calls)
    });
    counts
        .filter(|(name, _)| !["config|resetstat", "info"].contains(&&**name))
        .collect()
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_look_up_is_one_get_and_every_other_call_one_script() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let redis = unattended(&server).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let (key, token) = hour(user);
    // The first time a server is sent the whole script.
    store.insert(&token, None).await.expect("inserted");
    let step = |from| Advance::new(TokenKind::Refresh, from, token.created_at);
    store.touch(&key, token.created_at, None).await.expect("touched");
    store.advance(&key, &step(7)).await.expect("not made");
    store.list(&user, 0).await.expect("a list");
    store.delete(&hour(user).0).await.expect("nothing to delete");
    store
        .delete_by_id(&user, hour(user).1.id)
        .await
        .expect("nothing to delete");
    store
        .delete_all(&Uuid::now_v7())
        .await
        .expect("nothing to delete");
    counted(&client).await;

    for _ in 0..10 {
        assert!(store.find(&key).await.expect("an answer").is_some());
        assert!(store.find(&hour(user).0).await.expect("an answer").is_none());
    }
    assert_eq!(counted(&client).await, BTreeMap::from([("get".to_owned(), 20)]));

    let sent = async |what: &str| {
        let counted = counted(&client).await;
        let scripts: u64 = ["eval", "evalsha"]
            .iter()
            .filter_map(|name| counted.get(*name))
            .sum();
        assert_eq!(scripts, 1, "{what}: {counted:?}");
        assert_eq!(counted.get("eval"), None, "{what}: {counted:?}");
    };
    let (other_key, other) = hour(user);
    store
        .insert(&other, NonZeroU32::new(1).map(Cap::new))
        .await
        .expect("inserted");
    sent("insert").await;
    store
        .touch(&other_key, other.created_at, None)
        .await
        .expect("touched");
    sent("touch").await;
    for is_made in [true, false] {
        let advanced = store.advance(&other_key, &step(0)).await.expect("an answer");
        assert_eq!(advanced.map(|advanced| advanced.by_this_call), Some(is_made));
        sent("advance").await;
    }
    store.list(&user, 0).await.expect("a list");
    sent("list").await;
    assert!(store.delete_by_id(&user, other.id).await.expect("deleted"));
    sent("delete_by_id").await;
    store.insert(&token, None).await.expect("inserted");
    sent("insert").await;
    assert!(store.delete(&key).await.expect("deleted"));
    sent("delete").await;
    store.delete_all(&user).await.expect("deleted");
    sent("delete_all").await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_authenticated_request_costs_one_get() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let users = MemoryUserStore::new();
    let mut user = NewUser::new(
        "ada@example.com".parse().expect("an e-mail"),
        (),
        OffsetDateTime::UNIX_EPOCH,
    );
    user.id = Some(Uuid::now_v7());
    user.is_verified = true;
    let user = users.insert(user).await.expect("a user");
    let tokens = RedisAccessTokenStore::new(unattended(&server).await);
    let strategy = OpaqueStrategy::new(Arc::new(tokens), Lifetime::from_secs(3600).expect("an hour"));
    let issued = strategy
        .issue(&NewLogIn::new(
            "api",
            &Subject::from(&user),
            &ClientInfo::default(),
        ))
        .await
        .expect("a token");
    counted(&client).await;

    for _request in 0..20 {
        let outcome = admit(
            &users,
            strategy.read("api", issued.access.secret.expose_secret()).await,
        )
        .await;
        assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");
    }
    assert_eq!(counted(&client).await, BTreeMap::from([("get".to_owned(), 20)]));
}
