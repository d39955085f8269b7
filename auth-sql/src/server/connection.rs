use std::time::Duration;

use deadpool::managed::{Object, Pool};
use diesel::connection::CacheSize;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection as _, SimpleAsyncConnection as _, TransactionManager as _,
};
use tokio::time::{Instant, timeout_at};

use super::Server;

/// Longer than a statement takes that waits for no lock. If the caller drops a call after this time, the statement may
/// still be waiting for a lock, and the next user of the connection would wait behind it. So the connection is closed.
const MAX_REUSE_TIME: Duration = Duration::from_millis(100);

/// A connection of a pool. If a call is dropped half-way, no other caller reads the rest of its reply.
pub(super) struct Lease<S: Server> {
    connection: Option<Object<S::Manager>>,
    since: Instant,
}

impl<S: Server> Lease<S> {
    pub(super) fn new(connection: Object<S::Manager>) -> Self {
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

    /// True if the server answers on the connection by `until`.
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

    /// Discards the connection, whose call missed its deadline, and those that have been idle in `pool` since before
    /// the call. If a firewall dropped one, for example, it may have dropped the others, and each would cost a call to
    /// find out.
    pub(super) fn discard_silent(self, pool: &Pool<S::Manager>) {
        let since = self.since;
        self.discard();
        drop(pool.retain(|_connection, metrics| metrics.last_used() < since.elapsed()));
    }

    /// Discards the connection and the idle ones in `pool`. If the server has stopped, all are lost.
    pub(super) fn discard_all(self, pool: &Pool<S::Manager>) {
        self.discard();
        drop(pool.retain(|_connection, _metrics| false));
    }
}

impl<S: Server> Drop for Lease<S> {
    /// The caller dropped the call. An open transaction would hold its locks for as long as the connection is open.
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if !S::SKIPS_REPLIES
            || self.since.elapsed() > MAX_REUSE_TIME
            || AnsiTransactionManager::is_broken_transaction_manager(&mut *connection)
        {
            drop(Object::take(connection));
        }
    }
}
