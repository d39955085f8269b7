//! Stores on SQLite, which is built in.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let location = format!("sqlite://{}", folder.path().join("app.db").display());
//! use portcullis::{
//!     NewUser, UserStore as _,
//!     sql::sqlite::{self, SqliteAccessTokenStore, SqliteUserStore},
//! };
//!
//! // let location = "sqlite://app.db";
//! let pool = sqlite::connect(&location).await?;
//! sqlite::migrate(&pool).await?;
//! let users = SqliteUserStore::new(&pool);
//! let tokens = SqliteAccessTokenStore::new(&pool);
//! # drop((users, tokens));
//! # Ok(()) }
//! ```
//!
//! One process writes at a time, others wait for up to a second; readers never wait. A database on a network file
//! system is not safe.

mod access_token;
mod call;
mod connect;
mod database;
mod migrate;
pub mod schema;
mod statement;
mod user;

pub use connect::{connect, manager};
pub use database::Database;
pub use migrate::migrate;

use diesel_async::{pooled_connection::deadpool, sync_connection_wrapper::SyncConnectionWrapper};

/// A connection of a [`Pool`].
pub type Connection = SyncConnectionWrapper<diesel::SqliteConnection>;

/// A pool of connections, which the application owns: diesel-async's own.
///
/// One that [`connect`] or [`manager`] did not make needs foreign keys, a busy time-out under the deadline of the
/// calls, and should not ask each connection before its use (`RecyclingMethod::Fast`).
pub type Pool = deadpool::Pool<Connection>;

crate::user_store! {
    /// Users in the table [`users`](schema::users) that [`migrate`] makes.
    pub struct SqliteUserStore: Sqlite {
        table: crate::sqlite::schema::users,
        id: uuid::Uuid,
        profile: (),
    }
}

crate::access_token_store! {
    /// Access tokens in the table [`access_tokens`](schema::access_tokens) that [`migrate`] makes.
    pub struct SqliteAccessTokenStore: Sqlite {
        table: crate::sqlite::schema::access_tokens,
        user_id: uuid::Uuid,
    }
}
