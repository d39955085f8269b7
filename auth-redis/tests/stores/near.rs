//! The near cache: what one node remembers, and how soon it forgets what another node changed.

mod faults;
mod stores;

use std::{sync::Arc, time::Duration};

use auth_core::{AccessTokenStore as _, TokenLookup};
use auth_redis::{NearCache, NearCacheStats, Redis, RedisAccessTokenStore};
use uuid::Uuid;

use crate::{
    server::{self, until},
    token::hour,
};

const LEASE: Duration = Duration::from_secs(1);

/// A node with a near cache, which is used already.
struct Node {
    redis: Redis,
    tokens: Arc<RedisAccessTokenStore<Uuid>>,
}

impl Node {
    async fn on(url: &str, prefix: &str) -> Self {
        let near = NearCache::new(1 << 20)
            .expect("room")
            .lease(LEASE)
            .expect("a lease");
        let redis = server::redis_with(url, prefix).await;
        let redis = redis.near_cache(near).expect("a thread");
        let tokens = Arc::new(RedisAccessTokenStore::new(&redis));
        let node = Self { redis, tokens };
        node.is_used().await;
        node
    }

    fn stats(&self) -> NearCacheStats {
        self.redis.near_cache_stats().expect("a near cache")
    }

    async fn is_used(&self) {
        until("the near cache is used", async || self.stats().is_used).await;
    }

    async fn is_valid(&self, key: &TokenLookup) -> bool {
        self.tokens.find(key).await.expect("an answer").is_some()
    }

    /// Whether the log-in of `key` is answered from memory.
    async fn remembers(&self, key: &TokenLookup) -> bool {
        let found = self.tokens.find(key).await.expect("an answer");
        found.is_some_and(|token| token.origin.may_be_behind)
    }

    /// A log-in of a new user, which this node remembers.
    async fn log_in(&self) -> TokenLookup {
        let (key, token) = hour(Uuid::now_v7());
        self.tokens.insert(&token, None).await.expect("inserted");
        self.learns(&key).await;
        key
    }

    async fn learns(&self, key: &TokenLookup) {
        until("the log-in is remembered", async || self.remembers(key).await).await;
    }
}
