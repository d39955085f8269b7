//! The near cache: what one node remembers, and how soon it forgets what another node changed.

mod faults;
mod stopped;
mod stores;
mod users;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth_core::{AccessTokenStore as _, TokenLookup};
use auth_redis::{NearCache, NearCacheStats, Redis, RedisAccessTokenStore};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::{
    server::{self, until},
    token::hour,
};

pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// A node with a near cache, which is used already.
pub(crate) struct Node {
    pub(crate) redis: Redis,
    pub(crate) tokens: Arc<RedisAccessTokenStore<Uuid>>,
}

impl Node {
    pub(crate) async fn on(url: &str, prefix: &str) -> Self {
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

    pub(crate) fn stats(&self) -> NearCacheStats {
        self.redis.near_cache_stats().expect("a near cache")
    }

    pub(crate) async fn is_used(&self) {
        until("the near cache is used", async || self.stats().is_used).await;
    }

    async fn is_valid(&self, key: &TokenLookup) -> bool {
        self.tokens.find(key).await.expect("an answer").is_some()
    }

    /// Whether the log-in of `key` is answered from memory.
    pub(crate) async fn remembers(&self, key: &TokenLookup) -> bool {
        let found = self.tokens.find(key).await.expect("an answer");
        found.is_some_and(|token| token.provenance.may_be_behind)
    }

    /// How long after `since` the log-in of `key` was let in for the last time, if that is asked for two leases.
    pub(crate) async fn last_let_in(&self, key: &TokenLookup, since: Instant) -> Duration {
        let mut last = Duration::ZERO;
        while since.elapsed() < 2 * LEASE {
            let asked = since.elapsed();
            let answer = timeout(Duration::from_millis(5), self.tokens.find(key)).await;
            if matches!(answer, Ok(Ok(Some(_)))) {
                last = asked;
            }
            sleep(Duration::from_millis(2)).await;
        }
        last
    }

    /// A log-in of a new user, which this node remembers.
    async fn log_in(&self) -> TokenLookup {
        let (key, token) = hour(Uuid::now_v7());
        self.tokens.insert(&token, None).await.expect("inserted");
        self.learns(&key).await;
        key
    }

    pub(crate) async fn learns(&self, key: &TokenLookup) {
        until("the log-in is remembered", async || self.remembers(key).await).await;
    }
}
