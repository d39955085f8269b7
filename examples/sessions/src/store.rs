//! The store that `STORE_URL` names.

use std::sync::Arc;

use portcullis::{
    ConfigError, StoreError,
    mongo::{self, MongoSessionStore},
    redis::{self, Redis, RedisSessionStore},
    sql::{mysql, postgres, sqlite},
    store::SessionStore,
    testing::memory::MemorySessionStore,
};

/// The name of the setting, for errors. The URL itself is never in one: it may hold a password.
const SETTING: &str = "STORE_URL";

/// The prefix of every key on Redis, because others may use the same server.
const PREFIX: &str = "sessions:";

/// The store at `url`. The tables or indexes of a database are made, or brought up to date.
///
/// # Errors
/// [`ConfigError`] naming `STORE_URL` if it cannot be understood, or if a server does not answer.
pub async fn open(url: &str) -> Result<Arc<dyn SessionStore>, ConfigError> {
    opened(url).await.map_err(|error| error.in_setting(SETTING))
}

async fn opened(url: &str) -> Result<Arc<dyn SessionStore>, ConfigError> {
    let scheme = url.split_once("://").map_or(url, |(scheme, _)| scheme);
    // Also `redis-sentinel` and `redis-cluster`.
    Ok(match scheme.split('-').next().unwrap_or_default() {
        "memory" => Arc::new(MemorySessionStore::new()),
        "sqlite" => sqlite::Database::open(url).await?.sessions(),
        "postgres" | "postgresql" => postgres::Database::open(url).await?.sessions(),
        "mysql" | "mariadb" => mysql::Database::open(url).await?.sessions(),
        "redis" | "rediss" | "valkey" | "valkeys" => Arc::new(on_redis(url).await?),
        "mongodb" | "mongodb+srv" => Arc::new(on_mongodb(url).await?),
        _ => {
            let problem =
                "is not one of memory, sqlite://FILE, postgres://…, mysql://…, mongodb://… and redis://…";
            return Err(ConfigError::new(SETTING, problem));
        }
    })
}

async fn on_redis(url: &str) -> Result<RedisSessionStore, ConfigError> {
    let redis = Redis::new(redis::connect(url).await?).prefix(PREFIX)?;
    redis.ping().await.map_err(no_answer)?;
    Ok(RedisSessionStore::new(redis))
}

async fn on_mongodb(url: &str) -> Result<MongoSessionStore, ConfigError> {
    let database = mongo::connect(url).await?;
    let store = MongoSessionStore::builder(&database).build()?;
    store.create_indexes().await.map_err(no_answer)?;
    Ok(store)
}

fn no_answer(error: StoreError) -> ConfigError {
    ConfigError::new(SETTING, error)
}
