use std::time::Duration;

use deadpool::managed::{Object, Pool};
use diesel::connection::CacheSize;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection as _, SimpleAsyncConnection as _, TransactionManager as _,
};
use tokio::time::{Instant, timeout_at};

use super::Server;

/// Longer than a statement takes that waits for nobody. One that waits for a lock is not over when its caller goes
/// away, and whoever had its connection next would wait behind it.
const SOON_OVER: Duration = Duration::from_millis(100);

/// A connection of a pool. Whatever is left in it when a call does not come to its end, nobody else reads that.
pub(super) struct Lease<S: Server> {
    connection: Option<Object<S::Manager>>,
    since: Instant,
}

impl<S: Server> Lease<S> {
    pub(super) fn of(connection: Object<S::Manager>) -> Self {
        Self {
            connection: Some(connection),
            since: Instant::now(),
        }
    }

    pub(super) fn connection(&mut self) -> Option<&mut S::Connection> {
        self.connection.as_deref_mut()
    }

    /// Forgets the statements that the connection has prepared.
    pub(super) fn forget_statements(&mut self) {
        if let Some(connection) = self.connection() {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
            connection.set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
    }

    /// Whether the server still answers on the connection by `until`.
    pub(super) async fn answers(&mut self, until: Instant) -> bool {
        match self.connection() {
            Some(connection) => {
                let answer = timeout_at(until, connection.batch_execute("SELECT 1")).await;
                answer.is_ok_and(|answer| answer.is_ok())
            }
            None => false,
        }
    }

    pub(super) fn keep(mut self) {
        drop(self.connection.take());
    }

    pub(super) fn discard(mut self) {
        drop(self.connection.take().map(Object::take));
    }

    /// Discards the connection, whose call met its deadline, and those that have waited in `pool` since before: what
    /// silenced the one, say a firewall that forgot it, may have silenced them, and each would cost a call to find out.
    pub(super) fn discard_silent(self, pool: &Pool<S::Manager>) {
        let since = self.since;
        self.discard();
        drop(pool.retain(|_connection, metrics| metrics.last_used() < since.elapsed()));
    }

    /// Discards the connection, and those that wait in `pool`: a server that has ended takes all with it.
    pub(super) fn discard_all(self, pool: &Pool<S::Manager>) {
        self.discard();
        drop(pool.retain(|_connection, _metrics| false));
    }
}

impl<S: Server> Drop for Lease<S> {
    /// The caller went away. An open transaction holds locks for as long as its connection is open.
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if !S::SKIPS_REPLIES
            || self.since.elapsed() > SOON_OVER
            || AnsiTransactionManager::is_broken_transaction_manager(&mut *connection)
        {
            drop(Object::take(connection));
        }
    }
}
