//! Cached users, over the cache in memory.

mod faults;

use std::sync::Arc;

use auth_core::{
    CachedUsers, NewUser, UserStore as _,
    conformance::{UserCacheFixture, UserFixture},
    memory::MemoryUserStore,
};
use auth_users::MemoryUserCache;
use time::OffsetDateTime;
use uuid::Uuid;

struct Caches(Arc<MemoryUserCache<Uuid, String>>);

impl UserCacheFixture for Caches {
    type Cache = MemoryUserCache<Uuid, String>;

    fn cache(&self) -> Arc<Self::Cache> {
        Arc::clone(&self.0)
    }

    async fn another_process(&self) -> Arc<Self::Cache> {
        self.cache()
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Cache>> {
        None
    }
}

async fn caches() -> Caches {
    Caches(Arc::new(MemoryUserCache::new(100)))
}

auth_core::user_cache_conformance!(caches);

struct Users(Arc<CachedUsers>);

impl UserFixture for Users {
    type Id = Uuid;
    type Profile = ();
    type Store = CachedUsers;

    fn store(&self) -> Arc<CachedUsers> {
        Arc::clone(&self.0)
    }

    async fn another_process(&self) -> Arc<CachedUsers> {
        self.store()
    }

    async fn out_of_reach(&self) -> Option<Arc<CachedUsers>> {
        None
    }

    fn profile(&self, _n: u32) {}
}

mod users {
    use super::{Arc, CachedUsers, MemoryUserCache, MemoryUserStore, Users};

    async fn users() -> Users {
        let (store, cache) = (MemoryUserStore::new(), MemoryUserCache::new(100));
        Users(Arc::new(CachedUsers::new(Arc::new(store), Arc::new(cache))))
    }

    auth_core::user_store_conformance!(users);
}

#[tokio::test]
async fn it_holds_no_more_users_than_its_capacity_and_finds_all_of_them() {
    let store = Arc::new(MemoryUserStore::<Uuid, ()>::new());
    let cache = Arc::new(MemoryUserCache::new(10));
    let users = CachedUsers::new(store, cache.clone());
    let mut ids = Vec::new();
    for n in 0..100 {
        let email = format!("user{n}@example.com").parse().expect("an e-mail");
        let new = NewUser::new(email, (), OffsetDateTime::UNIX_EPOCH);
        ids.push(users.insert(new).await.expect("a free address").id);
    }
    for _time in 0..3 {
        for id in &ids {
            let found = users.find(id).await.expect("in memory").expect("a user");
            assert_eq!(found.id, *id);
        }
    }
    let printed = format!("{cache:?}");
    assert_eq!(printed, "MemoryUserCache { users: 10, capacity: 10 }");
}
