//! The stores of the service, with their health check.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::try_join;
use portcullis::{
    CachedUsers, ConfigError, StoreError,
    redis::{self, NearCache, Redis, RedisAccessTokenStore, RedisUserCache},
    store::{Clock as _, RotateTokens, SystemClock, TokenLookup, UserStore},
};

use crate::{
    database::Database,
    settings::{Caching, Settings},
};

/// The prefix of every key, because others may use the same server.
const PREFIX: &str = "showcase:";

/// The memory of a near cache.
const NEAR_BYTES: u64 = 64 << 20;

/// Expired tokens are removed in batches, so that no write waits long.
const PURGE_BATCH: u32 = 1000;

/// The database, and Redis if it is configured.
pub(crate) struct Stores {
    database: Database,
    redis: Option<OnRedis>,
    prepared: AtomicBool,
}

struct OnRedis {
    redis: Redis,
    tokens: Arc<dyn RotateTokens>,
}

impl Stores {
    /// # Errors
    /// [`ConfigError`] naming the variable that cannot be used. It is not an error if a server does not answer.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, ConfigError> {
        let mut database = Database::open(&settings.database_url).await?;
        let redis = match &settings.redis_url {
            None => None,
            Some(url) => Some(OnRedis::open(url, settings, &mut database).await?),
        };
        Ok(Self {
            database,
            redis,
            prepared: AtomicBool::new(false),
        })
    }

    pub(crate) fn users(&self) -> &Arc<dyn UserStore> {
        &self.database.users
    }

    /// The access tokens in the database.
    pub(crate) fn tokens(&self) -> &Arc<dyn RotateTokens> {
        &self.database.tokens
    }

    /// The access tokens in Redis, if that is configured.
    pub(crate) fn redis_tokens(&self) -> Option<&Arc<dyn RotateTokens>> {
        self.redis.as_ref().map(|on_redis| &on_redis.tokens)
    }

    /// Creates the tables or indexes that the database needs.
    ///
    /// # Errors
    /// [`StoreError`] if it does not answer.
    pub(crate) async fn prepare(&self) -> Result<(), StoreError> {
        self.database.prepare().await
    }

    /// From now on [`answer`](Self::answer) asks the stores.
    pub(crate) fn set_prepared(&self) {
        self.prepared.store(true, Ordering::Release);
    }

    /// Asks the stores at once: the database by one look-up, Redis by a `PING`, with the deadline of every other call.
    ///
    /// # Errors
    /// [`StoreError`] of the first that does not answer, or if they are not prepared yet.
    pub(crate) async fn answer(&self) -> Result<(), StoreError> {
        if !self.prepared.load(Ordering::Acquire) {
            return Err(StoreError::unreachable(
                "showcase",
                "the stores are not prepared yet",
            ));
        }
        let nobody = TokenLookup::new("");
        let redis = async {
            match &self.redis {
                None => Ok(()),
                Some(on_redis) => on_redis.redis.ping().await,
            }
        };
        try_join(self.tokens().find(&nobody), redis).await.map(drop)
    }

    /// Removes expired tokens from the database, and returns their number. Redis does that by itself.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub(crate) async fn purge_expired(&self) -> Result<u64, StoreError> {
        let now = SystemClock.now();
        let mut purged = 0;
        loop {
            let batch = self.database.expired.purge_expired(now, PURGE_BATCH).await?;
            purged += batch;
            if batch < PURGE_BATCH.into() {
                return Ok(purged);
            }
        }
    }
}

impl OnRedis {
    /// With its cache, the users of the `database` are read from there.
    async fn open(url: &str, settings: &Settings, database: &mut Database) -> Result<Self, ConfigError> {
        let pool = redis::connect(url).await;
        let mut redis = Redis::new(pool.map_err(|error| error.in_setting("REDIS_URL"))?).prefix(PREFIX)?;
        if settings.cache == Caching::Near {
            redis = redis.near_cache(NearCache::new(NEAR_BYTES)?)?;
        }
        if settings.cache == Caching::Off {
            let tokens = Arc::new(RedisAccessTokenStore::new(&redis));
            return Ok(Self { redis, tokens });
        }
        let cache = RedisUserCache::new(&redis, &settings.secret);
        let tokens = Arc::new(cache.access_tokens());
        let users = CachedUsers::new(Arc::clone(&database.users), Arc::new(cache));
        database.users = Arc::new(users);
        Ok(Self { redis, tokens })
    }
}
