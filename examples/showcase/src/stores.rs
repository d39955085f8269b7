//! The stores of the service, and whether they answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::try_join;
use portcullis::{
    ConfigError, StoreError,
    redis::{self, Redis, RedisAccessTokenStore},
    store::{AccessTokenStore, Clock as _, SystemClock, TokenLookup, UserStore},
};

use crate::{database::Database, settings::Settings};

/// Before every key, beside those of whoever else uses the server.
const PREFIX: &str = "showcase:";

/// Expired tokens go in batches, so that no write waits long for one.
const PURGE_BATCH: u32 = 1000;

/// The database, and Redis where it is configured.
pub(crate) struct Stores {
    database: Database,
    redis: Option<OnRedis>,
    prepared: AtomicBool,
}

struct OnRedis {
    redis: Redis,
    tokens: Arc<dyn AccessTokenStore>,
}

impl Stores {
    /// # Errors
    /// [`ConfigError`] naming the variable that cannot be used. A server that does not answer is no error.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, ConfigError> {
        let database = Database::open(&settings.database_url).await?;
        let redis = match &settings.redis_url {
            None => None,
            Some(url) => Some(OnRedis::open(url).await?),
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
    pub(crate) fn tokens(&self) -> &Arc<dyn AccessTokenStore> {
        &self.database.tokens
    }

    /// The access tokens in Redis, where that is configured.
    pub(crate) fn redis_tokens(&self) -> Option<&Arc<dyn AccessTokenStore>> {
        self.redis.as_ref().map(|on_redis| &on_redis.tokens)
    }

    /// Makes what the database needs before it can be used.
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

    /// Removes the tokens that have expired from the database and says how many. Redis does that by itself.
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
    async fn open(url: &str) -> Result<Self, ConfigError> {
        let pool = redis::connect(url).await;
        let redis = Redis::new(pool.map_err(|error| error.in_setting("REDIS_URL"))?).prefix(PREFIX)?;
        let tokens = Arc::new(RedisAccessTokenStore::new(&redis));
        Ok(Self { redis, tokens })
    }
}
