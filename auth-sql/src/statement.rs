//! The statements of a store, and the databases that run them.

mod prepared_once;

use std::{fmt, future::Future, marker::PhantomData, time::Duration};

use auth_core::StoreError;
use diesel::{QueryResult, result::Error};
use tokio::time::{Instant, timeout_at};

pub use prepared_once::PreparedOnce;

/// The reaction if the connection, and with it the answer, is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDisconnect {
    /// Run the call once more: a second time has the same effect.
    Retry,
    /// Fail: the change may have been made.
    Fail,
}

/// A pool of connections to a database, with deadlines and retries. The stores run on it.
pub trait AnyDatabase: Clone + fmt::Debug + Send + Sync + 'static {
    /// The name in errors.
    const STORE: &'static str;

    /// A connection.
    type Connection;

    /// The result of a call on a borrowed connection: a [`QueryResult`], or the future of one.
    type Answer<'c, T: Send + 'static>;

    /// The deadline of a call.
    fn limit(&self) -> Duration;

    /// The error to report. It repeats no value of a row.
    fn report(error: Error) -> StoreError;

    /// Runs `call`, which must not write.
    fn read<T, F>(&self, call: F) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut Self::Connection) -> Self::Answer<'c, T> + Send + Sync + 'static;

    /// Runs `call`, which makes one change. It returns the database's own error separately, for callers that distinguish its
    /// errors.
    fn try_change<T, F>(
        &self,
        on_disconnect: OnDisconnect,
        call: F,
    ) -> impl Future<Output = Result<QueryResult<T>, StoreError>> + Send
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut Self::Connection) -> Self::Answer<'c, T> + Send + Sync + 'static;

    /// Like [`try_change`](Self::try_change), but every error is a [`StoreError`].
    fn change<F>(
        &self,
        on_disconnect: OnDisconnect,
        call: F,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send
    where
        F: for<'c> Fn(&'c mut Self::Connection) -> Self::Answer<'c, usize> + Send + Sync + 'static,
    {
        async move { self.try_change(on_disconnect, call).await?.map_err(Self::report) }
    }
}

/// Runs `look_up` as part of a call whose deadline is `until`.
pub(crate) async fn within<D: AnyDatabase, T>(
    database: &D,
    until: Instant,
    look_up: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout_at(until, look_up)
        .await
        .unwrap_or_else(|_elapsed| Err(StoreError::timeout(D::STORE, database.limit())))
}

/// A statement that writes rows.
#[diagnostic::on_unimplemented(
    message = "a column of the table has another type than what the store writes to it",
    label = "this table, or a field of its profile",
    note = "compare `table!` with the columns in the documentation of `user_store!` or `access_token_store!`, and the profile with its own columns"
)]
pub trait Statement<D: AnyDatabase>: Send + 'static {
    /// Runs the statement and returns the number of rows that it wrote.
    fn execute(self, connection: &mut D::Connection) -> D::Answer<'_, usize>;
}

/// A statement that returns rows, each as a `T`.
#[diagnostic::on_unimplemented(
    message = "a column of the table has another type than what the store reads from it or writes to it",
    label = "this table, or a field of its profile",
    note = "compare `table!` with the columns in the documentation of `user_store!` or `access_token_store!`, and the profile with its own columns"
)]
pub trait Query<D: AnyDatabase, T: Send + 'static>: Send + 'static {
    /// The only row, if there is one.
    fn first(self, connection: &mut D::Connection) -> D::Answer<'_, Option<T>>;

    /// All rows.
    fn load(self, connection: &mut D::Connection) -> D::Answer<'_, Vec<T>>;
}

/// A statement that writes at most one row, and returns a `T` of it.
pub trait RowWrite<D: AnyDatabase, T: Send + 'static>: Send + 'static {
    /// Runs the statement. It returns `None` if it wrote no row.
    fn write(self, connection: &mut D::Connection) -> D::Answer<'_, Option<T>>;
}

/// A [`RowWrite`] that returns the row itself.
pub struct Returning<Q>(pub Q);

impl<D: AnyDatabase, T: Send + 'static, Q: Query<D, T>> RowWrite<D, T> for Returning<Q> {
    fn write(self, connection: &mut D::Connection) -> D::Answer<'_, Option<T>> {
        self.0.first(connection)
    }
}

/// A [`Query`] that reads each row from columns `U` by a function.
pub struct Rows<Q, U, F> {
    pub(crate) query: Q,
    pub(crate) read: F,
    columns: PhantomData<fn() -> U>,
}

/// The rows of `query`, each read by `read`.
pub fn rows<Q, U, T, F: Fn(U) -> T>(query: Q, read: F) -> Rows<Q, U, F> {
    Rows {
        query,
        read,
        columns: PhantomData,
    }
}

/// Reads a row of one column as it is.
pub fn same<T>(column: T) -> T {
    column
}
