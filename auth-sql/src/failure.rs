//! The errors of databases, with the operator's next step.

use std::{error::Error, fmt};

use auth_core::{StoreError, StoreErrorKind};
use diesel::{
    ConnectionError,
    result::{DatabaseErrorKind, Error as QueryError},
};
use diesel_async::pooled_connection::{PoolError as OpenError, deadpool::PoolError};

const NO_TABLE: &str = "run `migrate`, which makes the default tables, or the application's own migrations";
const ANOTHERS: &str = "a table of this name is there that `migrate` did not make: use another database or schema, or map \
    the table with `user_store!` and `access_token_store!`";
const FORBIDDEN: &str = "grant the user this right";
const READ_ONLY: &str = "let the user of this process write the file and its folder";

/// The parts of the three databases' messages, in English, and the next step.
const ANSWERS: [(&[&str], &str); 11] = [
    (&["relation ", " does not exist"], NO_TABLE),
    (&["column ", " does not exist"], NO_TABLE),
    (&["Table ", " doesn't exist"], NO_TABLE),
    (&["Unknown column "], NO_TABLE),
    (&["no such table: "], NO_TABLE),
    (&["no such column: "], NO_TABLE),
    (&["has no column named "], NO_TABLE),
    (&["relation ", " already exists"], ANOTHERS),
    (&["able ", " already exists"], ANOTHERS),
    (&["permission denied for "], FORBIDDEN),
    (&[" command denied to user "], FORBIDDEN),
];

/// The error if a pool has no connection to give. The code that opens connections has already found the reason.
pub(crate) fn no_connection(store: &'static str, error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(OpenError::ConnectionError(ConnectionError::BadConnection(problem))) => {
            StoreError::unreachable(store, problem)
        }
        other => StoreError::unreachable(store, other),
    }
}

/// The kind of an error that a statement ended with. An error with a message alone counts as `Refused`: the fault may pass,
/// and may not be ours.
pub(crate) fn kind(error: &(dyn Error + 'static)) -> StoreErrorKind {
    use DatabaseErrorKind as Kind;

    let Some(error) = error.downcast_ref::<QueryError>() else {
        return StoreErrorKind::Internal;
    };
    match error {
        QueryError::DatabaseError(Kind::SerializationFailure, _) => StoreErrorKind::Contention,
        QueryError::DatabaseError(
            Kind::UnableToSendCommand | Kind::ClosedConnection | Kind::ReadOnlyTransaction,
            _,
        )
        | QueryError::BrokenTransactionManager => StoreErrorKind::Unreachable,
        QueryError::DatabaseError(Kind::Unknown, problem) => kind_of_words(problem.message()),
        QueryError::RollbackErrorOnCommit { commit_error, .. } => kind(&**commit_error),
        QueryError::DeserializationError(_) => StoreErrorKind::InvalidData,
        _ => StoreErrorKind::Internal,
    }
}

fn kind_of_words(message: &str) -> StoreErrorKind {
    match message {
        "database is locked" | "database table is locked" => StoreErrorKind::Contention,
        "database disk image is malformed" | "file is not a database" => StoreErrorKind::InvalidData,
        _ => StoreErrorKind::Refused,
    }
}

/// `error` with the next step, if that is known.
pub(crate) fn with_next_step<E: Error + Send + Sync + 'static>(error: E) -> Box<dyn Error + Send + Sync> {
    let message = error.to_string();
    match next_step(&message) {
        Some(step) => Box::new(Advised { error, step }),
        None => Box::new(error),
    }
}

fn next_step(message: &str) -> Option<&'static str> {
    let is_it = |parts: &&[&str]| {
        let mut rest = Some(message);
        for part in *parts {
            rest = rest
                .and_then(|rest| rest.split_once(part))
                .map(|(_, behind)| behind);
        }
        rest.is_some()
    };
    if message.contains("attempt to write a readonly database") {
        return Some(READ_ONLY);
    }
    ANSWERS
        .iter()
        .find(|(parts, _)| is_it(parts))
        .map(|(_, step)| *step)
}

#[derive(Debug)]
struct Advised<E> {
    error: E,
    step: &'static str,
}

impl<E: fmt::Display> fmt::Display for Advised<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.step)
    }
}

impl<E: Error + 'static> Error for Advised<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Error as Unfinished;

    use super::*;

    #[test]
    fn a_refusal_is_told_from_an_unreadable_answer() {
        use StoreErrorKind::{Contention, Internal, InvalidData, Refused, Unreachable};

        let answer = |kind, words: &str| QueryError::DatabaseError(kind, Box::new(words.to_owned()));
        let unknown = |words| answer(DatabaseErrorKind::Unknown, words);
        for (error, told) in [
            (unknown("no such table: users"), Refused),
            (unknown("permission denied for table users"), Refused),
            (unknown("database or disk is full"), Refused),
            (unknown("database is locked"), Contention),
            (unknown("file is not a database"), InvalidData),
            (answer(DatabaseErrorKind::SerializationFailure, ""), Contention),
            (answer(DatabaseErrorKind::ClosedConnection, ""), Unreachable),
            (answer(DatabaseErrorKind::UniqueViolation, "users_pkey"), Internal),
            (
                QueryError::DeserializationError(Box::new(Unfinished)),
                InvalidData,
            ),
            (QueryError::NotFound, Internal),
        ] {
            assert_eq!(kind(&error), told, "{error:?}");
        }
        assert_eq!(kind(&Unfinished), Internal);
    }

    #[test]
    fn n10_an_answer_is_told_with_the_next_step() {
        for (message, step) in [
            ("relation \"users\" does not exist", NO_TABLE),
            ("column users.revision does not exist", NO_TABLE),
            ("Table 'app.users' doesn't exist", NO_TABLE),
            ("Unknown column 'users.revision' in 'SELECT'", NO_TABLE),
            ("no such table: users", NO_TABLE),
            ("table users has no column named revision", NO_TABLE),
            ("relation \"users\" already exists", ANOTHERS),
            ("Table 'users' already exists", ANOTHERS),
            (
                "Failed to run 20260801000001 with: table `users` already exists",
                ANOTHERS,
            ),
            ("permission denied for schema public", FORBIDDEN),
            (
                "CREATE command denied to user 'ada'@'localhost' for table `app`.`users`",
                FORBIDDEN,
            ),
            ("attempt to write a readonly database", READ_ONLY),
        ] {
            assert_eq!(next_step(message), Some(step), "{message}");
        }
        for message in ["deadlock detected", "connection closed", ""] {
            assert_eq!(next_step(message), None, "{message}");
        }
    }
}
