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

/// A call without its type: what repeats it is compiled once for each kind of answer, not for each statement.
type SharedCall<S, T> = dyn for<'c> Fn(&'c mut <S as Server>::Connection) -> Answer<'c, T> + Send + Sync;

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
        self.repeat(on_disconnect, &call).await
    }

    async fn repeat<T: Send + 'static>(
        &self,
        on_disconnect: OnDisconnect,
        call: &SharedCall<S, T>,
    ) -> Result<QueryResult<T>, StoreError> {
        let until = Instant::now() + self.deadline;
        let (mut retries, mut lost) = (0, false);
        loop {
            let lease = self.lease(until).await?;
            let answer = attempt(lease, self, call, until)
                .await
                .ok_or_else(|| self.late())?;
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

    /// A connection of the pool, by `until`.
    async fn lease(&self, until: Instant) -> Result<Lease<S>, StoreError> {
        match timeout_at(until, self.pool.get()).await {
            Ok(Ok(connection)) => Ok(Lease::new(connection)),
            Ok(Err(error)) => Err(no_connection(S::STORE, error)),
            Err(_elapsed) => Err(self.late()),
        }
    }

    fn late(&self) -> StoreError {
        StoreError::timeout(S::STORE, self.deadline)
    }

    /// [`write`](Self::write), with the server's own error separate.
    pub(super) async fn try_write<T, F>(&self, call: F) -> Result<QueryResult<T>, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T> + Send + Sync + 'static,
    {
        let call: Arc<SharedCall<S, T>> = Arc::new(call);
        self.try_call(OnDisconnect::Fail, move |connection| {
            let call = Arc::clone(&call);
            Box::pin(in_transaction::<S, T>(connection, call))
        })
        .await
    }
}

async fn in_transaction<S: Server, T>(
    connection: &mut S::Connection,
    call: Arc<SharedCall<S, T>>,
) -> QueryResult<T> {
    AnsiTransactionManager::begin_transaction_sql(connection, S::BEGIN).await?;
    let answer = call(connection).await;
    if answer.is_ok() {
        AnsiTransactionManager::commit_transaction(connection).await?;
    } else {
        // If this fails, the pool discards the connection: it checks the state of the transaction.
        let _rolled_back = AnsiTransactionManager::rollback_transaction(connection).await;
    }
    answer
}

/// Runs `call` once on the connection of `lease`. `None` if the deadline passes.
async fn attempt<S: Server, T>(
    mut lease: Lease<S>,
    database: &Database<S>,
    call: &SharedCall<S, T>,
    until: Instant,
) -> Option<QueryResult<T>> {
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
