//! The macros that map a table of an application's own: they carry its columns, and nothing else.

mod access_token;
mod user;

/// The database behind its name in the macros.
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
