//! The shortest way to the default tables.

use std::sync::Arc;

use auth_core::{ConfigError, Lifetime, OpaqueStrategy};

use super::{Postgres, PostgresAccessTokenStore, PostgresSessionStore, PostgresUserStore, connect, migrate};
use crate::{SETTING, server::Database};

impl Database<Postgres> {
    /// Makes a pool of connections to the database at `url`, and brings the default tables up to date: [`connect`] and
    /// [`migrate`] in one step.
    ///
    /// # Errors
    /// [`ConfigError`] naming `database URL` if `url` cannot be used, or if the server does not answer, refuses the user,
    /// or has other tables of these names.
    pub async fn open(url: &str) -> Result<Self, ConfigError> {
        let pool = connect(url)?;
        let migrated = migrate(&pool).await;
        migrated.map_err(|error| ConfigError::new(SETTING, error))?;
        Ok(Self::new(pool))
    }

    /// The users in the default table.
    #[must_use]
    pub fn users(&self) -> Arc<PostgresUserStore> {
        Arc::new(PostgresUserStore::new(self))
    }

    /// Tokens in the default table that live for `lifetime`, for a backend. Several backends can share the table.
    #[must_use]
    pub fn tokens(&self, lifetime: Lifetime) -> OpaqueStrategy {
        OpaqueStrategy::new(Arc::new(PostgresAccessTokenStore::new(self)), lifetime)
    }

    /// Sessions with data in the default table. Several kinds of session can share it.
    #[must_use]
    pub fn sessions(&self) -> Arc<PostgresSessionStore> {
        Arc::new(PostgresSessionStore::new(self))
    }
}
