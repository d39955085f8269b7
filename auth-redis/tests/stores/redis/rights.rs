//! Who may connect, and how.

use std::{env, process::Command, time::Duration};

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, Predecessor, RotateTokens as _,
    SessionStore as _, SessionWrite, TokenKind,
};
use auth_redis::{
    ClientLike as _, NearCache, Redis, RedisAccessTokenStore, RedisSessionStore,
    fred::types::{Builder, config::Config},
};
use uuid::Uuid;

use crate::{
    log::Log,
    server::{self, Server, ask, until, within},
    session::{change, session},
    token::hour,
};

async fn works(redis: &Redis) {
    let store = RedisAccessTokenStore::<Uuid>::new(redis);
    let user = Uuid::now_v7();
    let (key, token) = hour(user);
    store
        .insert(&token, std::num::NonZeroU32::new(1).map(Cap::new))
        .await
        .expect("inserted");
    store
        .insert(&hour(user).1, std::num::NonZeroU32::new(1).map(Cap::new))
        .await
        .expect("inserted");
    assert_eq!(store.find(&key).await.expect("an answer"), None);
    let (key, token) = crate::token::token(user, None);
    store.insert(&token, None).await.expect("inserted");
    let hence = token.last_used_at + time::Duration::HOUR;
    store
        .touch(&key, token.last_used_at, Some(hence))
        .await
        .expect("touched");
    let step = Advance::new(TokenKind::Access, 0, token.last_used_at);
    let advanced = store.advance(&key, &step).await.expect("an answer");
    let token = advanced.expect("a token").token;
    assert_eq!(store.find(&key).await.expect("an answer").as_ref(), Some(&token));
    assert_eq!(store.list(&user, 0).await.expect("a list").len(), 2);
    assert!(store.delete_by_id(&user, token.id).await.expect("deleted"));
    let (key, token) = hour(user);
    store.insert(&token, None).await.expect("inserted");
    assert!(store.delete(&key).await.expect("deleted"));
    assert_eq!(store.delete_all(&user).await.expect("deleted"), 1);

    let store = RedisSessionStore::<Uuid>::new(redis);
    let [(key, begun), (other_key, other)] = [session(Some(user), None), session(Some(user), None)];
    store.create(&key, &begun, None).await.expect("created");
    store.create(&other_key, &other, None).await.expect("created");
    let mut change = change(&begun, "[]", 0);
    change.expires_at = Some(begun.created_at + time::Duration::HOUR);
    let done = SessionWrite::Done;
    assert_eq!(store.save(&key, &change).await.expect("saved"), done);
    let (new_key, new) = session(Some(user), None);
    let replaced = store
        .create(&new_key, &new, Some(&Predecessor::new(key, Some(1))))
        .await;
    assert_eq!(replaced.expect("replaced"), done);
    assert_eq!(store.delete(&new_key, Some(0)).await.expect("deleted"), done);
    assert_eq!(store.delete_all(&user).await.expect("deleted"), 1);
}

/// Those that the documents of the crate name.
fn documented_rights() -> Vec<&'static str> {
    let front = include_str!("../../../src/lib.rs");
    let (_, rest) = front.split_once("ACL user needs ").expect("the rights");
    let (rights, _) = rest.split_once("\n//!\n").expect("the end of the list");
    let words = rights.split(|c: char| c.is_whitespace() || c == '`');
    words.filter(|word| word.starts_with('+')).collect()
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn the_rights_that_are_documented_are_enough() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let mut command = vec![
        "ACL",
        "SETUSER",
        "app",
        "on",
        ">p@ss",
        "resetkeys",
        "~test:*",
        "-@all",
    ];
    let rights = documented_rights();
    assert!(rights.len() > 15, "{rights:?}");
    command.extend(&rights);
    ask(&client, &command).await.expect("a user");
    let url = format!("redis://app:p%40ss@127.0.0.1:{}", server.port);
    works(&server::redis(&url).await).await;
    let near = NearCache::new(1 << 20).expect("room");
    let near = server::redis(&url).await.near_cache(near).expect("a thread");
    until("the near cache is used", async || {
        near.near_cache_stats().expect("a near cache").is_used
    })
    .await;
    let refused = server::redis(&url).await.prefix("another:").expect("a prefix");
    let store = RedisAccessTokenStore::<Uuid>::new(refused);
    let error = store
        .find(&hour(Uuid::now_v7()).0)
        .await
        .expect_err("no right to these keys");
    assert!(error.to_string().contains("NOPERM"), "{error}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_password_that_is_set_right_later_is_taken_without_a_restart() {
    let server = Server::start(&["--requirepass", "open"]).await;
    let url = format!("redis://:sesame@127.0.0.1:{}", server.port);
    let pool = auth_redis::connect(&url).await.expect("a pool");
    let redis = Redis::new(pool).prefix(&server::prefix()).expect("a prefix");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    store
        .find(&hour(Uuid::now_v7()).0)
        .await
        .expect_err("no such password");
    let admin = server::client(&format!("redis://:open@127.0.0.1:{}", server.port)).await;
    ask(&admin, &["CONFIG", "SET", "requirepass", "sesame"])
        .await
        .expect("set");
    until("the password is taken", async || redis.ping().await.is_ok()).await;
    works(&redis).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_client_of_the_applications_own_will_do() {
    let config = Config::from_url(&server::url("TEST_REDIS_URL")).expect("a URL");
    let client = Builder::from_config(config).build().expect("a client");
    let connected = within("a connection", client.init()).await;
    connected.expect("a connection");
    works(&Redis::from(&client).prefix(&server::prefix()).expect("a prefix")).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_pool_of_the_applications_own_will_do() {
    let config = Config::from_url(&server::url("TEST_REDIS_URL")).expect("a URL");
    let pool = Builder::from_config(config).build_pool(3).expect("a pool");
    let connected = within("a connection", pool.init()).await;
    connected.expect("a connection");
    works(&Redis::new(pool).prefix(&server::prefix()).expect("a prefix")).await;
}

/// Roots are found by the environment, which a test cannot change for itself: it runs itself once more for each.
const ROOTS: &str = "SSL_CERT_FILE";
const RUN_BY_ITSELF: &str = "TEST_RUN_BY_ITSELF";

async fn tls(is_trusted: bool) {
    let (log, url) = (Log::start(), server::url("TEST_REDIS_TLS_URL"));
    if is_trusted {
        return works(&server::redis(&url).await).await;
    }
    let pool = auth_redis::connect(&url).await.expect("a pool");
    until("a refusal", async || log.text().contains("cannot be reached")).await;
    assert!(log.text().contains("InvalidCertificate"), "{}", log.text());
    let redis = Redis::new(pool).deadline(Duration::from_millis(300));
    let redis = redis.expect("a deadline");
    redis
        .ping()
        .await
        .expect_err("nobody who can be trusted is there");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn tls_is_spoken_with_the_roots_of_the_machine() {
    if let Ok(roots) = env::var(RUN_BY_ITSELF) {
        return tls(roots == "trusted").await;
    }
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stores/redis/other_root.pem");
    for (roots, file) in [
        ("trusted", server::url("TEST_REDIS_CA")),
        ("others", other.to_owned()),
    ] {
        let mut run = Command::new(env::current_exe().expect("this program"));
        run.args([
            "--exact",
            "--ignored",
            "redis::rights::tls_is_spoken_with_the_roots_of_the_machine",
        ]);
        run.env(ROOTS, &file)
            .env(RUN_BY_ITSELF, roots)
            .env_remove("SSL_CERT_DIR");
        let ended = run.output().expect("a run");
        let output = String::from_utf8_lossy(&ended.stdout);
        assert!(output.contains("running 1 test"), "{output}");
        assert!(ended.status.success(), "{roots}: {output}");
    }
}
