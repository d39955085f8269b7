use auth_core::StoreError;
use diesel::result::{DatabaseErrorInformation, Error};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;

use super::Connection;
use crate::{
    failure::with_next_step,
    server::{self, ErrorClass, Server},
};

/// A server of PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

impl Server for Postgres {
    const STORE: &'static str = "postgresql";
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED";
    const HAS_ON_CONFLICT: bool = true;
    const SKIPS_REPLIES: bool = true;

    type Connection = Connection;
    type Manager = AsyncDieselConnectionManager<Connection>;

    /// Diesel hands on neither the code of these, nor a kind. In another language than English, a server's last words
    /// are an error like any other.
    fn class_of(error: &dyn DatabaseErrorInformation) -> ErrorClass {
        let message = error.message();
        if is_deadlock(error) {
            ErrorClass::RolledBack
        } else if message.starts_with("terminating connection")
            || message.starts_with("the database system is")
        {
            ErrorClass::Disconnected
        } else if may_be_stale(error) {
            ErrorClass::StalePlan
        } else {
            ErrorClass::Unknown
        }
    }

    fn named(error: &dyn DatabaseErrorInformation) -> Option<&str> {
        error.column_name().or(error.constraint_name())
    }

    /// Without the code of the error nobody can tell, but the server can be asked: see `__refused_field`.
    fn refuses_value(_error: &dyn DatabaseErrorInformation) -> bool {
        false
    }

    /// Its messages name tables, columns and constraints; values are in the details, which nobody prints.
    fn report(error: Error) -> StoreError {
        StoreError::new(server::kind::<Self>(&error), Self::STORE, with_next_step(error))
    }
}

/// `cached plan must not change result type`, in whatever language: it comes with nothing but the message. Others do so, too,
/// and whatever they are, the server has undone the statement: trying it once more costs a round trip.
fn may_be_stale(error: &dyn DatabaseErrorInformation) -> bool {
    let details = [
        error.details(),
        error.hint(),
        error.table_name(),
        error.column_name(),
        error.constraint_name(),
    ];
    details.iter().all(Option::is_none) && error.statement_position().is_none()
}

/// Whatever the language of the message: each line of the details is of one process of the circle and names the kind of
/// lock that it waits for, and those names are not translated.
fn is_deadlock(error: &dyn DatabaseErrorInformation) -> bool {
    let names_a_lock = |line: &str| line.contains("ShareLock") || line.contains("ExclusiveLock");
    let circle = error.details().unwrap_or_default();
    circle.lines().count() > 1 && circle.lines().all(names_a_lock)
}
