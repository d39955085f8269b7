//! A cache that is down, full, flushed, or filled with what is not its own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth_core::{
    CachedUsers, SigningSecret, UpdateUserError, User, UserCache as _, UserStore as _,
    memory::MemoryUserStore,
};
use auth_redis::{Redis, RedisUserCache, fred::interfaces::KeysInterface as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Member, Nodes, cache, check, new_user};
use crate::{
    log::Log,
    server::{self, Server, ask},
};

#[tokio::test]
#[ignore = "needs Redis"]
async fn g5_a_cache_that_is_down_makes_reads_slower_and_refuses_changes_before_they_are_written() {
    let log = Log::start();
    let pool = auth_redis::connect("redis://127.0.0.1:1").await.expect("a pool");
    let redis = Redis::new(pool)
        .deadline(Duration::from_millis(200))
        .expect("a deadline");
    let secret = SigningSecret::generate().expect("a secret");
    let store: Arc<super::Store> = Arc::default();
    let node = CachedUsers::new(store.clone(), cache(&redis, &secret));
    let mut user = node.insert(new_user(1)).await.expect("registered");
    for _request in 0..10 {
        check(&node, &user).await;
    }
    let warnings = log.text().matches("the cache of users does not answer").count();
    assert_eq!(warnings, 1, "{}", log.text());
    let email = user.email.normalized().clone();
    assert!(node.find_by_email(&email).await.expect("an answer").is_some());
    user.is_active = false;
    let refused = node.update(&user).await.expect_err("not dropped");
    assert!(matches!(refused, UpdateUserError::Store(_)), "{refused}");
    node.delete(&user.id).await.expect_err("not dropped");
    user.is_active = true;
    check(&node, &user).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_full_cache_keeps_nobody_and_drops_whom_a_change_locks_out() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let nodes = Nodes::on(&server.url()).await;
    let (mut known, new) = (nodes.user(1).await, nodes.user(2).await);
    check(&nodes.one, &known).await;
    assert!(nodes.value(known.id).await.is_some());
    let limit = async |bytes: &str| {
        let set = ["CONFIG", "SET", "maxmemory", bytes];
        ask(&nodes.client, &set).await.expect("set");
    };
    limit("1").await;
    check(&nodes.one, &new).await;
    assert_eq!(nodes.value(new.id).await, None);
    known.is_active = false;
    nodes.other.update(&known).await.expect("locked out");
    known.revision += 1;
    check(&nodes.one, &known).await;
    assert!(nodes.one.delete(&new.id).await.expect("deleted"));
    limit("0").await;
    check(&nodes.one, &known).await;
    assert!(nodes.value(known.id).await.is_some(), "there is room again");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_flushed_cache_is_filled_again() {
    let server = Server::start(&[]).await;
    let nodes = Nodes::on(&server.url()).await;
    let mut user = nodes.user(1).await;
    check(&nodes.one, &user).await;
    ask(&nodes.client, &["FLUSHALL"]).await.expect("flushed");
    user.is_verified = true;
    nodes.change_past_the_cache(&user).await;
    user.revision += 1;
    check(&nodes.one, &user).await;
    assert!(nodes.value(user.id).await.is_some());
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_the_cache_did_not_write_is_never_taken_for_a_user() {
    let nodes = Nodes::on(&server::url("TEST_REDIS_URL")).await;
    let (mut user, another) = (nodes.user(1).await, nodes.user(2).await);
    check(&nodes.one, &user).await;
    check(&nodes.one, &another).await;
    let key = nodes.key(user.id);
    let own = nodes.value(user.id).await.expect("a value");
    let others = nodes.value(another.id).await.expect("a value");
    let mut bad = vec![Vec::new(), b"hunter2".to_vec(), vec![0xff; 300], others];
    for place in [0, 1, 13, own.len() - 17, own.len() - 1] {
        let mut flipped = own.clone();
        flipped[place] ^= 1;
        bad.push(flipped);
    }
    bad.extend([1, 12, own.len() - 1].map(|length| own[..length].to_vec()));
    for value in bad {
        let () = nodes
            .client
            .set(&key, &*value, None, None, false)
            .await
            .expect("spoiled");
        // The store has moved on, so that an answer from the cache would show.
        user.is_verified = !user.is_verified;
        nodes.change_past_the_cache(&user).await;
        user.revision += 1;
        check(&nodes.one, &user).await;
        let now = nodes.value(user.id).await.expect("a value");
        assert_ne!(now, value, "it is replaced");
        check(&nodes.other, &user).await;
    }
    let _deleted: i64 = nodes.client.del(&key).await.expect("deleted");
    ask(&nodes.client, &["RPUSH", &key, "x"]).await.expect("a list");
    check(&nodes.one, &user).await;
    user.is_active = false;
    nodes.one.update(&user).await.expect("written over it");
    user.revision += 1;
    check(&nodes.other, &user).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_is_longer_than_any_fences_is_not_taken_for_some() {
    let nodes = Nodes::on(&server::url("TEST_REDIS_URL")).await;
    let (user, cache) = (nodes.user(1).await, cache(&nodes.redis, &nodes.secret));
    let key = nodes.key(user.id);
    let spoil = async || {
        let fences = format!("f{}", "0123456789abcdef".repeat(40_000));
        let set = nodes.client.set(&key, fences, None, None, false);
        let () = set.await.expect("spoiled");
    };
    let begin = Instant::now();
    spoil().await;
    let fence = cache.fence(&user.id).await.expect("a fence");
    let value = nodes.value(user.id).await.expect("a fence");
    assert_eq!(value.len(), 1 + 16, "only the new one");
    spoil().await;
    cache.lift(&user.id, fence, None).await.expect("lifted");
    assert_eq!(nodes.value(user.id).await, None);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn n8_users_of_an_old_secret_are_read_while_it_is_accepted_and_no_others() {
    let nodes = Nodes::on(&server::url("TEST_REDIS_URL")).await;
    let user = nodes.user(1).await;
    check(&nodes.one, &user).await;
    let old = nodes.value(user.id).await;
    let [new, foreign] = [(); 2].map(|()| SigningSecret::generate().expect("a secret"));
    let rotated = CachedUsers::new(
        nodes.store.clone(),
        cache(&nodes.redis, &new.also_accept(nodes.secret.clone())),
    );
    check(&rotated, &user).await;
    assert_eq!(nodes.value(user.id).await, old, "it was read");
    let stranger = CachedUsers::new(nodes.store.clone(), cache(&nodes.redis, &foreign));
    check(&stranger, &user).await;
    assert_ne!(nodes.value(user.id).await, old, "it was replaced");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn whoever_reads_redis_learns_nothing_of_a_cached_user() {
    let nodes = Nodes::on(&server::url("TEST_REDIS_URL")).await;
    let user = nodes.user(4).await;
    check(&nodes.one, &user).await;
    let value = nodes.value(user.id).await.expect("a value");
    let contains = |text: &str| value.windows(text.len()).any(|part| part == text.as_bytes());
    for secret in [user.email.as_str(), "argon2id", "hash-4", "tags", "score"] {
        assert!(!contains(secret), "{secret}");
    }
    assert!(!format!("{:?}", cache(&nodes.redis, &nodes.secret)).contains("secret"));
}

/// A profile with a field that does not survive.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lossy {
    #[serde(skip)]
    note: String,
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_user_whose_profile_would_lose_something_is_not_cached_and_the_log_says_so_once() {
    let log = Log::start();
    let redis = server::redis(&server::url("TEST_REDIS_URL")).await;
    let secret = SigningSecret::generate().expect("a secret");
    let store: Arc<MemoryUserStore<Uuid, Lossy>> = Arc::default();
    let cached = CachedUsers::new(store, Arc::new(RedisUserCache::new(redis, &secret)));
    for _user in 0..2 {
        let new = new_user(1);
        let note = "keep me".to_owned();
        let user = auth_core::NewUser::new(new.email, Lossy { note }, new.created_at);
        let id = cached.insert(user).await.expect("inserted").id;
        for _request in 0..3 {
            let found = cached.find(&id).await.expect("an answer").expect("a user");
            assert_eq!(found.profile.note, "keep me");
        }
    }
    let text = log.text();
    assert_eq!(text.matches("a user is not cached").count(), 1, "{text}");
    assert!(text.contains("Lossy") && !text.contains("keep me"), "{text}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_user_that_is_put_back_later_is_not_taken() {
    let nodes = Nodes::on(&server::url("TEST_REDIS_URL")).await;
    let short = RedisUserCache::<Uuid, Member>::new(&nodes.redis, &nodes.secret);
    let short = short.keep_for(Duration::from_secs(1)).expect("a second");
    let node = CachedUsers::new(nodes.store.clone(), Arc::new(short));
    let mut user = nodes.user(1).await;
    check(&node, &user).await;
    let old = nodes.value(user.id).await.expect("a value");
    user.is_superuser = true;
    nodes.change_past_the_cache(&user).await;
    user.revision += 1;
    server::until("the user is gone", async || nodes.value(user.id).await.is_none()).await;
    let key = nodes.key(user.id);
    let () = nodes
        .client
        .set(&key, &*old, None, None, false)
        .await
        .expect("put back");
    check(&nodes.other, &user).await;
}

/// Two versions of an application.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct First {
    name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Second {
    name: String,
    nickname: Option<String>,
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_version_whose_profile_has_other_fields_reads_no_user_of_this_one() {
    let redis = server::redis(&server::url("TEST_REDIS_URL")).await;
    let secret = SigningSecret::generate().expect("a secret");
    let first = RedisUserCache::<Uuid, First>::new(&redis, &secret);
    let second = RedisUserCache::<Uuid, Second>::new(&redis, &secret);
    let new = new_user(1);
    let name = "Ada".to_owned();
    let user = User::new(Uuid::now_v7(), new.email, First { name }, new.created_at);
    let auth_core::Cached::Miss(Some(ticket)) = first.find(&user.id).await.expect("an answer") else {
        panic!("nobody is there")
    };
    first.put(ticket, &user).await.expect("put");
    let found = first.find(&user.id).await.expect("an answer");
    assert!(matches!(found, auth_core::Cached::Hit(_)), "{found:?}");
    let found = second.find(&user.id).await.expect("an answer");
    assert!(
        matches!(found, auth_core::Cached::Unreadable(Some(_))),
        "{found:?}"
    );
}
