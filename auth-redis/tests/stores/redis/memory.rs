//! A server whose memory is full, and one that drops what it holds.

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, InsertTokenError, RotateTokens as _,
    ShardTag, TokenKind,
};
use auth_redis::{Redis, RedisAccessTokenStore};
use uuid::Uuid;

use crate::{
    log::Log,
    server::{self, Server, ask, until},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis"]
async fn out_of_memory_nobody_logs_in_but_tokens_are_read_and_revoked() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let client = server::client(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(server::redis(&server.url()).await);
    let user = Uuid::now_v7();
    let tokens: Vec<_> = (0..5).map(|_| hour(user)).collect();
    for (_, token) in &tokens {
        store.insert(token, None).await.expect("inserted");
    }
    let limit = async |bytes: &str| {
        ask(&client, &["CONFIG", "SET", "maxmemory", bytes])
            .await
            .expect("set");
    };
    for scripts_are_known in [true, false] {
        limit("1").await;
        if !scripts_are_known {
            ask(&client, &["SCRIPT", "FLUSH"]).await.expect("flushed");
        }
        let (new_key, new) = hour(user);
        let refused = store
            .insert(&new, std::num::NonZeroU32::new(1).map(Cap::new))
            .await;
        let Err(InsertTokenError::Store(error)) = refused else {
            panic!("a full server took a token: {refused:?}")
        };
        assert!(error.to_string().contains("OOM"), "{error}");
        let left = if scripts_are_known { 5 } else { 2 };
        assert_eq!(
            store.list(&user, 0).await.expect("a list").len(),
            left,
            "nothing was changed"
        );
        assert_eq!(store.find(&new_key).await.expect("an answer"), None);
        let (key, token) = &tokens[left - 2];
        assert_eq!(store.find(key).await.expect("an answer").as_ref(), Some(token));
        let step = Advance::new(TokenKind::Refresh, 0, token.created_at);
        let refused = store.advance(key, &step).await.expect_err("no room for it");
        assert!(refused.to_string().contains("OOM"), "{refused}");
        assert_eq!(store.find(key).await.expect("an answer").as_ref(), Some(token));
        if scripts_are_known {
            assert!(store.delete(key).await.expect("logged out"));
            assert_eq!(store.find(key).await.expect("an answer"), None);
            assert!(store.delete_by_id(&user, tokens[4].1.id).await.expect("revoked"));
            assert_eq!(store.find(&tokens[4].0).await.expect("an answer"), None);
            assert!(store.delete(&tokens[2].0).await.expect("logged out"));
        } else {
            assert_eq!(store.delete_all(&user).await.expect("logged out everywhere"), 2);
            assert_eq!(store.list(&user, 0).await.expect("a list"), []);
        }
        limit("0").await;
    }
    store
        .insert(&hour(user).1, None)
        .await
        .expect("there is room again");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_flushed_server_knows_nobody_and_nothing_revoked_comes_back() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(server::redis(&server.url()).await);
    let user = Uuid::now_v7();
    let [(revoked, first), (lost, second)] = [hour(user), hour(user)];
    store.insert(&first, None).await.expect("inserted");
    store.insert(&second, None).await.expect("inserted");
    assert!(store.delete(&revoked).await.expect("revoked"));
    ask(&client, &["FLUSHALL"]).await.expect("flushed");
    for key in [&revoked, &lost] {
        assert_eq!(store.find(key).await.expect("an answer"), None);
        store
            .touch(key, second.created_at, None)
            .await
            .expect("nothing to touch");
        assert_eq!(store.find(key).await.expect("an answer"), None);
    }
    store.insert(&hour(user).1, None).await.expect("inserted");
    assert_eq!(store.list(&user, 0).await.expect("a list").len(), 1);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn of_a_server_that_drops_tokens_some_users_are_logged_out_and_nothing_revoked_comes_back() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-random"]).await;
    let client = server::client(&server.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(server::redis(&server.url()).await);
    let mut tokens = Vec::new();
    for number in 0..300 {
        let user = Uuid::now_v7();
        let (key, token) = hour(user);
        store.insert(&token, None).await.expect("inserted");
        let is_revoked = number % 3 == 0;
        if is_revoked {
            assert!(store.delete(&key).await.expect("revoked"));
        }
        tokens.push((key, token, is_revoked));
    }
    let info = ask(&client, &["INFO", "memory"]).await.expect("statistics");
    let info = info.as_string().expect("text");
    let (_, used) = info.split_once("used_memory:").expect("a size");
    let used: u64 = used.lines().next().expect("a line").parse().expect("a number");
    let limit = (used - 40_000).to_string();
    ask(&client, &["CONFIG", "SET", "maxmemory", &limit])
        .await
        .expect("set");
    let (mut kept, mut lost) = (0, 0);
    for (key, token, is_revoked) in tokens {
        // The server makes room before a command that needs some.
        store
            .insert(&hour(token.user_id).1, None)
            .await
            .expect("inserted");
        let found = store.find(&key).await.expect("an answer");
        match found {
            Some(found) => {
                assert_eq!((found, is_revoked), (token.clone(), false));
                kept += 1;
            }
            None => lost += u32::from(!is_revoked),
        }
        store.touch(&key, token.created_at, None).await.expect("touched");
        store.delete_all(&token.user_id).await.expect("deleted");
        store.delete(&key).await.expect("deleted");
        assert_eq!(store.find(&key).await.expect("an answer"), None);
    }
    assert!(kept > 0 && lost > 0, "{kept} were kept and {lost} lost");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_token_whose_index_alone_was_dropped_is_found_and_revoked_by_itself() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let redis = server::redis(&server.url())
        .await
        .prefix("app:")
        .expect("a prefix");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let (key, token) = hour(user);
    store.insert(&token, None).await.expect("inserted");
    let index = format!("app:{{{:04x}}}:u:{user}", ShardTag::for_user(&user).get());
    let dropped = ask(&client, &["DEL", &index]).await.expect("deleted");
    assert_eq!(dropped.as_i64(), Some(1));
    assert_eq!(store.find(&key).await.expect("an answer").as_ref(), Some(&token));
    assert_eq!(store.list(&user, 0).await.expect("a list"), []);
    assert!(!store.delete_by_id(&user, token.id).await.expect("an answer"));
    assert_eq!(store.delete_all(&user).await.expect("an answer"), 0);
    assert!(store.delete(&key).await.expect("revoked"));
    assert_eq!(store.find(&key).await.expect("an answer"), None);
    let left = ask(&client, &["DBSIZE"]).await.expect("a size");
    assert_eq!(left.as_i64(), Some(0));
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_could_drop_sessions_is_warned_of_and_another_is_not() {
    let mut servers = Vec::new();
    for (policy, limit, warned) in [
        ("allkeys-lru", "100mb", true),
        ("volatile-ttl", "100mb", true),
        ("allkeys-lru", "0", false),
        ("noeviction", "100mb", false),
    ] {
        let server = Server::start(&["--maxmemory", limit, "--maxmemory-policy", policy]).await;
        let log = Log::start();
        // One that ends is warned of, too.
        servers.push(server);
        let server = &servers[servers.len() - 1];
        let redis = server::redis(&server.url()).await;
        if warned {
            until("a warning at the start", async || {
                log.text().contains("the server drops sessions")
            })
            .await;
            assert!(
                log.text().contains("WARN") && log.text().contains(policy),
                "{}",
                log.text()
            );
        }
        redis.warn_of_eviction().await;
        assert_eq!(log.text().contains("WARN"), warned, "{}", log.text());
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_policy_that_may_not_be_asked_for_is_no_failure() {
    let server = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).await;
    let client = server::client(&server.url()).await;
    let rights = ["ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-info"];
    ask(&client, &rights).await.expect("a user");
    let log = Log::start();
    let url = format!("redis://app:pw@127.0.0.1:{}", server.port);
    let redis: Redis = server::redis(&url).await;
    redis.warn_of_eviction().await;
    assert!(
        log.text().contains("DEBUG") && !log.text().contains("WARN"),
        "{}",
        log.text()
    );
    let (key, token) = hour(Uuid::now_v7());
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    store.insert(&token, None).await.expect("inserted");
    assert_eq!(store.find(&key).await.expect("an answer"), Some(token));
}
