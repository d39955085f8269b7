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

    /// By the message: Diesel passes on neither the code nor a kind of these. If the server's language is not English,
    /// its last messages before it stops count as ordinary errors.
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

    /// The message does not tell, and Diesel does not pass the code on. `refused_field` asks the server instead.
    fn refuses_value(_error: &dyn DatabaseErrorInformation) -> bool {
        false
    }

    /// Messages name tables, columns and constraints. Values are in the details, which are not printed.
    fn report(error: Error) -> StoreError {
        StoreError::new(server::kind::<Self>(&error), Self::STORE, with_next_step(error))
    }
}

/// True for `cached plan must not change result type` in any language: that error has a message and nothing else. Other
/// errors look the same, but the server has rolled those back, too, so a second attempt only costs a round trip.
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

/// Recognises a deadlock in any language: each line of the details is about one process of the circle and names the kind of
/// lock that it waits for. Those names are not translated.
fn is_deadlock(error: &dyn DatabaseErrorInformation) -> bool {
    let names_a_lock = |line: &str| line.contains("ShareLock") || line.contains("ExclusiveLock");
    let circle = error.details().unwrap_or_default();
    circle.lines().count() > 1 && circle.lines().all(names_a_lock)
}
