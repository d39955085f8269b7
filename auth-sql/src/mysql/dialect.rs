use auth_core::StoreError;
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;

use super::Connection;
use crate::{
    failure::with_next_step,
    server::{self, ErrorClass, Server},
};

/// A server of MySQL or MariaDB.
#[derive(Clone, Copy, Debug)]
pub struct Mysql;

/// The messages if the server rolled a transaction back, or a statement waited too long for a lock.
const UNDONE: [&str; 3] = [
    "Deadlock found when trying to get lock",
    "Lock wait timeout exceeded",
    "Record has changed since last read",
];

/// The messages if the connection is lost: two of the driver's, then the last messages of a server.
const LOST: [&str; 5] = [
    "Input/output error",
    "Driver error",
    "Server shutdown in progress",
    "Connection was killed",
    "The client was disconnected by the server",
];

/// The messages of a server that takes no writes, for example because it is no longer the primary. The last is a storage
/// engine's.
const TAKES_NO_WRITES: [&str; 5] = [
    "The MariaDB server is running with the --read-only",
    "The MariaDB server is running with the --super-read-only",
    "The MySQL server is running with the --read-only",
    "The MySQL server is running with the --super-read-only",
    "Running in read-only mode",
];

/// The message if a table has changed since the statement was prepared, and the server cannot prepare it again.
const STALE: &str = "Prepared statement needs to be re-prepared";

/// The messages for a value that a column cannot hold.
const REFUSED_VALUES: [&str; 6] = [
    "Data too long for column ",
    "Data truncated for column ",
    "Out of range value for column ",
    "Invalid JSON text",
    "Invalid utf8",
    "CONSTRAINT ",
];

/// The texts before and after the name of a column or a constraint.
const NAMED: [(&str, &str); 7] = [
    ("FOREIGN KEY (", ")"),
    ("for column ", " at row"),
    ("for column ", "'."),
    ("CONSTRAINT ", " failed for"),
    ("Check constraint ", " is violated"),
    ("Column ", " cannot be null"),
    ("Field ", " doesn't have"),
];

impl Server for Mysql {
    const STORE: &'static str = "mysql";
    /// The server's default locks the gaps between rows, so that calls for different users would wait for each other.
    const BEGIN: &'static str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN";
    const HAS_ON_CONFLICT: bool = false;
    const SKIPS_REPLIES: bool = false;

    type Connection = Connection;
    type Manager = AsyncDieselConnectionManager<Connection>;

    /// By the message: Diesel passes on neither the code nor a kind of these.
    fn class_of(error: &dyn DatabaseErrorInformation) -> ErrorClass {
        let message = error.message();
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| message.starts_with(beginning));
        if begins(&UNDONE) {
            ErrorClass::RolledBack
        } else if begins(&LOST) || begins(&TAKES_NO_WRITES) {
            ErrorClass::Disconnected
        } else if message.starts_with(STALE) {
            ErrorClass::StalePlan
        } else {
            ErrorClass::Unknown
        }
    }

    fn named(error: &dyn DatabaseErrorInformation) -> Option<&str> {
        let message = error.message();
        NAMED.iter().find_map(|(before, after)| {
            // The last occurrence: a value may come before it.
            let (_, rest) = message.rsplit_once(before)?;
            let name = rest.split_once(after)?.0;
            Some(name.rsplit('.').next().unwrap_or(name))
        })
    }

    fn refuses_value(error: &dyn DatabaseErrorInformation) -> bool {
        let message = error.message();
        REFUSED_VALUES
            .iter()
            .any(|beginning| message.starts_with(beginning))
            || repeats_a_value(message)
            || message.contains("value is out of range in")
    }

    /// Messages about a taken value, or one that a column cannot hold, repeat the value. These leave it out.
    fn report(error: Error) -> StoreError {
        let kind = server::kind::<Self>(&error);
        match &error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, violation) => {
                let index = violated(violation.message()).unwrap_or_default();
                StoreError::new(
                    kind,
                    Self::STORE,
                    format!("a value of the unique index {index:?} is taken"),
                )
            }
            Error::DatabaseError(_, problem) if repeats_a_value(problem.message()) => {
                let without = problem
                    .message()
                    .split('\'')
                    .next()
                    .unwrap_or_default()
                    .trim_end();
                StoreError::new(kind, Self::STORE, without.trim_end_matches(':'))
            }
            _ => StoreError::new(kind, Self::STORE, with_next_step(error)),
        }
    }
}

/// The unique index: the last word of the message, in quotes.
fn violated(message: &str) -> Option<&str> {
    let (_, index) = message.strip_suffix('\'')?.rsplit_once('\'')?;
    Some(index)
}

/// True for `Incorrect datetime value: '…' for column …`, but not for `Incorrect key file for table …`, a fault of the
/// server.
fn repeats_a_value(message: &str) -> bool {
    let message = message.strip_prefix("Truncated i").or(message.strip_prefix('I'));
    message.is_some_and(|rest| rest.starts_with("ncorrect ") && rest.contains(" value: '"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(message: &str) -> Error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, Box::new(message.to_owned()))
    }

    #[test]
    fn e4_a_taken_value_is_not_repeated() {
        for (message, index) in [
            (
                "Duplicate entry 'ada@example.com' for key 'users.email'",
                "users.email",
            ),
            ("Duplicate entry 'o'brien@example.com' for key 'email'", "email"),
        ] {
            let Error::DatabaseError(_, violation) = taken(message) else {
                unreachable!()
            };
            assert_eq!(violated(violation.message()), Some(index));
            let error = Mysql::report(taken(message));
            assert!(!format!("{error} {error:?}").contains("example.com"), "{error}");
        }
        let message = "Incorrect string value: '\\xF0\\x9F\\xA6' for column `app`.`users`.`name` at row 1";
        let unknown = Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
        let error = format!("{:?}", Mysql::report(unknown));
        assert!(
            error.contains("Incorrect string value") && !error.contains("xF0"),
            "{error}"
        );
    }

    #[test]
    fn a_server_that_takes_no_writes_is_known_by_its_words() {
        let failure = |message: &str| Mysql::class_of(&message.to_owned());
        for option in ["read-only", "super-read-only"] {
            for name in ["MariaDB", "MySQL"] {
                let message = format!(
                    "The {name} server is running with the --{option} option so it cannot execute this statement"
                );
                assert_eq!(failure(&message), ErrorClass::Disconnected, "{message}");
            }
        }
        assert_eq!(failure("Running in read-only mode"), ErrorClass::Disconnected);
        assert_eq!(failure(STALE), ErrorClass::StalePlan);
        for another in [
            "The MySQL server is running with the --secure-file-priv option so it cannot execute this",
            "Incorrect string value: 'The MySQL server is running with the --read-only option'",
        ] {
            assert_eq!(failure(another), ErrorClass::Unknown, "{another}");
        }
    }

    #[test]
    fn u1_the_column_that_cannot_hold_a_value_is_known_by_the_message() {
        for (message, name) in [
            ("Data too long for column 'nickname' at row 1", "'nickname'"),
            ("Out of range value for column 'shelf' at row 1", "'shelf'"),
            (
                "Incorrect string value: '\\xF0 for column 'evil' at row 1' for column `app`.`users`.`nickname` at row 1",
                "`nickname`",
            ),
            (
                "Invalid JSON text: \"Invalid value.\" at position 1 in value for column 'users.settings'.",
                "settings",
            ),
            ("CONSTRAINT `users.shelf` failed for `app`.`users`", "shelf`"),
            (
                "CONSTRAINT `positive_shelf` failed for `app`.`users`",
                "`positive_shelf`",
            ),
        ] {
            let message = message.to_owned();
            assert!(Mysql::refuses_value(&message), "{message}");
            assert_eq!(Mysql::named(&message), Some(name), "{message}");
        }
        for (message, name) in [
            (
                "Check constraint 'users_shelf' is violated.",
                Some("'users_shelf'"),
            ),
            ("Column 'nickname' cannot be null", Some("'nickname'")),
            ("Field 'tenant' doesn't have a default value", Some("'tenant'")),
            (
                "Cannot add or update a child row: a foreign key constraint fails (`app`.`users`, CONSTRAINT `one` \
                 FOREIGN KEY (`team`) REFERENCES `teams` (`id`))",
                Some("`team`"),
            ),
            ("Table 'app.users' doesn't exist", None),
            ("Incorrect key file for table 'users'; try to repair it", None),
            ("Incorrect information in file: './app/users.frm'", None),
        ] {
            let message = message.to_owned();
            assert!(!Mysql::refuses_value(&message), "{message}");
            assert_eq!(Mysql::named(&message), name, "{message}");
        }
    }
}
