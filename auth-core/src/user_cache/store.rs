use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

use super::{CacheFence, Cached, UserCache, health::Health};
use crate::{
    InsertUserError, NewUser, NormalizedEmail, Profile, StoreError, UpdateUserError, User, UserId, UserStore,
};

/// The pauses before further attempts to lift the fence of a change that was made.
const LIFT_AGAIN: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_millis(700),
];

/// A store of users that reads from a [`UserCache`] what it can, and is as up to date as the store behind it.
///
/// ```
/// # use std::sync::Arc;
/// use portcullis::{
///     CachedUsers, SigningSecret,
///     users::{MemoryUserCache, UserManager},
/// };
/// # use portcullis::testing::memory::MemoryUserStore;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store: Arc<MemoryUserStore> = Arc::default();
/// # let secret = SigningSecret::generate()?;
///
/// let cached = CachedUsers::new(store, Arc::new(MemoryUserCache::new(10_000)));
/// let users = UserManager::builder(Arc::new(cached), &secret).build()?;
/// # drop(users);
/// # Ok(())
/// # }
/// ```
///
/// [`find`](UserStore::find) asks the cache first. A look-up by e-mail, as a log-in makes it, goes to the store.
///
/// **A change is seen at once, on every node, if it is made through this type.** [`update`](UserStore::update) and
/// [`delete`](UserStore::delete) drop the cached user before they write and once more afterwards, and nothing is cached
/// meanwhile.
///
/// # When the cache is down
///
/// Reads go to the store: slower, and never wrong. After a failed call they leave the cache alone for a second, so that a cache
/// that hangs does not hold up each of them.
///
/// A change fails and writes nothing, since a user who is locked out must not stay in by the cache. That also holds for
/// [`delete`](UserStore::delete). If the cache fails after the write and does not come back within a second, the change returns
/// an error although it is in the store.
///
/// A call of the store must end within 30 seconds, also in the database: a write that was given up and happens later than that
/// is not seen while the cache keeps the user. The stores of this library give up after a few seconds. And the store must read its
/// own writes: a replica that lags would put an old user into the cache.
///
/// # Security
/// Another program that writes to the table of users must do so through this type, too. A cached user hides its changes
/// for as long as the cache keeps it, and a change that does not raise the revision can be overwritten.
pub struct CachedUsers<Id = Uuid, P = ()> {
    store: Arc<dyn UserStore<Id, P>>,
    cache: Arc<dyn UserCache<Id, P>>,
    health: Health,
}

impl<Id: UserId, P: Profile> CachedUsers<Id, P> {
    /// Reads from `cache` what it can, and from `store` the rest. Every node must use the same cache, and no node may write
    /// to the store without it.
    #[must_use]
    pub fn new(store: Arc<dyn UserStore<Id, P>>, cache: Arc<dyn UserCache<Id, P>>) -> Self {
        Self {
            store,
            cache,
            health: Health::new(),
        }
    }

    async fn fence(&self, id: &Id) -> Result<CacheFence, StoreError> {
        self.health.note(self.cache.fence(id).await)
    }

    /// Removes the fence of a write that did nothing. If that fails, the fence falls by itself.
    async fn unfence(&self, id: &Id, fence: CacheFence) {
        let _lifted = self.health.note(self.cache.lift(id, fence).await);
    }

    /// Removes the fence of a write that was made. An error would hide from the caller that it was made, so this tries hard.
    async fn publish(&self, id: &Id, fence: CacheFence) -> Result<(), StoreError> {
        let mut lifted = self.health.note(self.cache.lift(id, fence).await);
        for pause in LIFT_AGAIN {
            if lifted.is_ok() {
                break;
            }
            tokio::time::sleep(pause).await;
            lifted = self.health.note(self.cache.lift(id, fence).await);
        }
        lifted
    }
}

#[async_trait]
impl<Id: UserId, P: Profile> UserStore<Id, P> for CachedUsers<Id, P> {
    async fn insert(&self, user: NewUser<Id, P>) -> Result<User<Id, P>, InsertUserError> {
        // No cache has a user that did not exist: only what is found is cached.
        self.store.insert(user).await
    }

    async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError> {
        if self.health.is_resting() {
            return self.store.find(id).await;
        }
        let ticket = match self.health.note(self.cache.find(id).await) {
            Ok(Cached::Hit(user)) => return Ok(Some(user)),
            Ok(Cached::Miss(ticket)) => ticket,
            Err(_down) => None,
        };
        let found = self.store.find(id).await?;
        if let (Some(ticket), Some(user)) = (ticket, &found) {
            let _put = self.health.note(self.cache.put(ticket, user).await);
        }
        Ok(found)
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError> {
        self.store.find_by_email(email).await
    }

    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError> {
        let fence = self.fence(&user.id).await?;
        match self.store.update(user).await {
            Ok(()) => Ok(self.publish(&user.id, fence).await?),
            // The write may still happen, so the fence stays.
            Err(UpdateUserError::Store(error)) => Err(error.into()),
            Err(refused) => {
                self.unfence(&user.id, fence).await;
                Err(refused)
            }
        }
    }

    async fn delete(&self, id: &Id) -> Result<bool, StoreError> {
        let fence = self.fence(id).await?;
        let deleted = self.store.delete(id).await?;
        self.publish(id, fence).await?;
        Ok(deleted)
    }
}

impl<Id, P> fmt::Debug for CachedUsers<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedUsers")
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}
