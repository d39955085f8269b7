use std::{fmt, time::Duration};

use auth_core::{ConfigError, DEFAULT_DEADLINE, StoreError, checked_deadline};
use deadpool::managed::Pool;

use super::{Answer, Server};
use crate::statement::OnDisconnect;

/// A pool and the deadline of each call. The stores run on it, and so can an application's own queries.
///
/// # Deadlines
///
/// A call that misses its deadline closes its connection, and those that have been idle since before it began: a
/// network that lost one has probably lost the others.
///
/// # Dropped calls
///
/// Dropping a call never leaves a partial change, or an unread reply on a pooled connection. PostgreSQL's driver skips the
/// reply; MySQL's connection is closed. Both are closed after a dropped transaction, a missed deadline, or 100 ms, since the
/// call may be waiting for a lock.
///
/// # Retries
///
/// - If the server rolls a call back because of a deadlock or a conflict, it is run again, up to three times.
/// - If the connection is lost, a call that is safe to repeat is run once more. Any other fails.
/// - If a table has changed since a statement was prepared, the statement is prepared and run again.
pub struct Database<S: Server> {
    pub(crate) pool: Pool<S::Manager>,
    pub(crate) deadline: Duration,
}

impl<S: Server> Database<S> {
    /// Runs calls on `pool`, each with a deadline of 2 seconds.
    #[must_use]
    pub fn new(pool: Pool<S::Manager>) -> Self {
        Self {
            pool,
            deadline: DEFAULT_DEADLINE,
        }
    }

    /// Sets the deadline of each call, which includes the wait for a connection.
    ///
    /// # Errors
    /// [`ConfigError`] naming `deadline` if `limit` is zero.
    pub fn deadline(mut self, limit: Duration) -> Result<Self, ConfigError> {
        self.deadline = checked_deadline(limit)?;
        Ok(self)
    }

    /// Runs `call`, which must not write: it is run once more if the connection is lost.
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

    /// Runs `call` in a transaction: commits if it succeeds, rolls back if it fails. The isolation level is
    /// `READ COMMITTED`.
    ///
    /// # Errors
    /// [`StoreError`] if `call` fails, if there is no connection, or past the deadline. After a missed deadline, the
    /// transaction may still be committed.
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
