use auth_core::StoreError;
use diesel::{
    dsl::sql,
    result::{DatabaseErrorInformation, DatabaseErrorKind, Error},
    sql_types::{Nullable, Text},
};
use diesel_async::{RunQueryDsl as _, pooled_connection::AsyncDieselConnectionManager};

use super::Connection;
use crate::server::{Answer, Failure, IndexColumns, Server};

/// A server of MySQL or MariaDB.
#[derive(Clone, Copy, Debug)]
pub struct Mysql;

/// What a transaction ends with that the server undid, or in which one statement waited too long.
const UNDONE: [&str; 3] = [
    "Deadlock found when trying to get lock",
    "Lock wait timeout exceeded",
    "Record has changed since last read",
];

/// The first two are the driver's, the others a server's last words.
const LOST: [&str; 5] = [
    "Input/output error",
    "Driver error",
    "Server shutdown in progress",
    "Connection was killed",
    "The client was disconnected by the server",
];

/// What a server answers to a write when it takes none, as one that was the primary until a moment ago; the last is of
/// a storage that takes none.
const TAKES_NO_WRITES: [&str; 5] = [
    "The MariaDB server is running with the --read-only",
    "The MariaDB server is running with the --super-read-only",
    "The MySQL server is running with the --read-only",
    "The MySQL server is running with the --super-read-only",
    "Running in read-only mode",
];

impl Server for Mysql {
    const STORE: &'static str = "mysql";
    /// The server's default would lock the gaps between rows, and so one user's calls against another's.
    const BEGIN: &'static str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN";
    const SKIPS_REPLIES: bool = false;

    type Connection = Connection;
    type Manager = AsyncDieselConnectionManager<Connection>;

    /// Diesel hands on neither the code of these, nor a kind.
    fn failure_of(error: &dyn DatabaseErrorInformation) -> Failure {
        let message = error.message();
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| message.starts_with(beginning));
        if begins(&UNDONE) {
            Failure::Undone
        } else if begins(&LOST) || begins(&TAKES_NO_WRITES) {
            Failure::Lost
        } else {
            Failure::Unclear
        }
    }

    /// The last word of the message, in quotes.
    fn violated(violation: &dyn DatabaseErrorInformation) -> Option<&str> {
        let (_, index) = violation.message().strip_suffix('\'')?.rsplit_once('\'')?;
        Some(index)
    }

    fn columns(connection: &mut Connection, table: String, name: String) -> Answer<'_, IndexColumns> {
        let (database, table) = unquoted(&table);
        // MySQL puts the table before the index, MariaDB does not.
        let name = name
            .strip_prefix(&format!("{table}."))
            .unwrap_or(&name)
            .to_owned();
        let is_primary = name == "PRIMARY";
        let columns = sql::<Nullable<Text>>(
            "SELECT column_name FROM information_schema.statistics WHERE table_schema = COALESCE(",
        )
        .bind::<Nullable<Text>, _>(database)
        .sql(", DATABASE()) AND table_name = ")
        .bind::<Text, _>(table)
        .sql(" AND index_name = ")
        .bind::<Text, _>(name);
        Box::pin(async move {
            let names = columns.load(connection).await?;
            Ok(IndexColumns { is_primary, names })
        })
    }

    /// The message of a taken value repeats the value, and so does that of one which a column cannot hold.
    fn report(error: Error) -> StoreError {
        match &error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, violation) => {
                let index = Self::violated(&**violation).unwrap_or_default();
                StoreError::new(
                    Self::STORE,
                    format!("a value of the unique index {index:?} is taken"),
                )
            }
            Error::DatabaseError(_, problem) if problem.message().starts_with("Incorrect ") => {
                let without = problem
                    .message()
                    .split('\'')
                    .next()
                    .unwrap_or_default()
                    .trim_end();
                StoreError::new(Self::STORE, without.trim_end_matches(':'))
            }
            _ => StoreError::new(Self::STORE, error),
        }
    }
}

/// The database, if it is named, and the table of a name as Diesel writes it into a statement.
fn unquoted(table: &str) -> (Option<String>, String) {
    let plain = |name: &str| name.trim_matches('`').replace("``", "`");
    match table.split_once("`.`") {
        Some((database, table)) => (Some(plain(database)), plain(table)),
        None => (None, plain(table)),
    }
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
            assert_eq!(Mysql::violated(&*violation), Some(index));
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
        let failure = |message: &str| Mysql::failure_of(&message.to_owned());
        for option in ["read-only", "super-read-only"] {
            for name in ["MariaDB", "MySQL"] {
                let message = format!(
                    "The {name} server is running with the --{option} option so it cannot execute this statement"
                );
                assert_eq!(failure(&message), Failure::Lost, "{message}");
            }
        }
        assert_eq!(failure("Running in read-only mode"), Failure::Lost);
        for another in [
            "The MySQL server is running with the --secure-file-priv option so it cannot execute this",
            "Incorrect string value: 'The MySQL server is running with the --read-only option'",
        ] {
            assert_eq!(failure(another), Failure::Unclear, "{another}");
        }
    }

    #[test]
    fn a_table_is_known_by_the_name_in_its_statement() {
        assert_eq!(unquoted("`users`"), (None, "users".to_owned()));
        assert_eq!(
            unquoted("`shop`.`the ``members``"),
            (Some("shop".to_owned()), "the `members".to_owned())
        );
    }
}
