use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use auth_core::{CacheFence, CacheTicket, Cached, Profile, StoreError, User, UserCache, UserId, async_trait};
use quick_cache::sync::Cache;
use uuid::Uuid;

/// How long a fence stands that nobody lifts, and for how long no user older than a change is kept.
const FENCE: Duration = Duration::from_secs(300);

/// How long a user is kept, unless it is changed before.
const KEEP_FOR: Duration = Duration::from_secs(300);

/// How many locks the users are spread over.
const SHARDS: usize = 64;

/// A cache of users in the memory of this process, for [`CachedUsers`](auth_core::CachedUsers) of a service that runs **as one
/// process alone**. A user is kept for 5 minutes, or until it is changed.
///
/// # Security
/// A second process does not see what this one drops. It would let a user in who was locked out by this one, for as long as
/// it keeps the user. For more than one process, use the cache on Redis.
pub struct MemoryUserCache<Id = Uuid, P = ()> {
    users: Cache<Id, (User<Id, P>, Instant)>,
    shards: [Mutex<Shard<Id>>; SHARDS],
    hasher: RandomState,
}

struct Shard<Id> {
    /// How often a user of this shard was dropped. A ticket is this number.
    drops: u128,
    fences: Vec<Fence<Id>>,
    changes: Vec<Change<Id>>,
}

struct Fence<Id> {
    id: Id,
    number: CacheFence,
    until: Instant,
}

/// No user of an earlier revision is kept: it would be from a store that lags.
struct Change<Id> {
    id: Id,
    written: i64,
    until: Instant,
}

impl<Id: UserId, P: Profile> MemoryUserCache<Id, P> {
    /// A cache of up to `capacity` users. If there are more, it keeps those that are asked for most.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            users: Cache::new(capacity),
            shards: std::array::from_fn(|_| {
                Mutex::new(Shard {
                    drops: 0,
                    fences: Vec::new(),
                    changes: Vec::new(),
                })
            }),
            hasher: RandomState::new(),
        }
    }

    /// The shard of a user, without what is over.
    fn shard(&self, id: &Id) -> MutexGuard<'_, Shard<Id>> {
        // The remainder fits.
        let index = (self.hasher.hash_one(id) % SHARDS as u64) as usize;
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        if !shard.fences.is_empty() || !shard.changes.is_empty() {
            let now = Instant::now();
            shard.fences.retain(|fence| now < fence.until);
            shard.changes.retain(|change| now < change.until);
        }
        shard
    }

    /// Drops a user, and makes the tickets for it void.
    fn drop_user(&self, shard: &mut Shard<Id>, id: &Id) {
        shard.drops += 1;
        self.users.remove(id);
    }
}

impl<Id: UserId> Shard<Id> {
    fn is_fenced(&self, id: &Id) -> bool {
        self.fences.iter().any(|fence| fence.id == *id)
    }

    /// The revision that a user must have at least.
    fn least(&self, id: &Id) -> i64 {
        let change = self.changes.iter().find(|change| change.id == *id);
        change.map_or(i64::MIN, |change| change.written)
    }
}

#[async_trait]
impl<Id: UserId, P: Profile> UserCache<Id, P> for MemoryUserCache<Id, P> {
    async fn find(&self, id: &Id) -> Result<Cached<Id, P>, StoreError> {
        if let Some((user, kept_at)) = self.users.get(id)
            && kept_at.elapsed() < KEEP_FOR
        {
            return Ok(Cached::Hit(user));
        }
        let shard = self.shard(id);
        let ticket = (!shard.is_fenced(id)).then_some(CacheTicket(shard.drops));
        Ok(Cached::Miss(ticket))
    }

    async fn put(&self, ticket: CacheTicket, user: &User<Id, P>) -> Result<(), StoreError> {
        let shard = self.shard(&user.id);
        let is_older = user.revision < shard.least(&user.id);
        if !is_older && !shard.is_fenced(&user.id) && ticket.0 == shard.drops {
            self.users.insert(user.id.clone(), (user.clone(), Instant::now()));
        }
        Ok(())
    }

    async fn fence(&self, id: &Id) -> Result<CacheFence, StoreError> {
        let mut shard = self.shard(id);
        self.drop_user(&mut shard, id);
        let number = CacheFence(shard.drops);
        shard.fences.push(Fence {
            id: id.clone(),
            number,
            until: Instant::now() + FENCE,
        });
        Ok(number)
    }

    async fn lift(&self, id: &Id, fence: CacheFence, written: Option<i64>) -> Result<(), StoreError> {
        let mut shard = self.shard(id);
        shard.fences.retain(|known| known.number != fence);
        self.drop_user(&mut shard, id);
        if let Some(revision) = written {
            // Two changes may be published in either order.
            let written = revision.max(shard.least(id));
            shard.changes.retain(|change| change.id != *id);
            shard.changes.push(Change {
                id: id.clone(),
                written,
                until: Instant::now() + FENCE,
            });
        }
        Ok(())
    }
}

impl<Id: UserId, P: Profile> fmt::Debug for MemoryUserCache<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUserCache")
            .field("users", &self.users.len())
            .field("capacity", &self.users.capacity())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[tokio::test]
    async fn a_change_and_a_fence_count_for_their_time_and_no_longer() -> Result<(), StoreError> {
        let cache = MemoryUserCache::<Uuid>::new(10);
        let email = "ada@example.com".parse().expect("an e-mail");
        let user = User::new(Uuid::now_v7(), email, (), OffsetDateTime::UNIX_EPOCH);
        let fence = cache.fence(&user.id).await?;
        cache.lift(&user.id, fence, Some(7)).await?;
        let _forgotten = cache.fence(&user.id).await?;
        for is_over in [false, true] {
            if is_over {
                let mut shard = cache.shard(&user.id);
                let now = Instant::now();
                shard.fences.iter_mut().for_each(|fence| fence.until = now);
                shard.changes.iter_mut().for_each(|change| change.until = now);
            }
            if let Cached::Miss(Some(ticket)) = cache.find(&user.id).await? {
                cache.put(ticket, &user).await?;
            }
            let is_kept = matches!(cache.find(&user.id).await?, Cached::Hit(_));
            assert_eq!(is_kept, is_over);
        }
        Ok(())
    }
}
