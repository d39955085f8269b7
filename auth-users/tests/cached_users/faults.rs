//! A cache or a store that fails, at each place of a read and a change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use auth_core::{
    CacheFence, CacheTicket, Cached, CachedUsers, InsertUserError, NewUser, NormalizedEmail, StoreError,
    UpdateUserError, User, UserCache, UserStore, async_trait, memory::MemoryUserStore,
};
use auth_users::MemoryUserCache;
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

/// A cache of which calls can fail.
struct Unreliable {
    cache: MemoryUserCache,
    finds: AtomicU32,
    find_fails: AtomicBool,
    fence_fails: AtomicBool,
    /// This many calls to lift a fence fail.
    failing_lifts: AtomicU32,
}

fn down<T>() -> Result<T, StoreError> {
    Err(StoreError::unreachable("cache", "it is down"))
}

#[async_trait]
impl UserCache for Unreliable {
    async fn find(&self, id: &Uuid) -> Result<Cached, StoreError> {
        self.finds.fetch_add(1, SeqCst);
        match self.find_fails.load(SeqCst) {
            true => down(),
            false => self.cache.find(id).await,
        }
    }

    async fn put(&self, ticket: CacheTicket, user: &User) -> Result<(), StoreError> {
        self.cache.put(ticket, user).await
    }

    async fn fence(&self, id: &Uuid) -> Result<CacheFence, StoreError> {
        match self.fence_fails.load(SeqCst) {
            true => down(),
            false => self.cache.fence(id).await,
        }
    }

    async fn lift(&self, id: &Uuid, fence: CacheFence, written: Option<i64>) -> Result<(), StoreError> {
        let fewer = |left: u32| left.checked_sub(1);
        match self.failing_lifts.fetch_update(SeqCst, SeqCst, fewer) {
            Ok(_) => down(),
            Err(_) => self.cache.lift(id, fence, written).await,
        }
    }
}

/// What becomes of the next change.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Made,
    /// It fails, and is made later.
    MadeLate,
    /// Nobody hears of it.
    Hangs,
}

/// A store of which a change can go wrong.
struct Store {
    users: MemoryUserStore,
    fate: std::sync::Mutex<Fate>,
    late: tokio::sync::Mutex<Option<User>>,
    reads: AtomicU32,
    /// The user that it finds instead, if it lags.
    lagging: std::sync::Mutex<Option<User>>,
}

#[async_trait]
impl UserStore for Store {
    async fn insert(&self, user: NewUser) -> Result<User, InsertUserError> {
        self.users.insert(user).await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        self.reads.fetch_add(1, SeqCst);
        if let Some(user) = self.lagging.lock().expect("no panic").clone() {
            return Ok(Some(user));
        }
        self.users.find(id).await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        self.users.find_by_email(email).await
    }

    async fn update(&self, user: &User) -> Result<(), UpdateUserError> {
        let fate = *self.fate.lock().expect("no panic");
        match fate {
            Fate::Made => self.users.update(user).await,
            Fate::MadeLate => {
                *self.late.lock().await = Some(user.clone());
                Err(StoreError::timeout("store", Duration::from_secs(2)).into())
            }
            Fate::Hangs => {
                self.users.update(user).await?;
                std::future::pending().await
            }
        }
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.users.delete(id).await
    }
}

struct Scene {
    cache: Arc<Unreliable>,
    store: Arc<Store>,
    node: CachedUsers,
    user: User,
}

impl Scene {
    /// A user whom the cache has.
    async fn new() -> Self {
        let cache = Arc::new(Unreliable {
            cache: MemoryUserCache::new(100),
            finds: AtomicU32::new(0),
            find_fails: AtomicBool::new(false),
            fence_fails: AtomicBool::new(false),
            failing_lifts: AtomicU32::new(0),
        });
        let store = Arc::new(Store {
            users: MemoryUserStore::new(),
            fate: Fate::Made.into(),
            late: None.into(),
            reads: AtomicU32::new(0),
            lagging: None.into(),
        });
        let node = CachedUsers::new(store.clone(), cache.clone());
        let email = "ada@example.com".parse().expect("an e-mail");
        let new = NewUser::new(email, (), OffsetDateTime::UNIX_EPOCH);
        let user = node.insert(new).await.expect("a free address");
        let scene = Self {
            cache,
            store,
            node,
            user,
        };
        assert_eq!(scene.found().await, Some(0));
        assert_eq!(scene.found().await, Some(0));
        assert_eq!(
            scene.store.reads.load(SeqCst),
            1,
            "the second time from the cache"
        );
        scene
    }

    /// The revision of the user that is found.
    async fn found(&self) -> Option<i64> {
        let found = self.node.find(&self.user.id).await.expect("an answer");
        found.map(|user| user.revision)
    }

    /// The same of the user as stored.
    async fn latest(&self) -> Option<i64> {
        let found = self.node.find_latest(&self.user.id).await.expect("an answer");
        found.map(|user| user.revision)
    }

    /// The number of times that the store is read for `times` requests.
    async fn reads(&self, times: u32) -> u32 {
        let before = self.store.reads.load(SeqCst);
        for _time in 0..times {
            self.found().await;
        }
        self.store.reads.load(SeqCst) - before
    }

    fn fate(&self, fate: Fate) {
        *self.store.fate.lock().expect("no panic") = fate;
    }
}

#[tokio::test]
async fn g5_a_change_that_the_cache_cannot_be_told_of_is_not_made() {
    let scene = Scene::new().await;
    scene.cache.fence_fails.store(true, SeqCst);
    let refused = scene.node.update(&scene.user).await.expect_err("not fenced");
    assert!(matches!(refused, UpdateUserError::Store(_)), "{refused}");
    scene.node.delete(&scene.user.id).await.expect_err("not fenced");
    let stored = scene.store.users.find(&scene.user.id).await.expect("an answer");
    assert_eq!(stored.map(|user| user.revision), Some(0), "as it was");
}

#[tokio::test]
async fn a_change_that_fails_and_is_made_later_is_seen_then() {
    let scene = Scene::new().await;
    scene.fate(Fate::MadeLate);
    scene
        .node
        .update(&scene.user)
        .await
        .expect_err("no answer in time");
    assert_eq!(scene.found().await, Some(0), "not yet");
    let late = scene.store.late.lock().await.take().expect("a change");
    scene.store.users.update(&late).await.expect("made late");
    assert_eq!(scene.found().await, Some(1), "nothing was cached meanwhile");
}

#[tokio::test]
async fn a_change_whose_caller_goes_away_is_seen() {
    let scene = Scene::new().await;
    scene.fate(Fate::Hangs);
    let update = scene.node.update(&scene.user);
    timeout(Duration::from_millis(20), update)
        .await
        .expect_err("the caller goes away");
    assert_eq!(scene.found().await, Some(1));
    scene.fate(Fate::Made);
    let mut user = scene.user.clone();
    user.revision = 1;
    scene.node.update(&user).await.expect("changed again");
    assert_eq!(scene.found().await, Some(2));
}

#[tokio::test]
async fn a_refused_change_leaves_the_user_to_be_cached_again() {
    let scene = Scene::new().await;
    let mut outdated = scene.user.clone();
    outdated.revision = 7;
    let refused = scene.node.update(&outdated).await.expect_err("outdated");
    assert!(matches!(refused, UpdateUserError::Conflict), "{refused}");
    assert_eq!(scene.reads(5).await, 1);
}

#[tokio::test]
async fn a_change_that_was_made_is_told_as_made_although_its_fence_cannot_be_lifted() {
    let mut scene = Scene::new().await;
    scene.cache.failing_lifts.store(2, SeqCst);
    scene.node.update(&scene.user).await.expect("made, and told");
    assert_eq!(scene.found().await, Some(1));
    scene.cache.failing_lifts.store(u32::MAX, SeqCst);
    scene.user.revision = 1;
    scene.node.update(&scene.user).await.expect("made, and told");
    assert_eq!(scene.found().await, Some(2), "the fence still stands");
    assert!(scene.node.delete(&scene.user.id).await.expect("made, and told"));
    assert_eq!(scene.found().await, None);
}

#[tokio::test]
async fn whoever_asks_for_the_latest_user_drops_an_older_one_from_the_cache() {
    let scene = Scene::new().await;
    let past_the_cache = scene.store.users.update(&scene.user);
    past_the_cache.await.expect("changed");
    assert_eq!(scene.found().await, Some(0), "it is cached");
    assert_eq!(scene.latest().await, Some(1));
    assert_eq!(scene.found().await, Some(1));
}

#[tokio::test]
async fn whoever_asks_for_the_latest_user_keeps_nobody_from_caching_it() {
    let scene = Scene::new().await;
    scene.node.update(&scene.user).await.expect("changed");
    assert_eq!(scene.latest().await, Some(1));
    assert_eq!(scene.reads(5).await, 0, "it was put");
}

#[tokio::test]
async fn whoever_asks_for_the_latest_user_leaves_a_cache_alone_that_fails() {
    let scene = Scene::new().await;
    scene.cache.find_fails.store(true, SeqCst);
    let before = scene.cache.finds.load(SeqCst);
    for _request in 0..50 {
        assert_eq!(scene.latest().await, Some(0));
    }
    assert_eq!(scene.cache.finds.load(SeqCst), before + 1, "asked once");
}

#[tokio::test]
async fn a_cache_that_fails_is_left_alone_for_a_moment_and_then_asked_again() {
    let scene = Scene::new().await;
    scene.cache.find_fails.store(true, SeqCst);
    let before = scene.cache.finds.load(SeqCst);
    assert_eq!(scene.reads(50).await, 50, "from the store");
    assert_eq!(scene.cache.finds.load(SeqCst), before + 1, "asked once");
    scene.cache.find_fails.store(false, SeqCst);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.reads(5).await, 0, "it still has the user");
}

#[tokio::test]
async fn the_latest_user_is_not_older_than_the_cached_one_if_the_store_lags() {
    let scene = Scene::new().await;
    scene.node.update(&scene.user).await.expect("made");
    assert_eq!(scene.found().await, Some(1));
    *scene.store.lagging.lock().expect("no panic") = Some(scene.user.clone());
    let latest = scene.node.find_latest(&scene.user.id).await.expect("an answer");
    assert_eq!(latest.expect("a user").revision, 1);
}
