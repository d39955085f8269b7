use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use uuid::Uuid;

use super::{CacheFence, CacheTicket, Cached, UserCache, health::Health};
use crate::metrics::{CACHE_DROPS, CACHE_LOOKUPS, Tally};
use crate::{
    InsertUserError, LoadedUser, NewUser, NormalizedEmail, Profile, StoreError, UpdateUserError, User,
    UserId, UserStore,
};

/// For how long it is tried to lift the fence of a change that was made, and the pause between two attempts.
const LIFT_FOR: Duration = Duration::from_secs(1);
const LIFT_AGAIN: Duration = Duration::from_millis(100);

/// A store of users that reads from a [`UserCache`] what it can, and is as up to date as that cache promises.
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
/// [`delete`](UserStore::delete). If the cache fails after the write, the change is made all the same, and the
/// user is read from the store until the fence falls: five minutes after the last change at the latest.
///
/// # What it asks of the store
///
/// A write that the store has given up must happen within five minutes, or never. Users are cached as the store reads them: one
/// that lags can show an older user than the last change, but not one of before a change through this type.
///
/// # Security
/// Another program that writes to the table of users must do so through this type, too. A cached user hides its changes
/// for as long as the cache keeps it, and a change that does not raise the revision can be overwritten.
pub struct CachedUsers<Id = Uuid, P = ()> {
    store: Arc<dyn UserStore<Id, P>>,
    cache: Arc<dyn UserCache<Id, P>>,
    health: Health,
    hits: Tally,
}

impl<Id: UserId, P: Profile> CachedUsers<Id, P> {
    /// Reads from `cache` what it can, and from `store` the rest. Every node must use the same cache, and no node may write
    /// to the store without it.
    #[must_use]
    pub fn new(store: Arc<dyn UserStore<Id, P>>, cache: Arc<dyn UserCache<Id, P>>) -> Self {
        CACHE_LOOKUPS.begin(["users".into(), "unavailable".into()]);
        Self {
            store,
            cache,
            health: Health::new(),
            hits: CACHE_LOOKUPS.tally(["users".into(), "hit".into()]),
        }
    }

    /// Asks the cache for a user. `None` if it does not answer, or failed a moment ago.
    async fn ask(&self, id: &Id) -> Option<Cached<Id, P>> {
        if self.health.is_resting() {
            return None;
        }
        self.health.note(self.cache.find(id).await).ok()
    }

    /// Reads a user from the store, and puts it if there is a ticket.
    async fn read(&self, id: &Id, ticket: Option<CacheTicket>) -> Result<Option<User<Id, P>>, StoreError> {
        let found = self.store.find(id).await?;
        if let (Some(ticket), Some(user)) = (ticket, &found) {
            let _put = self.health.note(self.cache.put(ticket, user).await);
        }
        Ok(found)
    }

    async fn fence(&self, id: &Id) -> Result<CacheFence, StoreError> {
        CACHE_DROPS.count(["users".into()]);
        self.health.note(self.cache.fence(id).await)
    }

    /// Removes the fence of a write that did nothing. If that fails, the fence falls by itself.
    async fn unfence(&self, id: &Id, fence: CacheFence, known: Option<i64>) {
        let _lifted = self.health.note(self.cache.lift(id, fence, known).await);
    }

    /// Removes the fence of a write that was made. If that fails, nobody is wrong: while the fence stands, the user is read from
    /// the store.
    async fn publish(&self, id: &Id, fence: CacheFence, written: i64) {
        let start = Instant::now();
        while start.elapsed() < LIFT_FOR {
            let lifted = self.cache.lift(id, fence, Some(written)).await;
            if self.health.note(lifted).is_ok() {
                return;
            }
            tokio::time::sleep(LIFT_AGAIN).await;
        }
        tracing::warn!(target: "portcullis", user = ?id, "a changed user is not cached until its fence falls by itself");
    }
}

fn looked_up(outcome: &'static str) {
    CACHE_LOOKUPS.count(["users".into(), outcome.into()]);
}

#[async_trait]
impl<Id: UserId, P: Profile> UserStore<Id, P> for CachedUsers<Id, P> {
    async fn insert(&self, user: NewUser<Id, P>) -> Result<User<Id, P>, InsertUserError> {
        // No cache has a user that did not exist: only what is found is cached.
        self.store.insert(user).await
    }

    async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError> {
        let ticket = match self.ask(id).await {
            Some(Cached::Hit(user)) => {
                self.hits.add();
                return Ok(Some(user));
            }
            Some(Cached::Miss(ticket)) => {
                looked_up("miss");
                ticket
            }
            Some(Cached::Unreadable(ticket)) => {
                looked_up("unreadable");
                ticket
            }
            Some(Cached::Full) => {
                looked_up("full");
                None
            }
            None => {
                looked_up("unavailable");
                None
            }
        };
        self.read(id, ticket).await
    }

    async fn find_latest(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError> {
        // Asked first, so that what is read under its ticket can be put.
        let cached = match self.ask(id).await {
            Some(Cached::Hit(cached)) => cached,
            Some(Cached::Miss(ticket) | Cached::Unreadable(ticket)) => return self.read(id, ticket).await,
            Some(Cached::Full) | None => return self.read(id, None).await,
        };
        let found = self.read(id, None).await?;
        let known = found.as_ref().map_or(i64::MAX, |user| user.revision);
        // The store lags, and the cache has heard of a change that it has not.
        if known < cached.revision {
            return Ok(Some(cached));
        }
        // After a failover to a replica that lagged, for example.
        if cached.revision < known
            && let Ok(fence) = self.fence(id).await
        {
            self.unfence(id, fence, Some(known)).await;
        }
        Ok(found)
    }

    fn accept_loaded(&self, user: LoadedUser, id: &Id) -> Option<User<Id, P>> {
        let is_ours = self.cache.mark().is_some_and(|mark| user.is_from(mark));
        let user = user.into_user(id).filter(|_user| is_ours)?;
        self.hits.add();
        Some(user)
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError> {
        self.store.find_by_email(email).await
    }

    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError> {
        let fence = self.fence(&user.id).await?;
        match self.store.update(user).await {
            Ok(()) => {
                self.publish(&user.id, fence, user.revision + 1).await;
                Ok(())
            }
            // The write may still happen, so the fence stays.
            Err(UpdateUserError::Store(error)) => Err(error.into()),
            Err(refused) => {
                self.unfence(&user.id, fence, None).await;
                Err(refused)
            }
        }
    }

    async fn delete(&self, id: &Id) -> Result<bool, StoreError> {
        let fence = self.fence(id).await?;
        let deleted = self.store.delete(id).await?;
        self.publish(id, fence, i64::MAX).await;
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
