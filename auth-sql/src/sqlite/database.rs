use std::{fmt, sync::Arc, time::Duration};

use auth_core::{ConfigError, DEFAULT_DEADLINE, StoreError, checked_deadline, with_deadline};
use diesel::{QueryResult, SqliteConnection};
use tokio::sync::Mutex;

use super::{
    Pool,
    call::{Call, STORE, failed},
};

/// A pool and the deadline of each call. The stores run on it, and so can an application's own queries.
///
/// A call is one closure on one connection, outside the async threads. Dropping the call, or missing the deadline, can
/// keep the closure from starting, but never interrupts it.
///
/// # Panics
///
/// Don't await a query on a pooled connection in a handler; use this type. Diesel's wrapper of a synchronous connection
/// panics if such a future is dropped on a single-threaded runtime. A worker of actix-web does that when a client
/// disconnects.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("app.db").display().to_string();
/// use std::time::Duration;
///
/// use portcullis::sql::sqlite::{self, Database, SqliteAccessTokenStore, SqliteUserStore, schema::users};
/// use diesel::prelude::*;
///
/// let pool = sqlite::connect(&path).await?;
/// sqlite::migrate(&pool).await?;
/// let database = Database::new(pool).deadline(Duration::from_millis(500))?;
/// let stores = (SqliteUserStore::new(&database), SqliteAccessTokenStore::new(&database));
/// let count: i64 = database.read(|connection| users::table.count().get_result(connection)).await?;
/// assert_eq!(count, 0);
/// # drop(stores);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    pub(super) deadline: Duration,
    writer: Arc<Mutex<()>>,
}

impl Database {
    /// Runs calls on `pool`, each with a deadline of 2 seconds.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            deadline: DEFAULT_DEADLINE,
            writer: Arc::default(),
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

    /// Runs `call`, which must not write.
    ///
    /// # Errors
    /// [`StoreError`] if `call` fails, if there is no connection, or past the deadline.
    pub async fn read<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(async {}, call).await?.map_err(failed)
    }

    /// Runs `call` in a transaction: commits if it succeeds, rolls back if it fails.
    ///
    /// SQLite has one writer at a time. Calls on this `Database` and its clones wait their turn, in order and without
    /// taking a connection. For another process they wait as long as the connection's busy time-out.
    ///
    /// # Errors
    /// [`StoreError`] if `call` fails, if there is no connection, if another process is writing, or past the deadline.
    /// After a missed deadline, a `call` that has started can still succeed.
    pub async fn write<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.try_write(call).await?.map_err(failed)
    }

    /// [`write`](Self::write), with SQLite's own error separate, for callers that distinguish its errors.
    pub(super) async fn try_write<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<QueryResult<T>, StoreError> {
        let turn = Arc::clone(&self.writer).lock_owned();
        self.call(turn, |connection| connection.immediate_transaction(call))
            .await
    }

    /// Waits for its `turn`, runs `call`, and ends the turn.
    async fn call<T: Send + 'static, G: Send>(
        &self,
        turn: impl Future<Output = G> + Send + 'static,
        call: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<QueryResult<T>, StoreError> {
        let (pool, deadline) = (self.pool.clone(), self.deadline);
        let caller = Arc::new(());
        let waiting = Arc::downgrade(&caller);
        // In its own task, because neither opening a connection nor using it may be dropped half-way. In a box, because
        // it is large, and tokio moves it several times.
        let task = tokio::spawn(Box::pin(async move {
            let turn = with_deadline(STORE, deadline, async { Ok::<_, StoreError>(turn.await) }).await?;
            let answer = Call::new(call, waiting).run(&pool, deadline).await;
            drop(turn);
            answer
        }));
        let answer = with_deadline(STORE, deadline, async { task.await.map_err(failed)? }).await;
        drop(caller);
        answer
    }
}

impl From<Pool> for Database {
    fn from(pool: Pool) -> Self {
        Self::new(pool)
    }
}

impl From<&Pool> for Database {
    fn from(pool: &Pool) -> Self {
        Self::new(pool.clone())
    }
}

impl From<&Self> for Database {
    fn from(database: &Self) -> Self {
        database.clone()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("pool", &self.pool.status())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
