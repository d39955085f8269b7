//! Stores on MariaDB (10.6 and later) and MySQL, without libmysqlclient. They are tested with MariaDB 10.11; with MySQL
//! they are not, and keep to what its manual says of 8.0 and later.
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
//! A UUID is a `binary(16)` on both, since MySQL has no type for it and MariaDB's own is a text to its clients; one of
//! version 7 is in the order of its creation, as a clustered index likes it. An instant is a `datetime(3)` in UTC. The
//! normalised e-mail is a `varbinary`: it was folded before, by the rule of every store, and is compared byte for byte,
//! while the collations that the two databases share take `a` and `a` with a space behind it for the same.
//!
//! Of servers that replicate, name the one that takes the writes: a replica lags behind, and would still know a token
//! that was revoked; on Galera, `wsrep_sync_wait=1` lets a look-up wait for that. Connections to a server that has
//! become read-only are given up; a user who may write to one all the same, by `SUPER` or `READ ONLY ADMIN`, is not
//! told. What a failover to an asynchronous replica loses may be a revocation; semi-synchronous replication keeps it.

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

/// A pool of connections, which the application owns: diesel-async's own.
///
/// A query that is awaited on one of its connections must not be dropped before its end, as a handler is when a client
/// goes away: the driver leaves the reply in the connection, and whoever has it next would read it.
/// [`Database::read`] and [`Database::write`] close such a connection.
///
/// A pool that [`connect`] or [`manager`] did not make should not ask each connection before its use
/// (`RecyclingMethod::Fast`), needs automatic commits and the strict mode, messages in English to know a deadlock, and a
/// short `innodb_lock_wait_timeout` and `lock_wait_timeout`: the server goes on waiting for whom has gone away.
pub type Pool = deadpool::Pool<Connection>;

/// A pool and the deadline of each call: what the stores run on, and what an application's own queries can run on.
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
    /// Users in the table [`users`](schema::users) that [`migrate`] makes.
    pub struct MysqlUserStore: Mysql {
        table: crate::mysql::schema::users,
        id: uuid::Uuid,
        profile: (),
    }
}

crate::access_token_store! {
    /// Access tokens in the table [`access_tokens`](schema::access_tokens) that [`migrate`] makes.
    pub struct MysqlAccessTokenStore: Mysql {
        table: crate::mysql::schema::access_tokens,
        users: crate::mysql::schema::users,
        user_id: uuid::Uuid,
    }
}
