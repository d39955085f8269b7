//! Rows that an earlier version wrote, in JSON: a service is upgraded while its users are logged in.

use std::num::NonZeroU32;

use auth_core::{
    AccessToken, AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, Generation, RotateTokens as _,
    TokenKind, TokenLookup,
};
use auth_redis::{Client, RedisAccessTokenStore};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_support::{Fault, Proxy};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::scene::{Scene, is, scene};
use crate::{
    server::{self, Server, ask, until},
    token::{hour, token},
};

fn milliseconds(at: OffsetDateTime) -> i128 {
    at.unix_timestamp_nanos() / 1_000_000
}

impl Scene {
    /// Writes `token` as an earlier version did.
    async fn insert_in_json(&self, key: &TokenLookup, token: &AccessToken<Uuid>) {
        let digest = URL_SAFE_NO_PAD.encode(token.digest.as_bytes());
        let created_at = milliseconds(token.created_at);
        let order = format!("{created_at:012x}4f3a2b1c");
        let end = token.expires_at.map(milliseconds);
        let (agent, address) = (&token.client.user_agent, &token.client.address);
        let value = format!(
            "{{\"last_used_at\":{:<20},\"order\":\"{order}\",\"digest\":\"{}\",\"id\":\"{}\",\"user_id\":\"{}\",\"epoch\":{},\
             \"created_at\":{created_at}{}{}{}}}",
            milliseconds(token.last_used_at),
            &digest[..11],
            token.id,
            token.user_id,
            token.epoch,
            end.map_or_else(String::new, |end| format!(",\"expires_at\":{end}")),
            agent
                .as_ref()
                .map_or_else(String::new, |agent| format!(",\"user_agent\":\"{agent}\"")),
            address
                .as_ref()
                .map_or_else(String::new, |address| format!(",\"address\":\"{address}\"")),
        );
        let (name, index) = (self.token(token.user_id, key), self.index(token.user_id));
        let end = end.map(|end| end.to_string());
        let mut commands = vec![vec!["SET", &name, &value]];
        if let Some(end) = &end {
            commands[0].extend(["PXAT", end]);
        }
        let member = order + &digest;
        commands.push(vec!["ZADD", &index, end.as_deref().unwrap_or("+inf"), &member]);
        if let Some(end) = &end {
            commands.push(vec!["PEXPIREAT", &index, end]);
        }
        for command in commands {
            ask(&self.client, &command).await.expect("written");
        }
    }

    /// A log-in of `user`, an hour long, that an earlier version wrote `ago`.
    async fn old(&self, user: Uuid, ago: Duration) -> (TokenLookup, AccessToken<Uuid>) {
        let (key, mut token) = hour(user);
        token.created_at -= ago;
        token.client.user_agent = Some("Firefox".to_owned());
        token.client.address = Some("203.0.113.7".to_owned());
        self.insert_in_json(&key, &token).await;
        (key, token)
    }

    /// The members of the index of `user`.
    async fn members(&self, user: Uuid) -> Vec<String> {
        let members = ask(&self.client, &["ZRANGE", &self.index(user), "0", "-1"]).await;
        members.expect("an index").convert().expect("members")
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_old_row_is_found_listed_and_ended_beside_new_ones() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (old_key, old) = scene.old(user, Duration::minutes(2)).await;
    let (new_key, mut new) = hour(user);
    new.created_at -= Duration::MINUTE;
    scene.store.insert(&new, None).await.expect("inserted");
    let (newest_key, newest) = scene.old(user, Duration::ZERO).await;
    for (key, token) in [(&old_key, &old), (&new_key, &new), (&newest_key, &newest)] {
        assert_eq!(
            scene.store.find(key).await.expect("an answer").as_ref(),
            Some(token)
        );
    }
    let list = async || scene.store.list(&user, 0).await.expect("a list");
    assert_eq!(list().await, [newest.clone(), new.clone(), old.clone()]);

    assert!(scene.store.delete(&old_key).await.expect("deleted"));
    assert_eq!(list().await, [newest.clone(), new.clone()]);
    assert!(scene.store.delete_by_id(&user, newest.id).await.expect("deleted"));
    assert_eq!(list().await, [new]);
    assert_eq!(scene.members(user).await.len(), 1, "the index forgot them");
    scene.old(user, Duration::ZERO).await;
    assert_eq!(scene.store.delete_all(&user).await.expect("deleted"), 2);
    assert_eq!(scene.keys().await, []);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_old_row_counts_among_the_cap_of_every_backend() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (oldest, _) = scene.old(user, Duration::minutes(3)).await;
    let (kept, _) = scene.old(user, Duration::minutes(2)).await;
    let (elsewhere, mut token) = hour(user);
    token.created_at -= Duration::minutes(5);
    token.backend = "app".to_owned();
    scene.store.insert(&token, None).await.expect("inserted");
    let (inserted, mut token) = hour(user);
    token.backend = "web".to_owned();
    scene
        .store
        .insert(&token, NonZeroU32::new(2).map(Cap::new))
        .await
        .expect("inserted");
    assert_eq!(scene.store.find(&oldest).await.expect("an answer"), None);
    for key in [&kept, &elsewhere, &inserted] {
        assert!(scene.store.find(key).await.expect("an answer").is_some());
    }
    assert_eq!(scene.members(user).await.len(), 3);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_old_row_is_written_anew_when_it_is_changed() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (key, old) = scene.old(user, Duration::MINUTE).await;
    let at = old.created_at + Duration::minutes(2);
    let end = Some(old.created_at + Duration::minutes(31));
    scene.store.touch(&key, at, end).await.expect("touched");
    let mut expected = old;
    (expected.last_used_at, expected.expires_at) = (at, end);
    assert_eq!(
        scene.store.find(&key).await.expect("an answer").as_ref(),
        Some(&expected)
    );
    for left in scene.left(user, &key).await {
        assert!(is(left, 30), "{left}");
    }
    let digest = URL_SAFE_NO_PAD.encode(key.digest.as_bytes());
    assert_eq!(scene.members(user).await, [digest]);

    let user = Uuid::now_v7();
    let (key, for_ever) = token(user, None);
    scene.insert_in_json(&key, &for_ever).await;
    for (from, is_made) in [(1, false), (0, true), (0, false)] {
        let step = Advance::new(TokenKind::Access, from, at);
        let advanced = scene
            .store
            .advance(&key, &step)
            .await
            .expect("an answer")
            .expect("a token");
        assert_eq!(advanced.by_this_call, is_made);
    }
    let mut expected = for_ever;
    expected.last_used_at = at;
    expected.access_generation = Generation::new(1, Some(at));
    assert_eq!(scene.store.list(&user, 0).await.expect("a list"), [expected]);
    assert_eq!(scene.left(user, &key).await, [-1, -1]);
}

/// How many scripts the server ran by their digests.
async fn scripts_run(client: &Client) -> Option<u64> {
    let info = ask(client, &["INFO", "commandstats"]).await.expect("statistics");
    let info = info.as_string().expect("text");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line?.split(',').next()?.parse().ok()
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_old_row_that_was_ended_meanwhile_is_not_written_anew() {
    let server = Server::start(&[]).await;
    let url = server.url();
    let (slow, scene) = (Proxy::before(&url).await, Scene::on(&url).await);
    let far = RedisAccessTokenStore::<Uuid>::new(server::redis_with(&slow.url(&url), &scene.prefix).await);
    let user = Uuid::now_v7();
    // Now the server has all the scripts.
    let (known, old) = scene.old(user, Duration::ZERO).await;
    far.touch(&known, old.created_at, old.expires_at)
        .await
        .expect("touched");
    assert!(scene.store.delete(&known).await.expect("ended"));

    let (key, old) = scene.old(user, Duration::ZERO).await;
    let before = scripts_run(&scene.client).await;
    slow.set(Fault::HangReplies).await;
    let touch = tokio::spawn(async move { far.touch(&key, old.created_at, old.expires_at).await });
    until("the row was read", async || {
        scripts_run(&scene.client).await > before
    })
    .await;
    assert!(scene.store.delete(&key).await.expect("ended"));
    slow.set(Fault::None).await;
    touch.await.expect("an end").expect("nothing to touch");
    assert_eq!(scene.keys().await, [], "nothing was brought back");
}
