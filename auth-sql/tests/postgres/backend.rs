//! A schema of its own for each test.

use std::{env, thread, time::Duration};

use auth_core::conformance;
pub(crate) use auth_sql::postgres::{
    Connection, Database, Pool, PostgresAccessTokenStore as Tokens, PostgresSessionStore as Sessions,
    PostgresUserStore as Users, connect, manager, migrate, schema,
};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

/// The types of columns, in SQL.
pub(crate) const BIG_SERIAL: &str = "bigint GENERATED ALWAYS AS IDENTITY";
pub(crate) const SERIAL: &str = "integer GENERATED ALWAYS AS IDENTITY";
pub(crate) const BYTES: &str = "bytea";
pub(crate) const EXACT_TEXT: &str = "text COLLATE \"C\"";
/// What is behind the columns of a table.
pub(crate) const TABLE_END: &str = "";

/// A text that does not hold every text, and one that it does not hold.
pub(crate) const NARROW_TEXT: &str = "text";
pub(crate) const UNHOLDABLE: &str = "a\0b";
/// A number below an integer's largest: what makes the type, and its name.
pub(crate) const SMALL: (&str, &str) = ("CREATE DOMAIN small AS integer CHECK (VALUE < 32768);", "small");
/// The field that is named of a larger one: the server names the domain alone.
pub(crate) const OUT_OF_RANGE: Option<&str> = None;
/// Makes columns wider, one that an insertion answers included.
pub(crate) const WIDER: &str = "ALTER TABLE smiths ALTER COLUMN nickname TYPE varchar(80), ALTER COLUMN id TYPE varchar(80) COLLATE \"C\"";

/// Where the session stands that would break a cap if a call did not say otherwise.
pub(crate) const OLD_SNAPSHOTS: &str =
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ";

/// The number of the connection, the same for as long as it lives.
pub(crate) const CONNECTION_NUMBER: &str = "SELECT pg_backend_pid()::bigint AS number";

/// What no column can hold, or no instant can be.
pub(crate) const DAMAGES: [(&str, &str); 6] = [
    ("users", "roles = 'editor, author'"),
    ("users", "roles = '*'"),
    ("users", "created_at = 'infinity'"),
    ("users", "updated_at = '-infinity'"),
    ("users", "created_at = '200000-01-01'"),
    ("access_tokens", "expires_at = 'infinity'"),
];

/// What lets a column take them.
pub(crate) const LOOSE: &str = "";

/// What the server says of a transaction that it undid for another's sake.
pub(crate) const CONFLICT: &str = "DO $$ BEGIN RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001'; END $$";

/// How many indexes of the default tables are what look-ups and the purge need.
pub(crate) const INDEXES: &str = "SELECT count(*) AS number FROM pg_indexes WHERE schemaname = current_schema() \
    AND indexdef SIMILAR TO '%(UNIQUE%users%[(]normalized_email[)]|UNIQUE%access_tokens%[(]digest[)]|\
    %access_tokens%[(]user_id, created_at[)]|%access_tokens%[(]expires_at[)]|\
    UNIQUE%sessions%[(]digest[)]|%sessions%[(]user_id[)]|%sessions%[(]expires_at[)])%'";

/// What made the default tables before log-ins had a backend.
pub(crate) const FIRST_STEPS: [&str; 2] = [
    include_str!("../../migrations/postgres/20260801000001_create_users/up.sql"),
    include_str!("../../migrations/postgres/20260801000002_create_access_tokens/up.sql"),
];
/// What undoes the steps since, the last first.
pub(crate) const LAST_STEPS_UNDONE: [&str; 3] = [
    include_str!("../../migrations/postgres/20261130000003_let_users_have_roles/down.sql"),
    include_str!("../../migrations/postgres/20261130000002_create_sessions/down.sql"),
    include_str!("../../migrations/postgres/20261130000001_let_access_tokens_rotate/down.sql"),
];

/// How many updates of a token wait for a lock.
pub(crate) const WAITING: &str = "SELECT count(*) AS number FROM pg_locks JOIN pg_stat_activity USING (pid) \
    WHERE relation = 'access_tokens'::regclass AND wait_event_type = 'Lock'";

/// Where nobody listens.
pub(crate) const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/nothing";

pub(crate) fn server() -> String {
    env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names a PostgreSQL server")
}

/// A schema of a random name, which goes away with the test.
pub(crate) struct Place {
    name: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        execute(&server(), &format!("CREATE SCHEMA {name}")).await;
        Self { name }
    }

    /// One that has the default tables.
    pub(crate) async fn migrated() -> Self {
        let place = Self::new().await;
        migrate(&place.pool(1)).await.expect("tables");
        place
    }

    /// Without TLS, which has tests of its own and costs each connection of all the others.
    pub(crate) fn url(&self) -> String {
        let server = server();
        let end = if server.contains('?') { '&' } else { '?' };
        format!("{server}{end}sslmode=disable&options={}", self.options())
    }

    /// What a URL says of the session, so that it is here.
    pub(crate) fn options(&self) -> String {
        format!("-c%20search_path%3D{}", self.name)
    }

    pub(crate) fn pool(&self, size: usize) -> Pool {
        pool(&self.url(), size)
    }

    /// Up to `size` connections.
    pub(crate) fn database(&self, size: usize) -> Database {
        database(&self.pool(size))
    }

    /// Runs `statements` on a connection of their own, as another process does.
    pub(crate) async fn run(&self, statements: &str) {
        execute(&self.url(), statements).await;
    }

    /// The number that `query` answers in its column `number`.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let pool = self.pool(1);
        let mut connection = pool.get().await.expect("a connection");
        number(&mut connection, query).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let statement = format!("DROP SCHEMA {} CASCADE", self.name);
        let dropped =
            thread::spawn(move || conformance::run(async move { execute(&server(), &statement).await }));
        assert!(
            dropped.join().is_ok() || thread::panicking(),
            "the schema goes away"
        );
    }
}

pub(crate) fn pool(url: &str, size: usize) -> Pool {
    let manager = manager(url).expect("a URL");
    Pool::builder(manager).max_size(size).build().expect("a pool")
}

/// Calls that have time, as a machine that tests has much to do.
pub(crate) fn database(pool: &Pool) -> Database {
    let patient = Database::new(pool.clone()).deadline(Duration::from_secs(30));
    patient.expect("a deadline")
}

pub(crate) async fn number(connection: &mut Connection, query: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }

    let row = diesel::sql_query(query).get_result::<Number>(connection).await;
    row.expect(query).number
}

async fn execute(url: &str, statements: &str) {
    let pool = pool(url, 1);
    let mut connection = pool.get().await.expect("a connection");
    connection.batch_execute(statements).await.expect(statements);
}
