//! The macros that map an application's own table. They contain its columns and nothing else.

mod access_token;
mod expiring;
mod user;

/// The type of the database that the macros call by this name.
#[doc(hidden)]
#[macro_export]
macro_rules! __database {
    (Sqlite) => {
        $crate::sqlite::Database
    };
    (Postgres) => {
        $crate::postgres::Database
    };
    (Mysql) => {
        $crate::mysql::Database
    };
}
