//! Stores on a server, and a look at its keys.

use auth_core::{ShardTag, TokenLookup};
use auth_redis::{
    Client, Redis, RedisAccessTokenStore, RedisSessionStore, fred::interfaces::KeysInterface as _,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::server::{self, ask};

pub(crate) const MINUTE: i64 = 60_000;

pub(crate) struct Scene {
    pub(crate) client: Client,
    pub(crate) prefix: String,
    pub(crate) redis: Redis,
    pub(crate) store: RedisAccessTokenStore<Uuid>,
    pub(crate) sessions: RedisSessionStore<Uuid>,
}

pub(crate) async fn scene() -> Scene {
    Scene::on(&server::url("TEST_REDIS_URL")).await
}

impl Scene {
    pub(crate) async fn on(url: &str) -> Self {
        let prefix = server::prefix();
        let redis = server::redis_with(url, &prefix).await;
        Self {
            client: server::client(url).await,
            store: RedisAccessTokenStore::new(&redis),
            sessions: RedisSessionStore::new(&redis),
            redis,
            prefix,
        }
    }

    /// The keys of this test and how many milliseconds they live on, -1 for ever.
    pub(crate) async fn keys(&self) -> Vec<(String, i64)> {
        let pattern = format!("{}*", self.prefix);
        let names = ask(&self.client, &["KEYS", &pattern]).await.expect("keys");
        let names: Vec<String> = names.convert().expect("names");
        let mut keys = Vec::new();
        for name in names {
            let left = self.client.pttl(&name).await.expect("a time to live");
            keys.push((name[self.prefix.len()..].to_owned(), left));
        }
        keys.sort();
        keys
    }

    pub(crate) fn index(&self, user: Uuid) -> String {
        format!(
            "{}{{{:04x}}}:u:{user}",
            self.prefix,
            ShardTag::for_user(&user).get()
        )
    }

    pub(crate) async fn index_size(&self, user: Uuid) -> i64 {
        let size = ask(&self.client, &["ZCARD", &self.index(user)])
            .await
            .expect("a size");
        size.as_i64().expect("a number")
    }

    /// The key of a token.
    pub(crate) fn token(&self, user: Uuid, key: &TokenLookup) -> String {
        let digest = URL_SAFE_NO_PAD.encode(key.digest.as_bytes());
        format!(
            "{}{{{:04x}}}:t:{digest}",
            self.prefix,
            ShardTag::for_user(&user).get()
        )
    }

    /// The milliseconds that key and index of a token live on, -1 for ever.
    pub(crate) async fn left(&self, user: Uuid, key: &TokenLookup) -> [i64; 2] {
        let names = [self.token(user, key), self.index(user)];
        let mut left = [0; 2];
        for (left, name) in left.iter_mut().zip(names) {
            *left = self.client.pttl(name).await.expect("a time to live");
        }
        left
    }
}

/// True if `left` milliseconds are `minutes`, of which at most one has gone by.
pub(crate) fn is(left: i64, minutes: i64) -> bool {
    ((minutes - 1) * MINUTE..=minutes * MINUTE).contains(&left)
}
