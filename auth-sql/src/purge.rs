//! Removing expired rows from a table.

use std::future::Future;

use auth_core::StoreError;
use time::OffsetDateTime;

use crate::{
    DigestColumn, InstantColumn,
    statement::{AnyDatabase, Query, Statement},
};

/// MySQL takes 65,535 values in a statement, SQLite 32,766.
pub(crate) const DIGESTS_AT_ONCE: usize = 1000;

/// The statements that remove expired rows from a table in a `D`. A row is known by its digest.
pub trait ExpiringTable<D: AnyDatabase>: Send + Sync + 'static {
    /// At most `limit` rows that expired at or before `now`. It skips rows that another call has locked: that call or the
    /// next purge handles them.
    fn expired(now: InstantColumn, limit: i64) -> impl Query<D, DigestColumn>;

    /// Deletes the rows of `digests`.
    fn delete_each(digests: Vec<DigestColumn>) -> impl Statement<D>;
}

/// A database that removes expired rows from an [`ExpiringTable`].
pub trait PurgeCalls: AnyDatabase {
    /// Deletes at most `limit` rows of `T` that expired at or before `now`.
    fn purge<T: ExpiringTable<Self>>(
        &self,
        now: OffsetDateTime,
        limit: u32,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}
