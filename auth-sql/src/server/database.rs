use std::{fmt, time::Duration};

use auth_core::{ConfigError, DEFAULT_DEADLINE, StoreError, checked_deadline};
use deadpool::managed::Pool;

use super::{Answer, Server};
use crate::statement::OnDisconnect;

/// A pool and the deadline of each call: what the stores run on, and what an application's own queries can run on.
///
/// At the deadline of a call its connection is closed, and those of the pool that nobody has taken since the call began: a
/// network that forgot the one forgot the others.
///
/// A call whose caller goes away leaves its change whole or absent, and no connection with a reply in it that another
/// call could read: on PostgreSQL the driver skips it, on MySQL the connection is closed, as it is on both within a
/// transaction, at the deadline and, since the call may wait for a lock, after more than 100 ms. A call that the server
/// undid, because of a deadlock or a conflict, is made again, up to three times; one whose connection was lost is made
/// once more where that comes to the same, and fails otherwise. One that fails because a table has changed since its
/// statement was prepared is prepared and made again.
pub struct Database<S: Server> {
    pub(crate) pool: Pool<S::Manager>,
    pub(crate) deadline: Duration,
}

impl<S: Server> Database<S> {
    /// Calls on `pool`, each with a deadline of 2 seconds.
    #[must_use]
    pub fn new(pool: Pool<S::Manager>) -> Self {
        Self {
            pool,
            deadline: DEFAULT_DEADLINE,
        }
    }

    /// Gives each call `limit`, the wait for a connection included.
    ///
    /// # Errors
    /// [`ConfigError`] naming `deadline` if `limit` is zero.
    pub fn deadline(mut self, limit: Duration) -> Result<Self, ConfigError> {
        self.deadline = checked_deadline(limit)?;
        Ok(self)
    }

    /// Runs `call`, which writes nothing, and once more if its connection was lost.
    ///
    /// # Errors
    /// [`StoreError`] if `call` fails, if there is no connection, or past the deadline.
    ///
    /// # Panics
    /// If `call` does.
    pub async fn read<T, F>(&self, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T> + Send + Sync + 'static,
    {
        self.try_call(OnDisconnect::Retry, call).await?.map_err(S::report)
    }

    /// Runs `call` in a transaction that is committed if it succeeds, and rolled back if it fails. Each of its
    /// statements sees all that is committed (`READ COMMITTED`).
    ///
    /// # Errors
    /// [`StoreError`] if `call` fails, if there is no connection, or past the deadline; a call that had begun may then
    /// yet succeed.
    ///
    /// # Panics
    /// If `call` does.
    pub async fn write<T, F>(&self, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T> + Send + Sync + 'static,
    {
        self.try_write(call).await?.map_err(S::report)
    }
}

impl<S: Server> Clone for Database<S> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            deadline: self.deadline,
        }
    }
}

impl<S: Server> From<Pool<S::Manager>> for Database<S> {
    fn from(pool: Pool<S::Manager>) -> Self {
        Self::new(pool)
    }
}

impl<S: Server> From<&Pool<S::Manager>> for Database<S> {
    fn from(pool: &Pool<S::Manager>) -> Self {
        Self::new(pool.clone())
    }
}

impl<S: Server> From<&Self> for Database<S> {
    fn from(database: &Self) -> Self {
        database.clone()
    }
}

impl<S: Server> fmt::Debug for Database<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("pool", &self.pool.status())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
