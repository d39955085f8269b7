use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use auth_core::{CacheFence, CacheTicket, Cached, Profile, StoreError, User, UserCache, UserId, async_trait};
use quick_cache::sync::Cache;
use uuid::Uuid;

/// How long a fence stands that nobody lifts.
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
    users: Cache<Id, (Kept<Id, P>, Instant)>,
    shards: [Mutex<Shard<Id>>; SHARDS],
    hasher: RandomState,
}

#[derive(Clone)]
enum Kept<Id, P> {
    User(User<Id, P>),
    /// No user of an earlier revision is kept: it would be from a store that lags.
    Least(i64),
}

struct Shard<Id> {
    /// How often a user of this shard was dropped. A ticket is this number.
    drops: u128,
    fences: Vec<Fence<Id>>,
}

struct Fence<Id> {
    id: Id,
    number: CacheFence,
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
                })
            }),
            hasher: RandomState::new(),
        }
    }

    /// The shard of a user, without the fences that have fallen.
    fn shard(&self, id: &Id) -> MutexGuard<'_, Shard<Id>> {
        // The remainder fits.
        let index = (self.hasher.hash_one(id) % SHARDS as u64) as usize;
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        if !shard.fences.is_empty() {
            let now = Instant::now();
            shard.fences.retain(|fence| now < fence.until);
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
}

#[async_trait]
impl<Id: UserId, P: Profile> UserCache<Id, P> for MemoryUserCache<Id, P> {
    async fn find(&self, id: &Id) -> Result<Cached<Id, P>, StoreError> {
        if let Some((Kept::User(user), kept_at)) = self.users.get(id)
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
        let is_older = match self.users.peek(&user.id) {
            Some((Kept::Least(revision), _since)) => user.revision < revision,
            _ => false,
        };
        if !is_older && !shard.is_fenced(&user.id) && ticket.0 == shard.drops {
            let kept = (Kept::User(user.clone()), Instant::now());
            self.users.insert(user.id.clone(), kept);
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
            let least = (Kept::Least(revision), Instant::now());
            self.users.insert(id.clone(), least);
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
