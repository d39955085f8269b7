use deadpool::managed::{Object, Pool};
use diesel_async::{AnsiTransactionManager, TransactionManager as _};

use super::Server;

/// A connection of a pool. Whatever is left in it when a call does not come to its end, nobody else reads that.
pub(super) struct Lease<S: Server>(Option<Object<S::Manager>>);

impl<S: Server> Lease<S> {
    pub(super) fn of(connection: Object<S::Manager>) -> Self {
        Self(Some(connection))
    }

    pub(super) fn connection(&mut self) -> Option<&mut S::Connection> {
        self.0.as_deref_mut()
    }

    pub(super) fn keep(mut self) {
        drop(self.0.take());
    }

    pub(super) fn discard(mut self) {
        drop(self.0.take().map(Object::take));
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
        let Some(mut connection) = self.0.take() else {
            return;
        };
        if !S::SKIPS_REPLIES || AnsiTransactionManager::is_broken_transaction_manager(&mut *connection) {
            drop(Object::take(connection));
        }
    }
}
