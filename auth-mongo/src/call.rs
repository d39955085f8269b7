//! One call to the server, with its deadline.

use std::{future::Future, sync::Arc, time::Duration};

use auth_core::{StoreError, with_deadline};
use tokio::sync::Semaphore;

pub(crate) const STORE: &str = "mongodb";

/// The number of calls of a store that run at once, including those whose callers have left. Others wait their turn.
const MAX_CALLS: usize = 64;

/// The time that a call may run on after its deadline. Before that, the driver notices that a server hangs and ends its
/// calls.
const OVERRUN_TIMEOUT: Duration = Duration::from_secs(30);

/// The calls of one store.
#[derive(Debug)]
pub(crate) struct Calls {
    limit: Duration,
    permits: Arc<Semaphore>,
}

impl Calls {
    /// Calls with the deadline `limit`, which includes the wait for a turn.
    pub(crate) fn within(limit: Duration) -> Self {
        Self {
            limit,
            permits: Arc::new(Semaphore::new(MAX_CALLS)),
        }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Runs `call`. If it takes longer than the deadline, or the caller drops this future, `call` runs to its end in the
    /// background.
    ///
    /// The driver must not see a dropped call, for two reasons. It closes the connection of such a call, so clients
    /// that disconnect would make it open, encrypt and authenticate one connection after another. And a dropped call
    /// that waits for a connection stays in the driver's queue, from which each later call removes only one entry.
    /// After a server hung for a moment, the queue would never become empty again.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permits = Arc::clone(&self.permits);
        let end = self.limit.saturating_add(OVERRUN_TIMEOUT);
        with_deadline(STORE, self.limit, async {
            let permit = permits.acquire_owned().await;
            let permit = permit.map_err(|closed| StoreError::internal(STORE, closed))?;
            let task = tokio::spawn(async move {
                let _until_it_ends = permit;
                with_deadline(STORE, end, call).await
            });
            match task.await {
                Ok(answer) => answer,
                Err(error) => Err(StoreError::internal(STORE, error).into()),
            }
        })
        .await
    }
}
