//! Stores on SQLite, which is built in.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let location = format!("sqlite://{}", folder.path().join("app.db").display());
//! use portcullis::{Lifetime, sql::sqlite::Database};
//!
//! // let location = "sqlite://app.db";
//! let database = Database::open(&location).await?;
//! let (users, tokens) = (database.users(), database.tokens(Lifetime::from_secs(3600)?));
//! # drop((users, tokens));
//! # Ok(()) }
//! ```
//!
//! One process writes at a time; others wait for up to a second. Readers never wait. Don't put the file on a network file
//! system: SQLite's locks are not safe there.

mod access_token;
mod call;
mod connect;
mod database;
mod migrate;
mod purge;
pub mod schema;
mod statement;
mod user;

pub use connect::{connect, manager};
pub use database::Database;
pub use migrate::migrate;

use diesel_async::{pooled_connection::deadpool, sync_connection_wrapper::SyncConnectionWrapper};

/// A connection of a [`Pool`].
pub type Connection = SyncConnectionWrapper<diesel::SqliteConnection>;

/// A pool of diesel-async's, which the application owns.
///
/// [`connect`] and [`manager`] set all of this. Any other pool needs foreign keys switched on, a busy time-out shorter
/// than the deadline of calls, and `RecyclingMethod::Fast`.
pub type Pool = deadpool::Pool<Connection>;

crate::user_store! {
    /// Users in the table [`users`](schema::users) that [`migrate`] creates.
    pub struct SqliteUserStore: Sqlite {
        table: crate::sqlite::schema::users,
        id: uuid::Uuid,
        profile: (),
    }
}

crate::access_token_store! {
    /// Access tokens in the table [`access_tokens`](schema::access_tokens) that [`migrate`] creates.
    pub struct SqliteAccessTokenStore: Sqlite {
        table: crate::sqlite::schema::access_tokens,
        user_id: uuid::Uuid,
    }
}

crate::session::session_table! { Sqlite [crate::sqlite::schema::sessions] }

/// Sessions with data in the table [`sessions`](schema::sessions) that [`migrate`] creates, of users with ids of any type.
pub type SqliteSessionStore<Id = uuid::Uuid> = crate::SessionsIn<Database, schema::sessions::table, Id>;

crate::open::default_stores! {
    /// Opens the file at `location` and brings its default tables up to date: [`connect`] and [`migrate`] in one step.
    ///
    /// # Errors
    /// [`ConfigError`](auth_core::ConfigError) naming `database URL` if the file cannot be opened or written, or has other
    /// tables of these names.
    connect(location).await;
    SqliteUserStore, SqliteAccessTokenStore, SqliteSessionStore
}
