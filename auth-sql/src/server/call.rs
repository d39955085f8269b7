use std::{sync::Arc, time::Duration};

use auth_core::StoreError;
use diesel::QueryResult;
use diesel_async::{AnsiTransactionManager, TransactionManager as _};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Answer, Database, ErrorClass, Server, connection::Lease};
use crate::{failure::no_connection, statement::OnDisconnect};

/// The number of retries of a transaction that the server rolled back.
const MAX_RETRIES: u32 = 3;

/// The mean delay before the first retry. It doubles each time.
const RETRY_DELAY: Duration = Duration::from_millis(5);

impl<S: Server> Database<S> {
    /// Runs `call` within the deadline, and again if the server rolled it back. It returns the server's own error
    /// separately, for callers that distinguish its errors.
    pub(crate) async fn try_call<T, F>(
        &self,
        on_disconnect: OnDisconnect,
        call: F,
    ) -> Result<QueryResult<T>, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T> + Send + Sync + 'static,
    {
        let until = Instant::now() + self.deadline;
        let late = || StoreError::timeout(S::STORE, self.deadline);
        let (mut retries, mut lost) = (0, false);
        loop {
            let connection = timeout_at(until, self.pool.get())
                .await
                .map_err(|_elapsed| late())?;
            let lease = Lease::<S>::new(connection.map_err(|error| no_connection(S::STORE, error))?);
            let answer = attempt(lease, self, &call, until).await.ok_or_else(late)?;
            let Err(error) = &answer else {
                return Ok(answer);
            };
            match ErrorClass::new::<S>(error) {
                ErrorClass::RolledBack if retries < MAX_RETRIES => {
                    wait_before_retry(retries).await;
                    retries += 1;
                }
                ErrorClass::Disconnected if on_disconnect == OnDisconnect::Retry && !lost => lost = true,
                _ => return Ok(answer),
            }
        }
    }

    /// [`write`](Self::write), with the server's own error separate.
    pub(super) async fn try_write<T, F>(&self, call: F) -> Result<QueryResult<T>, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T> + Send + Sync + 'static,
    {
        let call = Arc::new(call);
        self.try_call(OnDisconnect::Fail, move |connection| {
            let call = Arc::clone(&call);
            Box::pin(async move {
                AnsiTransactionManager::begin_transaction_sql(connection, S::BEGIN).await?;
                let answer = call(connection).await;
                if answer.is_ok() {
                    AnsiTransactionManager::commit_transaction(connection).await?;
                } else {
                    // If this fails, the pool discards the connection: it checks the state of the transaction.
                    let _rolled_back = AnsiTransactionManager::rollback_transaction(connection).await;
                }
                answer
            })
        })
        .await
    }
}

/// Runs `call` once on the connection of `lease`. `None` if the deadline passes.
async fn attempt<S: Server, T, F>(
    mut lease: Lease<S>,
    database: &Database<S>,
    call: &F,
    until: Instant,
) -> Option<QueryResult<T>>
where
    F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T>,
{
    let mut answer = timeout_at(until, call(lease.connection()?)).await;
    if let Ok(Err(error)) = &answer
        && ErrorClass::new::<S>(error) == ErrorClass::StalePlan
    {
        lease.forget_statements();
        answer = timeout_at(until, call(lease.connection()?)).await;
    }
    let Ok(answer) = answer else {
        lease.discard_silent(&database.pool);
        return None;
    };
    match answer.as_ref().map_err(ErrorClass::new::<S>) {
        // `StalePlan` here means that the second attempt failed, too. The server has answered both.
        Ok(_) | Err(ErrorClass::Statement | ErrorClass::RolledBack | ErrorClass::StalePlan) => lease.keep(),
        Err(ErrorClass::Disconnected) => lease.discard_all(&database.pool),
        Err(ErrorClass::Unknown) if lease.answers(until).await => lease.keep(),
        Err(ErrorClass::Unknown) => lease.discard(),
    }
    Some(answer)
}

/// Waits longer after each retry, for a random time, so that two calls don't meet again.
async fn wait_before_retry(retries: u32) {
    let delay = RETRY_DELAY * 2_u32.pow(retries);
    let part = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    sleep(delay.mul_f64(0.5 + part)).await;
}
