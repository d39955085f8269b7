//! Stores on PostgreSQL, without libpq.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::{Lifetime, sql::postgres::Database};
//!
//! let database = Database::open("postgres://auth:secret@db.example.com/app?sslmode=verify-full").await?;
//! let (users, tokens) = (database.users(), database.tokens(Lifetime::from_secs(3600)?));
//! # drop((users, tokens));
//! # Ok(()) }
//! ```
//!
//! A UUID is a `uuid`, an instant a `timestamptz` of whole milliseconds. The normalised e-mail has the collation `"C"`,
//! so it is compared byte for byte.
//!
//! A pooler between the service and the server must support prepared statements (PgBouncer does, with
//! `max_prepared_statements`).
//!
//! # Replication
//!
//! - Name the primary, or all servers with `target_session_attrs=read-write`. A standby lags behind, and would still
//!   accept a revoked token.
//! - A connection to a server that no longer takes writes is given up.
//! - A failover to an asynchronous standby can lose revocations. `synchronous_commit` with `synchronous_standby_names`
//!   makes a revocation wait for the standby.

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

/// A pool of diesel-async's, which the application owns.
///
/// [`connect`] and [`manager`] set `RecyclingMethod::Fast`, and your own pool should, too. Connections that the server has
/// closed are discarded without asking each before its use.
pub type Pool = deadpool::Pool<Connection>;

/// A pool and the deadline of each call. The stores run on it, and so can an application's own queries.
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
    /// Users in the table [`users`](schema::users) that [`migrate`] creates.
    pub struct PostgresUserStore: Postgres {
        table: crate::postgres::schema::users,
        id: uuid::Uuid,
        profile: (),
    }
}

crate::access_token_store! {
    /// Access tokens in the table [`access_tokens`](schema::access_tokens) that [`migrate`] creates.
    pub struct PostgresAccessTokenStore: Postgres {
        table: crate::postgres::schema::access_tokens,
        users: crate::postgres::schema::users,
        user_id: uuid::Uuid,
    }
}

crate::session::session_table! { Postgres [crate::postgres::schema::sessions] }

/// Sessions with data in the table [`sessions`](schema::sessions) that [`migrate`] creates, of users with ids of any type.
pub type PostgresSessionStore<Id = uuid::Uuid> = crate::SessionsIn<Database, schema::sessions::table, Id>;

crate::open::default_stores! {
    /// Makes a pool of connections to the database at `url`, and brings the default tables up to date: [`connect`] and
    /// [`migrate`] in one step.
    ///
    /// # Errors
    /// [`ConfigError`](auth_core::ConfigError) naming `database URL` if `url` cannot be used, or if the server does not
    /// answer, refuses the user, or has other tables of these names.
    connect(url);
    PostgresUserStore, PostgresAccessTokenStore, PostgresSessionStore
}
