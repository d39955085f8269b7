//! Stores of users, access tokens and sessions on SQL databases, through Diesel.
//!
//! A database is a Cargo feature and a module; none is on by default.
//!
//! | | what it is |
//! |---|---|
#![cfg_attr(
    feature = "sqlite",
    doc = "| [`sqlite`] | feature `sqlite`: SQLite, built in; [`connect`](sqlite::connect), [`migrate`](sqlite::migrate) and the stores of the default tables |"
)]
#![cfg_attr(
    not(feature = "sqlite"),
    doc = "| `sqlite` | SQLite, built in; needs the feature of that name |"
)]
#![cfg_attr(
    feature = "postgres",
    doc = "| [`postgres`] | feature `postgres`: PostgreSQL, without libpq; the same |"
)]
#![cfg_attr(
    not(feature = "postgres"),
    doc = "| `postgres` | PostgreSQL, without libpq; needs the feature of that name |"
)]
#![cfg_attr(
    feature = "mysql",
    doc = "| [`mysql`] | feature `mysql`: MySQL and MariaDB, without libmysqlclient; the same |"
)]
#![cfg_attr(
    not(feature = "mysql"),
    doc = "| `mysql` | MySQL and MariaDB, without libmysqlclient; needs the feature of that name |"
)]
#![cfg_attr(
    any(feature = "mysql", feature = "postgres"),
    doc = "| [`server`] | the part that those two share: a pool and deadlines |"
)]
//! | [`user_store!`], [`access_token_store!`] | the same stores on an application's own tables, columns, ids and profile |
//! | `UsersIn`, `AccessTokensIn`, `SessionsIn` | the stores themselves, of any table and database |
//! | [`ColumnId`] | the types that can be an id |
//! | [`UuidColumn`], [`DigestColumn`], [`InstantColumn`] | the values as columns, for your own queries |
//!
//! A store sees digests of tokens, never a token. Unique indexes decide who was first. Each operation is one transaction: a
//! call that is dropped, at its deadline or because the client went away, takes effect as a whole or not at all.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod access_token;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod authorities;
mod column;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod failure;
mod mapping;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod open;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod purge;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod refusal;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod schema;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub mod server;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod session;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod statement;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod user;

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use access_token::AccessTokensIn;
pub use column::{ColumnId, DigestColumn, InstantColumn, UuidColumn};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use session::SessionsIn;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use user::UsersIn;

/// The name of the URL or path in errors and logs.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
const SETTING: &str = "database URL";

/// The items that the macros use. Not part of the public interface.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "mysql")]
    pub use crate::mysql::Database as Mysql;
    #[cfg(feature = "postgres")]
    pub use crate::postgres::Database as Postgres;
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub use crate::server::{
        access_token::FindThenUpdate,
        user::{Probe, ThenLastId, UserProbes},
    };
    #[cfg(feature = "sqlite")]
    pub use crate::sqlite::Database as Sqlite;
    pub use crate::{
        access_token::{AccessTokenRow, AccessTokenTable, TokenOwners, access_token},
        column::{ColumnId, DigestColumn, InstantColumn, UuidColumn},
        purge::ExpiringTable,
        refusal::{FieldColumn, field_column, own_column},
        statement::{PreparedOnce, Query, Returning, RowWrite, Statement, rows, same},
        user::{EmailColumns, UserRow, UserTable, user},
    };
    pub use ::{diesel, pastey::paste};
    pub use auth_core::{AccessToken, Advance, User};
}
