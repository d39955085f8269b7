//! Stores on PostgreSQL, without libpq.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::sql::postgres::{self, Database, PostgresAccessTokenStore, PostgresUserStore};
//!
//! let url = "postgres://auth:secret@db.example.com/app?sslmode=verify-full";
//! let pool = postgres::connect(url)?;
//! postgres::migrate(&pool).await?;
//! let database = Database::new(pool);
//! let users = PostgresUserStore::new(&database);
//! let tokens = PostgresAccessTokenStore::new(&database);
//! # drop((users, tokens));
//! # Ok(()) }
//! ```
//!
//! A UUID is a `uuid`, an instant a `timestamptz` of whole milliseconds. The normalised e-mail has the collation `"C"`:
//! it was folded before, by the rule of every store, and is compared byte for byte. A pooler between the service and
//! the server has to keep prepared statements apart (PgBouncer does with `max_prepared_statements`).
//!
//! Of a primary with standbys, name the primary, or all with `target_session_attrs=read-write`: a standby lags behind, and
//! would still know a token that was revoked. A connection to a server that takes no writes any more is given up. What a
//! failover to an asynchronous standby loses may be a revocation: `synchronous_commit` with `synchronous_standby_names`
//! makes it wait.

mod connect;
mod dialect;
mod migrate;
pub mod schema;
mod tls;
mod url;

pub use connect::{connect, manager};
pub use dialect::Postgres;
pub use migrate::migrate;

use diesel_async::{AsyncPgConnection, pooled_connection::deadpool};

/// A connection of a [`Pool`].
pub type Connection = AsyncPgConnection;

/// A pool of connections, which the application owns: diesel-async's own.
///
/// One that [`connect`] or [`manager`] did not make should not ask each connection before its use
/// (`RecyclingMethod::Fast`): a connection that the server has closed is discarded without that.
pub type Pool = deadpool::Pool<Connection>;

/// A pool and the deadline of each call: what the stores run on, and what an application's own queries can run on.
///
/// ```no_run
/// # async fn example(pool: portcullis::sql::postgres::Pool) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use portcullis::sql::postgres::{Database, schema::users};
/// use diesel::QueryDsl as _;
/// use diesel_async::RunQueryDsl as _;
///
/// let database = Database::new(pool).deadline(Duration::from_millis(500))?;
/// let count: i64 = database.read(|connection| Box::pin(users::table.count().get_result(connection))).await?;
/// # drop(count);
/// # Ok(()) }
/// ```
pub type Database = crate::server::Database<Postgres>;

crate::user_store! {
    /// Users in the table [`users`](schema::users) that [`migrate`] makes.
    pub struct PostgresUserStore: Postgres {
        table: crate::postgres::schema::users,
        id: uuid::Uuid,
        profile: (),
    }
}

crate::access_token_store! {
    /// Access tokens in the table [`access_tokens`](schema::access_tokens) that [`migrate`] makes.
    pub struct PostgresAccessTokenStore: Postgres {
        table: crate::postgres::schema::access_tokens,
        users: crate::postgres::schema::users,
        user_id: uuid::Uuid,
    }
}
