//! What stands under which key, and for how long.

use std::num::NonZeroU32;

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, Clock as _, InsertTokenError, Lifetime,
    RotateTokens as _, ShardTag, SystemClock, TokenId, TokenKind, TokenLookup,
};
use auth_redis::{Redis, RedisAccessTokenStore, fred::interfaces::KeysInterface as _};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::scene::{MINUTE, scene};
use crate::{
    server::{self, until},
    token::{hour, token},
};

/// As long as a lifetime can be.
const CENTURY: std::time::Duration = std::time::Duration::from_secs(100 * 366 * 86_400);

#[tokio::test]
#[ignore = "needs Redis"]
async fn every_key_of_a_user_has_the_users_hash_tag_and_an_expiry() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (_, short) = token(user, Some(Duration::minutes(10)));
    let (_, long) = hour(user);
    for token in [&long, &short] {
        scene.store.insert(token, None).await.expect("inserted");
    }
    let tag = format!("{{{:04x}}}", ShardTag::for_user(&user).get());
    let keys = scene.keys().await;
    assert_eq!(keys.len(), 3, "two tokens and an index: {keys:?}");
    for (name, left) in keys {
        assert!(name.starts_with(&tag), "{name}");
        let span = match name.ends_with(&user.to_string()) {
            true => 60 * MINUTE,
            false if left > 20 * MINUTE => 60 * MINUTE,
            false => 10 * MINUTE,
        };
        assert!(
            (span - MINUTE..=span).contains(&left),
            "{name} lives for {left} ms"
        );
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_token_expires_and_the_index_forgets_it_at_the_next_insertion() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (kept_key, kept) = hour(user);
    scene.store.insert(&kept, None).await.expect("inserted");
    let mut keys = Vec::new();
    for _ in 0..5 {
        let (key, token) = token(user, Some(Duration::seconds(3)));
        scene.store.insert(&token, None).await.expect("inserted");
        keys.push(key);
    }
    for key in &keys {
        until("the token expires", async || {
            scene.store.find(key).await.expect("an answer").is_none()
        })
        .await;
    }
    assert_eq!(scene.store.list(&user, 0).await.expect("a list").len(), 1);
    assert_eq!(scene.index_size(user).await, 6);
    scene.store.insert(&hour(user).1, None).await.expect("inserted");
    assert_eq!(scene.index_size(user).await, 2);
    scene
        .store
        .insert(&hour(user).1, NonZeroU32::new(3).map(Cap::new))
        .await
        .expect("inserted");
    assert!(
        scene.store.find(&kept_key).await.expect("an answer").is_some(),
        "expired tokens do not count among the cap"
    );
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_the_server_dropped_does_not_count_among_the_cap() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (old_key, old) = hour(user);
    scene.store.insert(&old, None).await.expect("inserted");
    let (dropped_key, dropped) = hour(user);
    scene.store.insert(&dropped, None).await.expect("inserted");
    // As an eviction does it: behind the back of the index.
    let name = scene.token(user, &dropped_key);
    let () = scene.client.del(name).await.expect("deleted");
    assert_eq!(scene.store.find(&dropped_key).await.expect("an answer"), None);
    scene
        .store
        .insert(&hour(user).1, NonZeroU32::new(2).map(Cap::new))
        .await
        .expect("inserted");
    assert!(scene.store.find(&old_key).await.expect("an answer").is_some());
    assert_eq!(scene.index_size(user).await, 2);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_log_in_whose_tokens_were_replaced_counts_among_the_cap_of_its_backend_alone() {
    let scene = scene().await;
    for replaced in [
        &[][..],
        &[TokenKind::Access],
        &[TokenKind::Refresh],
        &[TokenKind::Access, TokenKind::Refresh],
    ] {
        let user = Uuid::now_v7();
        let (key, mut token) = hour(user);
        token.backend = "web".to_owned();
        scene.store.insert(&token, None).await.expect("inserted");
        for kind in replaced {
            let step = Advance::new(*kind, 0, SystemClock.now());
            let advanced = scene.store.advance(&key, &step).await.expect("an answer");
            assert!(advanced.expect("a log-in").by_this_call);
        }
        for (backend, is_kept) in [("app", true), ("web", false)] {
            let (_, mut newer) = hour(user);
            newer.backend = backend.to_owned();
            let inserted = scene.store.insert(&newer, NonZeroU32::new(1).map(Cap::new)).await;
            inserted.expect("inserted");
            let found = scene.store.find(&key).await.expect("an answer");
            assert_eq!(found.is_some(), is_kept, "{replaced:?} {backend}");
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn of_more_log_ins_than_the_cap_one_that_cannot_be_read_goes_first_then_the_oldest() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let mut keys = Vec::new();
    for minutes in [4, 1, 3, 2] {
        let (key, mut token) = hour(user);
        token.created_at -= Duration::minutes(minutes);
        scene.store.insert(&token, None).await.expect("inserted");
        keys.push(key);
    }
    let spoiled = scene.token(user, &keys[3]);
    let () = scene
        .client
        .set(&spoiled, "x", None, None, false)
        .await
        .expect("spoiled");
    for (cap, left) in [(4, &[0, 1, 2][..]), (3, &[1, 2]), (2, &[1])] {
        let (_, mut token) = hour(user);
        token.created_at -= Duration::seconds(30);
        let inserted = scene
            .store
            .insert(&token, NonZeroU32::new(cap).map(Cap::new))
            .await;
        inserted.expect("inserted");
        // Makes room for the next one.
        let _ended = scene
            .store
            .delete_by_id(&user, token.id)
            .await
            .expect("an answer");
        for (number, key) in keys.iter().enumerate() {
            let name = scene.token(user, key);
            let count: i64 = scene.client.exists(name).await.expect("an answer");
            assert_eq!(count == 1, left.contains(&number), "{number} under {cap}");
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn the_longest_lifetimes_are_kept_and_a_token_of_the_past_is_not() {
    let scene = scene().await;
    let last = OffsetDateTime::from_unix_timestamp(253_402_300_799).expect("the end of the year 9999");
    for end in [
        last,
        Lifetime::new(CENTURY)
            .expect("a lifetime")
            .end(SystemClock.now())
            .expect("an end"),
    ] {
        let user = Uuid::now_v7();
        let (key, mut token) = hour(user);
        token.expires_at = Some(end);
        scene
            .store
            .insert(&token, NonZeroU32::new(5).map(Cap::new))
            .await
            .expect("inserted");
        let found = scene.store.find(&key).await.expect("an answer").expect("a token");
        assert_eq!(
            found.expires_at.map(|end| end.unix_timestamp()),
            Some(end.unix_timestamp())
        );
        let index: i64 = scene.client.pttl(scene.index(user)).await.expect("an answer");
        let left = (end - SystemClock.now()).whole_milliseconds();
        assert!(
            (left - i128::from(index)).abs() < i128::from(MINUTE),
            "{index} is not {left}"
        );
        assert!(scene.store.delete(&key).await.expect("deleted"));
    }
    let user = Uuid::now_v7();
    for past in [OffsetDateTime::UNIX_EPOCH, SystemClock.now() - Duration::HOUR] {
        let (key, mut token) = hour(user);
        token.expires_at = Some(past);
        // Whether it is refused or is gone at once is the server's choice.
        let _inserted = scene.store.insert(&token, None).await;
        assert_eq!(scene.store.find(&key).await.expect("an answer"), None);
    }
    assert_eq!(scene.keys().await, [], "nothing is left");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn one_of_two_tokens_of_the_same_instant_is_the_older() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (_, first) = hour(user);
    scene.store.insert(&first, None).await.expect("inserted");
    let mut ids = vec![first.id];
    for _ in 0..4 {
        let (_, mut token) = hour(user);
        token.created_at = first.created_at;
        scene.store.insert(&token, None).await.expect("inserted");
        ids.insert(0, token.id);
    }
    let list = async || -> Vec<TokenId> {
        let list = scene.store.list(&user, 0).await.expect("a list");
        list.iter().map(|token| token.id).collect()
    };
    assert_eq!(list().await, ids);
    let (_, mut last) = hour(user);
    last.created_at = first.created_at;
    scene
        .store
        .insert(&last, NonZeroU32::new(3).map(Cap::new))
        .await
        .expect("inserted");
    assert_eq!(list().await, [last.id, ids[0], ids[1]]);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_token_of_another_system_is_adopted_and_found_without_a_tag() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let foreign = TokenLookup::new("GJVoaIZSOvs4-2kAmcYRoZKDyRw24VDNxlXtcPJXRPc");
    assert_eq!(foreign.tag, None);
    let (_, mut token) = hour(user);
    token.digest = foreign.digest;
    assert_eq!(scene.store.find(&foreign).await.expect("an answer"), None);
    scene
        .store
        .touch(&foreign, token.created_at, None)
        .await
        .expect("nothing to touch");
    assert!(!scene.store.delete(&foreign).await.expect("nothing to delete"));

    scene.store.adopt(&token).await.expect("adopted");
    assert_eq!(
        scene.store.find(&foreign).await.expect("an answer"),
        Some(token.clone())
    );
    assert!(
        scene.keys().await.iter().all(|(_, left)| *left > 0),
        "each key expires"
    );
    let again = scene.store.adopt(&token).await;
    assert!(matches!(again, Err(InsertTokenError::DigestTaken)), "{again:?}");
    let mut thief = token.clone();
    (thief.user_id, thief.id) = (Uuid::now_v7(), TokenId::generate());
    let theft = scene.store.adopt(&thief).await;
    assert!(matches!(theft, Err(InsertTokenError::DigestTaken)), "{theft:?}");

    let used = token.last_used_at + Duration::MINUTE;
    token.expires_at = Some(used + Duration::minutes(30));
    let touched = scene.store.touch(&foreign, used, token.expires_at).await;
    touched.expect("touched");
    token.last_used_at = used;
    assert_eq!(scene.store.list(&user, 0).await.expect("a list"), [token]);
    assert!(scene.store.delete(&foreign).await.expect("an answer"));
    assert_eq!(scene.store.find(&foreign).await.expect("an answer"), None);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn stores_of_other_prefixes_do_not_see_each_others_tokens() {
    let url = server::url("TEST_REDIS_URL");
    let redis: Redis = server::redis(&url).await;
    let user = Uuid::now_v7();
    let prefix = server::prefix();
    let store = |end: &str| {
        let prefix = format!("{prefix}{end}");
        RedisAccessTokenStore::<Uuid>::new(Redis::from(&redis).prefix(&prefix).expect("a prefix"))
    };
    let (one, other) = (store("a:"), store("a:b:"));
    let (key, token) = hour(user);
    one.insert(&token, None).await.expect("inserted");
    assert_eq!(other.find(&key).await.expect("an answer"), None);
    assert_eq!(other.delete_all(&user).await.expect("an answer"), 0);
    other.insert(&token, None).await.expect("there it is new");
    assert_eq!(one.delete_all(&user).await.expect("an answer"), 1);
    assert!(other.find(&key).await.expect("an answer").is_some());
}
