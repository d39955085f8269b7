//! The part that PostgreSQL and MySQL share: a pool of connections to a server that may be unreachable.
//!
//! [`postgres::Database`](crate::postgres::Database) and [`mysql::Database`](crate::mysql::Database) are this
//! [`Database`].

pub(crate) mod access_token;
mod call;
mod connection;
pub(crate) mod credentials;
mod database;
pub(crate) mod migrate;
pub(crate) mod opening;
mod purge;
mod statement;
pub(crate) mod user;

use std::{future::Future, pin::Pin};

use auth_core::{StoreError, StoreErrorKind};
use deadpool::managed;
use diesel::{
    QueryResult,
    result::{DatabaseErrorInformation, DatabaseErrorKind, Error},
};
use diesel_async::{AnsiTransactionManager, AsyncConnection, pooled_connection::PoolError};

pub use database::Database;

use crate::failure;

/// The future of a query on a borrowed connection: `Box::pin(async move { … })`.
pub type Answer<'c, T> = Pin<Box<dyn Future<Output = QueryResult<T>> + Send + 'c>>;

/// A kind of server: [`Postgres`](crate::postgres::Postgres) or [`Mysql`](crate::mysql::Mysql).
pub trait Server: Sized + Send + Sync + 'static {
    /// The name in errors.
    const STORE: &'static str;

    /// Begins a transaction in which each statement sees everything committed so far. A read after a granted lock
    /// therefore sees the changes of the lock's previous holder.
    #[doc(hidden)]
    const BEGIN: &'static str;

    /// True if an insertion can name an index whose violation is ignored. If false, and two unique indexes are violated, the
    /// error names the first.
    #[doc(hidden)]
    const HAS_ON_CONFLICT: bool;

    /// True if the driver reads and discards the reply to a statement whose future was dropped.
    #[doc(hidden)]
    const SKIPS_REPLIES: bool;

    /// A connection.
    type Connection: AsyncConnection<TransactionManager = AnsiTransactionManager> + Send + 'static;

    /// The manager of a pool's connections.
    type Manager: managed::Manager<Type = Self::Connection, Error = PoolError> + Send + Sync + 'static;

    /// The class of an error without a kind.
    #[doc(hidden)]
    fn class_of(error: &dyn DatabaseErrorInformation) -> ErrorClass;

    /// The part of an error that names a column or a constraint.
    #[doc(hidden)]
    fn named(error: &dyn DatabaseErrorInformation) -> Option<&str>;

    /// True if an error without a kind says that a column cannot hold its value.
    #[doc(hidden)]
    fn refuses_value(error: &dyn DatabaseErrorInformation) -> bool;

    /// The error to report. It repeats no value of a row.
    #[doc(hidden)]
    fn report(error: Error) -> StoreError;
}

/// The effect of an error on the call and on its connection.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The server refused the statement. The connection is good.
    Statement,
    /// The server rolled the transaction back, in favour of another. The connection is good.
    RolledBack,
    /// The connection is lost, and perhaps the others of the pool are, too.
    Disconnected,
    /// Nothing was done. A table may have changed since the statement was prepared; prepared again, it may succeed.
    StalePlan,
    /// The state of the connection is unknown until it answers again.
    Unknown,
}

/// The kind of the `StoreError` for `error`.
pub(crate) fn kind<S: Server>(error: &Error) -> StoreErrorKind {
    match ErrorClass::new::<S>(error) {
        ErrorClass::RolledBack => StoreErrorKind::Contention,
        ErrorClass::Disconnected => StoreErrorKind::Unreachable,
        ErrorClass::Statement | ErrorClass::StalePlan | ErrorClass::Unknown => failure::kind(error),
    }
}

impl ErrorClass {
    fn new<S: Server>(error: &Error) -> Self {
        use DatabaseErrorKind as Kind;
        match error {
            Error::NotFound
            | Error::DeserializationError(_)
            | Error::SerializationError(_)
            | Error::QueryBuilderError(_)
            | Error::RollbackTransaction
            | Error::DatabaseError(
                Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::RestrictViolation
                | Kind::ExclusionViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation,
                _,
            ) => Self::Statement,
            Error::DatabaseError(Kind::SerializationFailure, _) => Self::RolledBack,
            // A server that takes no writes is a standby, or has become one. The primary is another server now.
            Error::DatabaseError(
                Kind::UnableToSendCommand | Kind::ClosedConnection | Kind::ReadOnlyTransaction,
                _,
            ) => Self::Disconnected,
            Error::DatabaseError(_, error) => S::class_of(&**error),
            _ => Self::Unknown,
        }
    }
}
