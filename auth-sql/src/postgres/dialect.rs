use auth_core::StoreError;
use diesel::{
    dsl::sql,
    result::{DatabaseErrorInformation, Error},
    sql_types::{Bool, Nullable, Text},
};
use diesel_async::{RunQueryDsl as _, pooled_connection::AsyncDieselConnectionManager};

use super::Connection;
use crate::server::{Answer, Failure, IndexColumns, Server};

/// A server of PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

impl Server for Postgres {
    const STORE: &'static str = "postgresql";
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED";
    const SKIPS_REPLIES: bool = true;

    type Connection = Connection;
    type Manager = AsyncDieselConnectionManager<Connection>;

    /// Diesel hands on neither the code of these, nor a kind. In another language than English, a server's last words
    /// are an error like any other.
    fn failure_of(error: &dyn DatabaseErrorInformation) -> Failure {
        let message = error.message();
        if is_deadlock(error) {
            Failure::Undone
        } else if message.starts_with("terminating connection")
            || message.starts_with("the database system is")
        {
            Failure::Lost
        } else {
            Failure::Unclear
        }
    }

    fn violated(violation: &dyn DatabaseErrorInformation) -> Option<&str> {
        violation.constraint_name()
    }

    fn columns(connection: &mut Connection, table: String, name: String) -> Answer<'_, IndexColumns> {
        let columns = sql::<(Bool, Nullable<Text>)>(
            "SELECT index.indisprimary, attribute.attname::text FROM pg_catalog.pg_index AS index \
             JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid \
             LEFT JOIN pg_catalog.pg_attribute AS attribute \
             ON attribute.attrelid = index.indrelid \
             AND attribute.attnum = ANY ((index.indkey::int2[])[0:index.indnkeyatts - 1]) \
             WHERE index.indrelid = to_regclass(",
        )
        .bind::<Text, _>(table)
        .sql(") AND class.relname = ")
        .bind::<Text, _>(name);
        Box::pin(async move {
            let columns = columns.load::<(bool, Option<String>)>(connection).await?;
            Ok(IndexColumns {
                is_primary: columns.iter().any(|(is_primary, _)| *is_primary),
                names: columns.into_iter().map(|(_, name)| name).collect(),
            })
        })
    }

    /// Its messages name tables, columns and constraints; values are in the details, which nobody prints.
    fn report(error: Error) -> StoreError {
        StoreError::new(Self::STORE, error)
    }
}

/// Whatever the language of the message: each line of the details is of one process of the circle and names the kind of
/// lock that it waits for, and those names are not translated.
fn is_deadlock(error: &dyn DatabaseErrorInformation) -> bool {
    let names_a_lock = |line: &str| line.contains("ShareLock") || line.contains("ExclusiveLock");
    let circle = error.details().unwrap_or_default();
    circle.lines().count() > 1 && circle.lines().all(names_a_lock)
}
