//! The shortest way to the default tables.

use std::sync::Arc;

use auth_core::{ConfigError, Lifetime, OpaqueStrategy};

use super::{Database, SqliteAccessTokenStore, SqliteSessionStore, SqliteUserStore, connect, migrate};
use crate::SETTING;

impl Database {
    /// Opens the file at `location` and brings its default tables up to date: [`connect`] and [`migrate`] in one step.
    ///
    /// # Errors
    /// [`ConfigError`] naming `database URL` if the file cannot be opened or written, or has other tables of these names.
    pub async fn open(location: &str) -> Result<Self, ConfigError> {
        let pool = connect(location).await?;
        let migrated = migrate(&pool).await;
        migrated.map_err(|error| ConfigError::new(SETTING, error))?;
        Ok(Self::new(pool))
    }

    /// The users in the default table.
    #[must_use]
    pub fn users(&self) -> Arc<SqliteUserStore> {
        Arc::new(SqliteUserStore::new(self))
    }

    /// Tokens in the default table that live for `lifetime`, for a backend. Several backends can share the table.
    #[must_use]
    pub fn tokens(&self, lifetime: Lifetime) -> OpaqueStrategy {
        OpaqueStrategy::new(Arc::new(SqliteAccessTokenStore::new(self)), lifetime)
    }

    /// Sessions with data in the default table. Several kinds of session can share it.
    #[must_use]
    pub fn sessions(&self) -> Arc<SqliteSessionStore> {
        Arc::new(SqliteSessionStore::new(self))
    }
}
