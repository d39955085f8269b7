//! Values that somebody edited, and what errors and logs tell of them.

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, StoreErrorKind};
use auth_redis::{Redis, RedisAccessTokenStore, fred::interfaces::KeysInterface as _};
use uuid::Uuid;

use crate::{
    log::Log,
    server::{self, ask, until},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_stored_value_that_cannot_be_read_is_a_store_error_and_can_be_deleted() {
    let url = server::url("TEST_REDIS_URL");
    let prefix = server::prefix();
    let redis = server::redis(&url).await.prefix(&prefix).expect("a prefix");
    let (store, client) = (
        RedisAccessTokenStore::<Uuid>::new(redis),
        server::client(&url).await,
    );
    for damage in [
        "",
        "null",
        "hunter2",
        "{\"last_used_at\":1}",
        "{\"last_used_at\":1,\"order\":\"x\",\"id\":\"hunter2\",\"user_id\":\"y\",\"epoch\":0,\"created_at\":0}",
        "[\"hunter2\"]",
        "\u{fffd}\0",
    ] {
        let user = Uuid::now_v7();
        let (key, token) = hour(user);
        store.insert(&token, None).await.expect("inserted");
        let names = ask(&client, &["KEYS", &format!("{prefix}*:t:*")])
            .await
            .expect("keys");
        let names: Vec<String> = names.convert().expect("names");
        let [name] = &names[..] else {
            panic!("one token: {names:?}")
        };
        let () = client
            .set(name, damage, None, None, false)
            .await
            .expect("spoiled");
        for error in [
            store.find(&key).await.expect_err(damage),
            store.list(&user, 0).await.expect_err(damage),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::InvalidData, "{error}");
            let text = format!("{error} {error:?}");
            for value in ["hunter2", &user.to_string()] {
                assert!(!text.contains(value), "{text}");
            }
        }
        assert!(store.delete(&key).await.expect("deleted"));
        assert_eq!(store.find(&key).await.expect("an answer"), None);
        assert_eq!(store.list(&user, 0).await.expect("a list"), []);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_value_of_another_kind_is_a_store_error() {
    let url = server::url("TEST_REDIS_URL");
    let prefix = server::prefix();
    let redis = server::redis(&url).await.prefix(&prefix).expect("a prefix");
    let store = RedisAccessTokenStore::<i64>::new(&redis);
    let client = server::client(&url).await;
    let (key, token) = hour(Uuid::now_v7());
    RedisAccessTokenStore::<Uuid>::new(&redis)
        .insert(&token, None)
        .await
        .expect("inserted");
    let error = store.find(&key).await.expect_err("a user id of another type");
    assert_eq!(error.kind(), StoreErrorKind::InvalidData);
    assert!(error.to_string().contains("user id"), "{error}");
    let names = ask(&client, &["KEYS", &format!("{prefix}*:t:*")])
        .await
        .expect("keys");
    let names: Vec<String> = names.convert().expect("names");
    let () = client.del(&names[0]).await.expect("deleted");
    ask(&client, &["RPUSH", &names[0], "x"]).await.expect("a list");
    let error = store.find(&key).await.expect_err("a list is no token");
    assert_eq!(error.kind(), StoreErrorKind::InvalidData);
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn e4_no_password_stands_in_an_error_or_in_an_event_or_in_what_is_printed() {
    let log = Log::start();
    let url = server::url("TEST_REDIS_URL");
    let host = url.strip_prefix("redis://").expect("a plain URL");
    let pool = auth_redis::connect(&format!("redis://nobody:hunter2@{host}"))
        .await
        .expect("a pool");
    let redis = Redis::new(pool)
        .deadline(std::time::Duration::from_millis(300))
        .expect("a deadline");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let (key, _) = hour(Uuid::now_v7());
    let refused = [
        redis.ping().await.expect_err("refused"),
        store.find(&key).await.expect_err("refused"),
    ];
    until("an event", async || log.text().contains("cannot be reached")).await;
    let texts = [
        format!("{refused:?}"),
        format!("{redis:?}"),
        format!("{store:?}"),
        log.text(),
    ];
    for text in texts {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
