mod snapshot;

use std::{fmt, sync::Arc, time::Duration};

use auth_core::{
    CacheFence, CacheMark, CacheTicket, Cached, ConfigError, LoadedUser, Profile, ShardTag, SigningSecret,
    StoreError, StoreErrorKind, User, UserCache, UserId, async_trait, metrics::Timer,
};
use fred::{
    bytes::Bytes,
    types::{Key, Value},
};
use uuid::Uuid;

use self::snapshot::Snapshots;
use crate::{
    Redis, RedisAccessTokenStore,
    attempt::Attempt,
    call::{self, Limit, STORE},
    look_up::{OpenedUser, USER_BYTES},
    near::Read,
    script::{FENCE_USER, LIFT_USER, PUT_USER, RESERVE_USER},
};

/// How long a user is kept by default, unless it is changed before.
const KEEP_FOR: Duration = Duration::from_secs(300);

/// The longest time for which a user is kept.
const MAX_KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a reader has to put what it read.
const TICKET: Duration = Duration::from_secs(10);

/// How long a fence stands that nobody lifts, and for how long no user older than a change is kept.
const FENCE: Duration = Duration::from_secs(300);

/// A cache of users on Redis, for [`CachedUsers`](auth_core::CachedUsers): the users of any store, for any number of nodes.
///
/// ```no_run
/// # use std::sync::Arc;
/// use portcullis::{
///     CachedUsers, Lifetime, OpaqueStrategy, SigningSecret,
///     redis::{self, Redis, RedisUserCache},
///     users::UserManager,
/// };
/// # use portcullis::testing::memory::MemoryUserStore;
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store: Arc<MemoryUserStore> = Arc::default();
/// # let secret = SigningSecret::generate()?;
///
/// let redis = Redis::new(redis::connect("redis://127.0.0.1:6379").await?);
/// let cache = RedisUserCache::new(redis, &secret);
/// // Its tokens come with their user, in one round trip.
/// let tokens = OpaqueStrategy::new(Arc::new(cache.access_tokens()), Lifetime::from_secs(3600)?);
/// let cached = CachedUsers::new(store, Arc::new(cache));
/// let users = UserManager::builder(Arc::new(cached), &secret).build()?;
/// # drop((tokens, users));
/// # Ok(()) }
/// ```
///
/// A user is kept for 5 minutes, or until it is changed. It is kept in JSON, so a profile that does not read what it writes is
/// not kept, and the log says so once. A field that neither Serde writes nor `Debug` shows is lost without a notice: do not
/// cache such a profile.
///
/// # Security
/// - A cached user is encrypted and authenticated, with AES-256-GCM-SIV (RFC 8452) and a key from the signing secret. So whoever
///   reads Redis learns no e-mail and no password hash. Whoever writes to it cannot make a user up, but can put one back as it was
///   cached within those 5 minutes: the time is under the encryption, by the clocks of the nodes.
/// - A failover to a replica, and a restart of Redis from its file, can bring a user back for the rest of those 5 minutes, though it
///   was dropped: see [`Redis::wait_for_replicas`].
/// - Each table of users needs a [prefix](Redis::prefix) of its own. Otherwise the users of one are those of the other.
/// - Do not let Redis evict keys: see [the server's settings](crate#the-servers-settings).
pub struct RedisUserCache<Id = Uuid, P = ()> {
    redis: Redis,
    keep_for: Duration,
    snapshots: Arc<Snapshots<Id, P>>,
    mark: CacheMark,
}

impl<Id: UserId, P: Profile> RedisUserCache<Id, P> {
    /// A cache on a [`Redis`]. A pool or a client gets the default settings of [`Redis`]. All nodes need the same `secret`. One that
    /// it also [accepts](SigningSecret::also_accept) opens what was kept under that.
    #[must_use]
    pub fn new(redis: impl Into<Redis>, secret: &SigningSecret) -> Self {
        Self {
            redis: redis.into(),
            keep_for: KEEP_FOR,
            snapshots: Arc::new(Snapshots::new(secret)),
            mark: CacheMark::new(),
        }
    }

    /// Keeps a user for `limit` instead of 5 minutes. The next request reads it from its store again. Another program's
    /// changes of the table of users are seen after that time.
    ///
    /// # Errors
    /// [`ConfigError`] naming `keep_for` if it is under a second or over a day.
    pub fn keep_for(mut self, limit: Duration) -> Result<Self, ConfigError> {
        if !(Duration::from_secs(1)..=MAX_KEEP_FOR).contains(&limit) {
            let problem = format_args!("{limit:?} is not between a second and a day");
            return Err(ConfigError::new("keep_for", problem));
        }
        self.keep_for = limit;
        Ok(self)
    }

    /// A store of access tokens on the same Redis. Where it finds a token, it reads its user from this cache in the same round
    /// trip.
    #[must_use]
    pub fn access_tokens(&self) -> RedisAccessTokenStore<Id> {
        let (snapshots, mark) = (Arc::clone(&self.snapshots), self.mark.clone());
        RedisAccessTokenStore::with_users(self.redis.clone(), move |key: &str, id: &Id, value: &[u8]| {
            let (user, left) = snapshots.open(key, id, value)?;
            Some(OpenedUser {
                is_active: user.is_active,
                user: LoadedUser::new(user, mark.clone()),
                left,
            })
        })
    }

    fn key(&self, id: &Id) -> String {
        self.redis.keys.cached_user(ShardTag::for_user(id), id)
    }

    fn least(&self, id: &Id) -> String {
        self.redis.keys.least_revision(ShardTag::for_user(id), id)
    }

    /// The user that the near cache has.
    fn remembered(&self, key: &str, id: &Id) -> Option<User<Id, P>> {
        self.redis.near.as_ref()?.user(key)?.into_user(id)
    }

    /// The value of a user's key, and whether the near cache may keep what it says.
    async fn look_up(
        &self,
        limit: Limit,
        key: &String,
        id: &Id,
    ) -> Result<(Option<Bytes>, Option<Read>), StoreError> {
        if let Some(near) = &self.redis.near {
            let ask = |attempt: Attempt| attempt.get(Key::from(key));
            if let Some(read) = near.read(limit, ShardTag::for_user(id), key, ask).await {
                return Ok((call::read(read.reply.clone())?, Some(read)));
            }
        }
        match self.redis.get(limit, key.clone()).await {
            Ok(found) => Ok((found, None)),
            // Another program has put a list there, for example. The reservation replaces it.
            Err(error) if error.kind() == StoreErrorKind::InvalidData => Ok((Some(Bytes::new()), None)),
            Err(error) => Err(error),
        }
    }

    /// Asks for a ticket for somebody whom the cache `lacks`. The value that cannot be read, if there is one, makes room for it.
    async fn reserve(
        &self,
        limit: Limit,
        key: String,
        unreadable: Bytes,
        lacks: fn(Option<CacheTicket>) -> Cached<Id, P>,
    ) -> Result<Cached<Id, P>, StoreError> {
        let (first, second) = (CacheTicket::random()?, CacheTicket::random()?);
        let reserve = |attempt: Attempt| {
            let ticket = if attempt.repeated { second } else { first };
            let args = vec![
                ticket_value(ticket),
                milliseconds(TICKET),
                unreadable.clone().into(),
            ];
            attempt.run(&RESERVE_USER, vec![key.clone()], args)
        };
        let reserved: Bytes = self.redis.call(limit, &reserve).await?;
        if *reserved == *b"full" {
            return Ok(Cached::Full);
        }
        let number = reserved.get(1..).and_then(|number| number.try_into().ok());
        Ok(lacks(number.map(u128::from_be_bytes).map(CacheTicket)))
    }
}

#[async_trait]
impl<Id: UserId, P: Profile> UserCache<Id, P> for RedisUserCache<Id, P> {
    async fn find(&self, id: &Id) -> Result<Cached<Id, P>, StoreError> {
        let (limit, key) = (self.redis.limit(), self.key(id));
        if let Some(user) = self.remembered(&key, id) {
            return Ok(Cached::Hit(user));
        }
        let _timed = Timer::of(STORE, "user_cache.find");
        let (found, read) = self.look_up(limit, &key, id).await?;
        let Some(found) = found else {
            return self.reserve(limit, key, Bytes::new(), Cached::Miss).await;
        };
        if let Some((user, left)) = self.snapshots.open(&key, id, &found) {
            if let (Some(near), Some(read), true) = (&self.redis.near, read, user.is_active) {
                let loaded = LoadedUser::new(user.clone(), self.mark.clone());
                near.keep_user(&read, &key, loaded, USER_BYTES + found.len(), left);
            }
            return Ok(Cached::Hit(user));
        }
        if is_taken(&found) {
            return Ok(Cached::Miss(None));
        }
        tracing::debug!(target: "portcullis::redis", user = ?id, "a cached user cannot be read and is replaced");
        self.reserve(limit, key, found, Cached::Unreadable).await
    }

    async fn put(&self, ticket: CacheTicket, user: &User<Id, P>) -> Result<(), StoreError> {
        let _timed = Timer::of(STORE, "user_cache.put");
        let (key, least) = (self.key(&user.id), self.least(&user.id));
        let Some(sealed) = self.snapshots.seal(&key, user, self.keep_for)? else {
            return Ok(());
        };
        let args = vec![
            ticket_value(ticket),
            Bytes::from(sealed).into(),
            milliseconds(self.keep_for),
            comparable(user.revision).into(),
        ];
        let limit = self.redis.limit();
        let _is_kept: bool = self.redis.run(limit, &PUT_USER, vec![key, least], args).await?;
        Ok(())
    }

    async fn fence(&self, id: &Id) -> Result<CacheFence, StoreError> {
        let _timed = Timer::of(STORE, "user_cache.fence");
        let fence = CacheFence::random()?;
        let args = vec![bytes(fence), milliseconds(FENCE)];
        let (key, limit) = (self.key(id), self.redis.limit());
        // Also on the replicas: a failover must not bring the user back.
        let stands: Result<bool, _> = self
            .redis
            .revoke(limit, &FENCE_USER, vec![key.clone()], args)
            .await;
        self.redis.forget(&key);
        stands.map(|_stands| fence)
    }

    async fn lift(&self, id: &Id, fence: CacheFence, written: Option<i64>) -> Result<(), StoreError> {
        let _timed = Timer::of(STORE, "user_cache.lift");
        let key = self.key(id);
        let keys = vec![key.clone(), self.least(id)];
        let args = vec![
            bytes(fence),
            written.map(comparable).unwrap_or_default().into(),
            milliseconds(FENCE),
        ];
        let lifted: Result<bool, _> = self.redis.run(self.redis.limit(), &LIFT_USER, keys, args).await;
        // If the fence was lost, a reader may have cached the user as it was before.
        self.redis.forget(&key);
        lifted.map(drop)
    }

    fn mark(&self) -> Option<&CacheMark> {
        Some(&self.mark)
    }
}

impl<Id, P> fmt::Debug for RedisUserCache<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisUserCache")
            .field("redis", &self.redis)
            .field("keep_for", &self.keep_for)
            .finish_non_exhaustive()
    }
}

/// A revision as a text that is in the order of revisions.
fn comparable(revision: i64) -> String {
    format!("{:020}", revision.max(0))
}

/// True if `value` is that of a ticket or of fences, of which there are at most 64.
fn is_taken(value: &[u8]) -> bool {
    let numbers = value.len() / 16;
    value.len() % 16 == 1
        && match value.first() {
            Some(b't') => numbers == 1,
            Some(b'f') => (1..=64).contains(&numbers),
            _ => false,
        }
}

fn bytes(fence: CacheFence) -> Value {
    fence.0.to_be_bytes().as_slice().into()
}

fn ticket_value(ticket: CacheTicket) -> Value {
    let mut value = vec![b't'];
    value.extend(ticket.0.to_be_bytes());
    Bytes::from(value).into()
}

fn milliseconds(span: Duration) -> Value {
    // At most a day.
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX).into()
}
