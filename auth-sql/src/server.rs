//! What PostgreSQL and MySQL have in common: a pool of connections to a server that may be away.
//!
//! [`postgres::Database`](crate::postgres::Database) and [`mysql::Database`](crate::mysql::Database) are this
//! [`Database`].

mod access_token;
mod call;
mod connection;
pub(crate) mod credentials;
mod database;
pub(crate) mod migrate;
pub(crate) mod opening;
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

/// What a query on a borrowed connection comes to: `Box::pin(async move { … })`.
pub type Answer<'c, T> = Pin<Box<dyn Future<Output = QueryResult<T>> + Send + 'c>>;

/// A kind of server: [`Postgres`](crate::postgres::Postgres) or [`Mysql`](crate::mysql::Mysql).
pub trait Server: Sized + Send + Sync + 'static {
    /// The name in errors.
    const STORE: &'static str;

    /// Begins a transaction whose every statement sees all that is committed: what is read once a lock was granted
    /// is what its holder before left.
    #[doc(hidden)]
    const BEGIN: &'static str;

    /// Whether an insertion can name the index whose violation is no error. If not, of two unique indexes that are violated
    /// the error names the first.
    #[doc(hidden)]
    const HAS_ON_CONFLICT: bool;

    /// Whether the driver reads, and throws away, the reply to a statement that nobody waits for any more.
    #[doc(hidden)]
    const SKIPS_REPLIES: bool;

    /// A connection.
    type Connection: AsyncConnection<TransactionManager = AnsiTransactionManager> + Send + 'static;

    /// What opens and looks after the connections of a pool.
    type Manager: managed::Manager<Type = Self::Connection, Error = PoolError> + Send + Sync + 'static;

    /// What an error without a kind of its own means.
    #[doc(hidden)]
    fn class_of(error: &dyn DatabaseErrorInformation) -> ErrorClass;

    /// The part of an error in which a column or a constraint is named.
    #[doc(hidden)]
    fn named(error: &dyn DatabaseErrorInformation) -> Option<&str>;

    /// Whether an error without a kind of its own says that a column cannot hold its value.
    #[doc(hidden)]
    fn refuses_value(error: &dyn DatabaseErrorInformation) -> bool;

    /// The error to report. It repeats no value of a row.
    #[doc(hidden)]
    fn report(error: Error) -> StoreError;
}

/// What an error of a call says of the call and of its connection.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The server's answer; the connection is good.
    Statement,
    /// The server undid the whole transaction for another's sake; the connection is good.
    RolledBack,
    /// The connection is gone, and with it perhaps the others of the pool.
    Disconnected,
    /// Nothing was done. The statement may have been prepared before a table changed: prepared anew, it may succeed.
    StalePlan,
    /// Nobody knows in which state the connection is, until it answers again.
    Unknown,
}

/// What `error` says to whoever made the call.
pub(crate) fn kind<S: Server>(error: &Error) -> StoreErrorKind {
    match ErrorClass::of::<S>(error) {
        ErrorClass::RolledBack => StoreErrorKind::Contention,
        ErrorClass::Disconnected => StoreErrorKind::Unreachable,
        ErrorClass::Statement | ErrorClass::StalePlan | ErrorClass::Unknown => failure::kind(error),
    }
}

impl ErrorClass {
    fn of<S: Server>(error: &Error) -> Self {
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
            // A server that takes no writes is a standby, or has become one: the primary is elsewhere now.
            Error::DatabaseError(
                Kind::UnableToSendCommand | Kind::ClosedConnection | Kind::ReadOnlyTransaction,
                _,
            ) => Self::Disconnected,
            Error::DatabaseError(_, error) => S::class_of(&**error),
            _ => Self::Unknown,
        }
    }
}
