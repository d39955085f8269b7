use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use auth_core::{StoreError, with_deadline};
use diesel::{QueryResult, SqliteConnection};
use diesel_async::pooled_connection::deadpool::Object;

use super::Pool;
use crate::failure::{kind, no_connection, with_next_step};

pub(super) const STORE: &str = "sqlite";

pub(super) fn failed(source: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(kind(&source), STORE, with_next_step(source))
}

/// Work for one connection. It starts at most once, and only while its caller waits.
pub(super) struct Call<F> {
    work: Arc<Mutex<Option<F>>>,
    caller: Weak<()>,
}

impl<F> Call<F> {
    pub(super) fn new(work: F, caller: Weak<()>) -> Self {
        Self {
            work: Arc::new(Mutex::new(Some(work))),
            caller,
        }
    }

    /// Runs the work to its end on a connection of `pool`. It waits up to `limit` for that.
    pub(super) async fn run<T>(self, pool: &Pool, limit: Duration) -> Result<QueryResult<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        loop {
            let connection = async { pool.get().await.map_err(|error| no_connection(STORE, error)) };
            let mut connection = with_deadline(STORE, limit, connection).await?;
            let (work, caller) = (Arc::clone(&self.work), self.caller.clone());
            let answer = connection.spawn_blocking(move |connection| {
                let work = lock(&work).take().filter(|_work| caller.strong_count() > 0);
                Ok(work.map(|work| work(connection)))
            });
            match answer.await {
                Ok(answer) => {
                    return answer.ok_or_else(|| StoreError::internal(STORE, "the caller dropped the call"));
                }
                Err(error) => {
                    // The connection may be in any state after a panic.
                    drop(Object::take(connection));
                    // If the work has not started, the connection belongs to a runtime that has ended: take another one.
                    if lock(&self.work).is_none() {
                        return Err(failed(error));
                    }
                }
            }
        }
    }
}

/// The lock is not held while the work runs, so a panic of the work does not matter here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
