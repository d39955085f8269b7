//! Stores on MariaDB (10.6 and later) and MySQL, without libmysqlclient.
//!
//! No test runs on MySQL itself, for which they follow the manual of 8.0 and later. The tests run on MariaDB 10.11.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::sql::mysql::{self, Database, MysqlAccessTokenStore, MysqlUserStore};
//!
//! let url = "mysql://auth:secret@db.example.com/app?require_ssl=true";
//! let pool = mysql::connect(url)?;
//! mysql::migrate(&pool).await?;
//! let database = Database::new(pool);
//! let users = MysqlUserStore::new(&database);
//! let tokens = MysqlAccessTokenStore::new(&database);
//! # drop((users, tokens));
//! # Ok(()) }
//! ```
//!
//! # Columns
//!
//! - A UUID is a `binary(16)`: MySQL has no type for it, and MariaDB's own is text to its clients. UUIDs of version 7
//!   are in the order of creation, which suits a clustered index.
//! - An instant is a `datetime(3)` in UTC.
//! - The normalised e-mail is a `varbinary`, which is compared byte for byte. The collations that the two databases
//!   share take `a` and `a` with a trailing space for the same.
//!
//! # Replication
//!
//! - Name the server that takes the writes. A replica lags behind, and would still accept a revoked token. On Galera,
//!   `wsrep_sync_wait=1` makes a look-up wait for earlier writes.
//! - Connections to a server that has become read-only are given up. This cannot be noticed if the user may write to it all
//!   the same, by `SUPER` or `READ ONLY ADMIN`.
//! - A failover to an asynchronous replica can lose revocations. Semi-synchronous replication keeps them.

mod connect;
mod dialect;
mod migrate;
pub mod schema;
mod url;

pub use connect::{connect, manager};
pub use dialect::Mysql;
pub use migrate::migrate;

use diesel_async::{AsyncMysqlConnection, pooled_connection::deadpool};

/// A connection of a [`Pool`].
pub type Connection = AsyncMysqlConnection;

/// A pool of diesel-async's, which the application owns.
///
/// # Security
///
/// Run your own queries through [`Database::read`] and [`Database::write`]. If you await a query on a pooled connection
/// and the future is dropped, as a handler's is when the client goes away, the driver leaves the reply in the
/// connection, and the next caller reads it. Those two methods close such a connection.
///
/// # A pool that you make
///
/// [`connect`] and [`manager`] set all of this. For any other pool:
///
/// - Use `RecyclingMethod::Fast`: it need not ask each connection before use.
/// - Switch automatic commits and the strict mode on.
/// - Set messages to English, by which deadlocks are recognised.
/// - Keep `innodb_lock_wait_timeout` and `lock_wait_timeout` short: the server goes on waiting for callers who have left.
pub type Pool = deadpool::Pool<Connection>;

/// A pool and the deadline of each call. The stores run on it, and so can an application's own queries.
///
/// ```no_run
/// # async fn example(pool: portcullis::sql::mysql::Pool) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use portcullis::sql::mysql::{Database, schema::users};
/// use diesel::QueryDsl as _;
/// use diesel_async::RunQueryDsl as _;
///
/// let database = Database::new(pool).deadline(Duration::from_millis(500))?;
/// let count: i64 = database.read(|connection| Box::pin(users::table.count().get_result(connection))).await?;
/// # drop(count);
/// # Ok(()) }
/// ```
pub type Database = crate::server::Database<Mysql>;

crate::user_store! {
    /// Users in the table [`users`](schema::users) that [`migrate`] creates.
    pub struct MysqlUserStore: Mysql {
        table: crate::mysql::schema::users,
        id: uuid::Uuid,
        profile: (),
    }
}

crate::access_token_store! {
    /// Access tokens in the table [`access_tokens`](schema::access_tokens) that [`migrate`] creates.
    ///
    /// A refresh or a rotation takes two statements, and so two round trips: an `UPDATE` returns no row here, so the token
    /// is read before it.
    pub struct MysqlAccessTokenStore: Mysql {
        table: crate::mysql::schema::access_tokens,
        users: crate::mysql::schema::users,
        user_id: uuid::Uuid,
    }
}

crate::session::session_table! { Mysql [crate::mysql::schema::sessions] }

/// Sessions with data in the table [`sessions`](schema::sessions) that [`migrate`] creates, of users with ids of any type.
pub type MysqlSessionStore<Id = uuid::Uuid> = crate::SessionsIn<Database, schema::sessions::table, Id>;

crate::open::default_stores! {
    /// Makes a pool of connections to the database at `url`, and brings the default tables up to date: [`connect`] and
    /// [`migrate`] in one step.
    ///
    /// # Errors
    /// [`ConfigError`](auth_core::ConfigError) naming `database URL` if `url` cannot be used, or if the server does not
    /// answer, refuses the user, or has other tables of these names.
    connect(url);
    MysqlUserStore, MysqlAccessTokenStore, MysqlSessionStore
}
