//! One call of the server: its deadline, and what its failure may tell.

use std::{future::Future, sync::Arc, time::Duration};

use auth_core::{StoreError, with_deadline};
use tokio::sync::Semaphore;

pub(crate) const STORE: &str = "mongodb";

/// How many calls of a store are under way at once, with those for which nobody waits any more. The others wait here.
const CALLS: usize = 64;

/// How long a call may go on after its deadline. The driver notices a server that hangs earlier, and ends its calls.
const REST: Duration = Duration::from_secs(30);

/// The calls of one store.
#[derive(Debug)]
pub(crate) struct Calls {
    limit: Duration,
    permits: Arc<Semaphore>,
}

impl Calls {
    /// Each within `limit`, the wait for its turn included.
    pub(crate) fn within(limit: Duration) -> Self {
        Self {
            limit,
            permits: Arc::new(Semaphore::new(CALLS)),
        }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// The outcome of `call`, which ends by itself where it takes longer or the caller goes away.
    ///
    /// The driver is not to see a call dropped. It closes the connection of one: clients that reset would make it open,
    /// encrypt and authenticate one after the other. And one that waits for a connection stays in the driver's queue,
    /// from which each later call takes a single one: what a server that hung for a moment left there would be waited
    /// for in vain for ever.
    pub(crate) async fn make<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (permits, rest) = (Arc::clone(&self.permits), self.limit.saturating_add(REST));
        with_deadline(STORE, self.limit, async {
            let permit = permits.acquire_owned().await;
            let permit = permit.map_err(|closed| StoreError::internal(STORE, closed))?;
            let task = tokio::spawn(async move {
                let _until_it_ends = permit;
                with_deadline(STORE, rest, call).await
            });
            match task.await {
                Ok(answer) => answer,
                Err(error) => Err(StoreError::internal(STORE, error).into()),
            }
        })
        .await
    }
}
