//! The store that `STORE_URL` names.

use std::sync::Arc;

use portcullis::{
    ConfigError,
    sql::{mysql, postgres, sqlite},
    store::SessionStore,
    testing::memory::MemorySessionStore,
};

/// The name of the setting, for errors. The URL itself is never in one: it may hold a password.
const SETTING: &str = "STORE_URL";

/// The store at `url`. The tables of a database are made, or brought up to date.
///
/// # Errors
/// [`ConfigError`] naming `STORE_URL` if it cannot be understood, or if a database does not answer.
pub async fn open(url: &str) -> Result<Arc<dyn SessionStore>, ConfigError> {
    opened(url).await.map_err(|error| error.in_setting(SETTING))
}

async fn opened(url: &str) -> Result<Arc<dyn SessionStore>, ConfigError> {
    Ok(match url.split_once("://").map_or(url, |(scheme, _)| scheme) {
        "memory" => Arc::new(MemorySessionStore::new()),
        "sqlite" => sqlite::Database::open(url).await?.sessions(),
        "postgres" | "postgresql" => postgres::Database::open(url).await?.sessions(),
        "mysql" | "mariadb" => mysql::Database::open(url).await?.sessions(),
        _ => {
            let problem = "is not one of memory, sqlite://FILE, postgres://… and mysql://…";
            return Err(ConfigError::new(SETTING, problem));
        }
    })
}
