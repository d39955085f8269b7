//! Users in a near cache.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth_core::{
    AccessTokenStore as _, CacheMark, Cached, CachedUsers, LoadedUser, NewUser, SigningSecret, User,
    UserCache as _, UserStore as _, conformance::UserCacheFixture, memory::MemoryUserStore,
};
use auth_redis::{Redis, RedisUserCache, fred::interfaces::KeysInterface as _};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{LEASE, Node};
use crate::{
    server::{self, until},
    token::hour,
};

/// An invalidation and the answer to a call race, so one round shows little.
const ROUNDS: usize = 50;

type Cache = RedisUserCache<Uuid, String>;

fn user() -> User<Uuid, String> {
    let email = "ada@example.com".parse().expect("an e-mail");
    User::new(
        Uuid::now_v7(),
        email,
        "Ada".to_owned(),
        OffsetDateTime::UNIX_EPOCH,
    )
}

async fn put(cache: &Cache, user: &User<Uuid, String>) {
    let Cached::Miss(Some(ticket)) = cache.find(&user.id).await.expect("an answer") else {
        panic!("somebody is there")
    };
    cache.put(ticket, user).await.expect("put");
}

async fn is_found(cache: &Cache, user: &User<Uuid, String>) -> bool {
    matches!(cache.find(&user.id).await, Ok(Cached::Hit(_)))
}

/// A cache with a near cache, and one without on the same keys.
struct Scene {
    node: Node,
    cache: Cache,
    plain: Cache,
    prefix: String,
    secret: SigningSecret,
}

impl Scene {
    async fn new() -> Self {
        let (url, prefix) = (server::url("TEST_REDIS_URL"), server::prefix());
        let secret = SigningSecret::generate().expect("a secret");
        let node = Node::on(&url, &prefix).await;
        let cache = Cache::new(&node.redis, &secret);
        let plain = Cache::new(server::redis_with(&url, &prefix).await, &secret);
        Self {
            node,
            cache,
            plain,
            prefix,
            secret,
        }
    }

    /// Whether the node has the user in its memory.
    async fn remembers(&self, user: &User<Uuid, String>) -> bool {
        let before = self.node.stats().hits;
        is_found(&self.cache, user).await && self.node.stats().hits > before
    }

    async fn learns(&self, user: &User<Uuid, String>) {
        until("the user is remembered", async || self.remembers(user).await).await;
    }

    /// The key of a cached user.
    fn key(&self, user: &User<Uuid, String>) -> String {
        let tag = auth_core::ShardTag::for_user(&user.id).get();
        format!("{}{{{tag:04x}}}:c:{}", self.prefix, user.id)
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_node_sees_its_own_change_of_a_user_at_once() {
    let scene = Scene::new().await;
    for round in 0..ROUNDS {
        let user = user();
        put(&scene.plain, &user).await;
        scene.learns(&user).await;
        let fence = scene.cache.fence(&user.id).await.expect("a fence");
        assert!(!is_found(&scene.cache, &user).await, "round {round}");
        scene.cache.lift(&user.id, fence, None).await.expect("lifted");
        assert!(!is_found(&scene.cache, &user).await, "round {round}");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn whom_a_reader_cached_behind_a_lost_fence_the_node_forgets_as_it_lifts_that() {
    let scene = Scene::new().await;
    let client = server::client(&server::url("TEST_REDIS_URL")).await;
    for round in 0..ROUNDS {
        let user = user();
        let fence = scene.cache.fence(&user.id).await.expect("a fence");
        let _lost: i64 = client.del(scene.key(&user)).await.expect("lost");
        put(&scene.plain, &user).await;
        scene.learns(&user).await;
        scene.cache.lift(&user.id, fence, Some(7)).await.expect("lifted");
        assert!(!is_found(&scene.cache, &user).await, "round {round}");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn g2_another_node_sees_a_change_of_a_user_within_the_lease() {
    let scene = Scene::new().await;
    let store: Arc<MemoryUserStore<Uuid, String>> = Arc::default();
    let writer = CachedUsers::new(store.clone(), Arc::new(scene.plain));
    let reader = CachedUsers::new(store, Arc::new(scene.cache));
    let ada = user();
    let new = NewUser::new(ada.email, ada.profile, ada.created_at);
    let mut user = writer.insert(new).await.expect("inserted");
    let found = async || {
        let found = reader.find(&user.id).await.expect("an answer");
        found.expect("a user").revision
    };
    for round in 1..=20 {
        let before = scene.node.stats().hits;
        until("the user is remembered", async || {
            found().await;
            scene.node.stats().hits > before
        })
        .await;
        let mut changed = user.clone();
        changed.revision = round - 1;
        changed.security_epoch = round;
        writer.update(&changed).await.expect("written");
        let answered = Instant::now();
        let mut last = Duration::ZERO;
        while found().await < round {
            last = answered.elapsed();
        }
        assert!(last <= LEASE, "{last:?}");
    }
    user.revision = 20;
    assert!(writer.delete(&user.id).await.expect("deleted"));
    until("the end is seen", async || {
        reader.find(&user.id).await.expect("an answer").is_none()
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn g4_whoever_is_inactive_or_unknown_is_looked_up_on_the_server_each_time() {
    let scene = Scene::new().await;
    let (mut locked_out, tokens) = (user(), scene.cache.access_tokens());
    locked_out.is_active = false;
    put(&scene.plain, &locked_out).await;
    let before = scene.node.stats().hits;
    for _request in 0..5 {
        assert!(is_found(&scene.cache, &locked_out).await);
    }
    assert_eq!(scene.node.stats().hits, before, "the user alone");
    let (key, token) = hour(locked_out.id);
    assert_eq!(tokens.find(&key).await.expect("an answer"), None);
    scene.node.tokens.insert(&token, None).await.expect("inserted");
    for _request in 0..5 {
        let found = tokens.find(&key).await.expect("an answer").expect("a log-in");
        assert!(found.provenance.loaded_user.is_some() && !found.provenance.may_be_behind);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_user_is_remembered_no_longer_than_the_cache_keeps_it() {
    let scene = Scene::new().await;
    let short = |redis: &Redis| {
        let cache = Cache::new(redis, &scene.secret);
        cache.keep_for(Duration::from_secs(1)).expect("a second")
    };
    let (user, cache) = (user(), short(&scene.node.redis));
    put(&cache, &user).await;
    let begin = Instant::now();
    let client = server::client(&server::url("TEST_REDIS_URL")).await;
    // The end of the key would be told.
    let _stays: bool = client.persist(scene.key(&user)).await.expect("an answer");
    scene.learns(&user).await;
    until("its time is over", async || !is_found(&cache, &user).await).await;
    assert!(begin.elapsed() <= Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_user_from_another_cache_is_not_accepted() {
    let pool = auth_redis::connect("redis://127.0.0.1:1").await.expect("a pool");
    let secret = SigningSecret::generate().expect("a secret");
    let (cache, user) = (Arc::new(Cache::new(pool, &secret)), user());
    let own = cache.mark().expect("a mark").clone();
    let store: Arc<MemoryUserStore<Uuid, String>> = Arc::default();
    let users = CachedUsers::new(store, cache);
    let accepts = |mark| users.accept_loaded(LoadedUser::new(user.clone(), mark), &user.id);
    assert!(accepts(own).is_some());
    assert!(accepts(CacheMark::new()).is_none());
}

/// A cache whose every promise holds on the node itself.
struct Fixture(Arc<Cache>, SigningSecret);

impl UserCacheFixture for Fixture {
    type Cache = Cache;

    fn cache(&self) -> Arc<Cache> {
        Arc::clone(&self.0)
    }

    /// Another process would see changes a moment later.
    async fn another_process(&self) -> Arc<Cache> {
        self.cache()
    }

    async fn out_of_reach(&self) -> Option<Arc<Cache>> {
        let redis = crate::fixture::out_of_reach().await;
        Some(Arc::new(Cache::new(redis, &self.1)))
    }
}

mod conformance {
    use super::{Arc, Fixture, Scene};

    async fn fixture() -> Fixture {
        let scene = Scene::new().await;
        Fixture(Arc::new(scene.cache), scene.secret)
    }

    auth_core::user_cache_conformance!(fixture, #[ignore = "needs Redis"]);
}
