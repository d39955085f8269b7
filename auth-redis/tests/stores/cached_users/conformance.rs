//! A cached store keeps every promise of a store.

use std::sync::Arc;

use auth_core::{
    CachedUsers, SigningSecret, UserStore as _,
    conformance::{UserCacheFixture, UserFixture},
    memory::MemoryUserStore,
};
use auth_redis::RedisUserCache;
use uuid::Uuid;

use super::{Cached, Member, Store, cache};
use crate::server;

struct Fixture {
    store: Arc<Store>,
    node: Arc<Cached>,
    url: String,
    prefix: String,
    secret: SigningSecret,
}

impl Fixture {
    async fn on(variable: &str) -> Self {
        let (url, prefix) = (server::url(variable), server::prefix());
        let secret = SigningSecret::generate().expect("a secret");
        let store: Arc<Store> = Arc::default();
        let node = node(&store, &url, &prefix, &secret).await;
        Self {
            store,
            node,
            url,
            prefix,
            secret,
        }
    }
}

async fn node(store: &Arc<Store>, url: &str, prefix: &str, secret: &SigningSecret) -> Arc<Cached> {
    let redis = server::unconnected(url, prefix).await;
    redis.ping().await.expect("a connection");
    Arc::new(CachedUsers::new(store.clone(), cache(&redis, secret)))
}

impl UserFixture for Fixture {
    type Id = Uuid;
    type Profile = Member;
    type Store = Cached;

    fn store(&self) -> Arc<Cached> {
        Arc::clone(&self.node)
    }

    async fn another_process(&self) -> Arc<Cached> {
        node(&self.store, &self.url, &self.prefix, &self.secret).await
    }

    /// The store is in this memory. `faults` takes the cache away.
    async fn out_of_reach(&self) -> Option<Arc<Cached>> {
        None
    }

    fn profile(&self, n: u32) -> Member {
        Member::sample(n)
    }
}

mod users {
    async fn fixture() -> super::Fixture {
        super::Fixture::on("TEST_REDIS_URL").await
    }

    auth_core::user_store_conformance!(fixture, #[ignore = "needs Redis"]);
}

/// The cache alone.
struct Caches {
    cache: Arc<RedisUserCache<Uuid, String>>,
    url: String,
    prefix: String,
    secret: SigningSecret,
}

impl Caches {
    async fn on(variable: &str) -> Self {
        let (url, prefix) = (server::url(variable), server::prefix());
        let secret = SigningSecret::generate().expect("a secret");
        let redis = server::redis_with(&url, &prefix).await;
        Self {
            cache: Arc::new(RedisUserCache::new(redis, &secret)),
            url,
            prefix,
            secret,
        }
    }
}

impl UserCacheFixture for Caches {
    type Cache = RedisUserCache<Uuid, String>;

    fn cache(&self) -> Arc<Self::Cache> {
        Arc::clone(&self.cache)
    }

    async fn another_process(&self) -> Arc<Self::Cache> {
        let redis = server::unconnected(&self.url, &self.prefix).await;
        redis.ping().await.expect("a connection");
        Arc::new(RedisUserCache::new(redis, &self.secret))
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Cache>> {
        let redis = crate::fixture::out_of_reach().await;
        Some(Arc::new(RedisUserCache::new(redis, &self.secret)))
    }
}

mod cache {
    async fn fixture() -> super::Caches {
        super::Caches::on("TEST_REDIS_URL").await
    }

    auth_core::user_cache_conformance!(fixture, #[ignore = "needs Redis"]);
}

mod cluster {
    async fn fixture() -> super::Caches {
        super::Caches::on("TEST_REDIS_CLUSTER_URL").await
    }

    auth_core::user_cache_conformance!(fixture, #[ignore = "needs Redis Cluster"]);
}

mod sentinel {
    async fn fixture() -> super::Caches {
        super::Caches::on("TEST_REDIS_SENTINEL_URL").await
    }

    auth_core::user_cache_conformance!(fixture, #[ignore = "needs Redis Sentinel"]);
}

/// Ids that a shell, a cluster or a format could take for something else.
#[tokio::test]
#[ignore = "needs Redis"]
async fn a_user_of_any_id_is_cached_as_itself() {
    use crate::fixture::{ReaderId, SampleId};

    async fn check<Id: SampleId>() {
        let redis = server::redis(&server::url("TEST_REDIS_URL")).await;
        let store: Arc<MemoryUserStore<Id, Member>> = Arc::default();
        let secret = SigningSecret::generate().expect("a secret");
        let cache = auth_redis::RedisUserCache::<Id, Member>::new(redis, &secret);
        let cached = CachedUsers::new(store.clone(), Arc::new(cache));
        for n in 0..3 {
            let new = super::new_user(n);
            let mut user = auth_core::NewUser::<Id, Member>::new(new.email, new.profile, new.created_at);
            user.id = Some(Id::sample());
            let mut user = cached.insert(user).await.expect("inserted");
            let found = cached.find(&user.id).await.expect("an answer").expect("a user");
            assert_eq!(format!("{found:?}"), format!("{user:?}"));
            let before = user.clone();
            user.is_superuser = true;
            store.update(&user).await.expect("written past the cache");
            let found = cached.find(&user.id).await.expect("an answer").expect("a user");
            assert_eq!(format!("{found:?}"), format!("{before:?}"), "it is cached");
        }
    }

    check::<Uuid>().await;
    check::<i64>().await;
    check::<String>().await;
    check::<ReaderId>().await;
}
