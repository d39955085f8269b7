//! A database of its own for each test.

use std::{env, thread, time::Duration};

use auth_core::conformance;
pub(crate) use auth_sql::mysql::{
    Connection, Database, MysqlAccessTokenStore as Tokens, MysqlSessionStore as Sessions,
    MysqlUserStore as Users, Pool, connect, manager, migrate, schema,
};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

/// The types of columns, in SQL.
pub(crate) const BIG_SERIAL: &str = "bigint NOT NULL AUTO_INCREMENT";
pub(crate) const SERIAL: &str = "integer NOT NULL AUTO_INCREMENT";
pub(crate) const BYTES: &str = "varbinary(32)";
pub(crate) const EXACT_TEXT: &str = "varbinary(254)";
/// What is behind the columns of a table.
pub(crate) const TABLE_END: &str = "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// A text that does not hold every text, and one that it does not hold.
pub(crate) const NARROW_TEXT: &str = "varchar(20) CHARACTER SET latin1";
pub(crate) const UNHOLDABLE: &str = "\u{2692}\u{1f98a}";
/// A number below an integer's largest: what makes the type, and its name.
pub(crate) const SMALL: (&str, &str) = ("", "smallint");
/// The field that is named of a larger one.
pub(crate) const OUT_OF_RANGE: Option<&str> = Some("shelf");
/// Makes columns wider.
pub(crate) const WIDER: &str = "ALTER TABLE smiths MODIFY nickname varchar(80) NOT NULL, MODIFY shelf bigint, MODIFY email text NOT NULL";

/// Where the session stands that would break a cap if a call did not say otherwise.
pub(crate) const OLD_SNAPSHOTS: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

/// The number of the connection, the same for as long as it lives.
pub(crate) const CONNECTION_NUMBER: &str = "SELECT CONNECTION_ID() AS number";

/// What no column can hold, or no instant can be.
pub(crate) const DAMAGES: [(&str, &str); 6] = [
    ("users", "roles = 'editor, author'"),
    ("users", "roles = '*'"),
    ("users", "created_at = '0000-00-00'"),
    ("users", "updated_at = '2026-02-00'"),
    ("access_tokens", "expires_at = '0000-00-00'"),
    ("access_tokens", "last_used_at = '2026-00-01'"),
];

/// What lets a column take them.
pub(crate) const LOOSE: &str = "SET SESSION sql_mode = '';";

/// What the server says of a transaction that it undid for another's sake.
pub(crate) const CONFLICT: &str = "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, \
    MESSAGE_TEXT = 'Deadlock found when trying to get lock; try restarting transaction'";

/// How many indexes of the default tables are what look-ups and the purge need.
pub(crate) const INDEXES: &str = "SELECT count(*) AS number FROM information_schema.statistics \
    WHERE table_schema = DATABASE() AND seq_in_index = 1 AND (table_name, column_name, non_unique) IN \
    (('users', 'normalized_email', 0), ('access_tokens', 'digest', 0), ('access_tokens', 'user_id', 1), \
    ('access_tokens', 'expires_at', 1), ('sessions', 'digest', 0), ('sessions', 'user_id', 1), ('sessions', 'expires_at', 1))";

/// What made the default tables before log-ins had a backend.
pub(crate) const FIRST_STEPS: [&str; 2] = [
    include_str!("../../migrations/mysql/20260801000001_create_users/up.sql"),
    include_str!("../../migrations/mysql/20260801000002_create_access_tokens/up.sql"),
];
/// What undoes the steps since, the last first.
pub(crate) const LAST_STEPS_UNDONE: [&str; 3] = [
    include_str!("../../migrations/mysql/20261130000003_let_users_have_roles/down.sql"),
    include_str!("../../migrations/mysql/20261130000002_create_sessions/down.sql"),
    include_str!("../../migrations/mysql/20261130000001_let_access_tokens_rotate/down.sql"),
];

/// How many updates of a token wait for a lock.
pub(crate) const WAITING: &str = "SELECT count(*) AS number FROM information_schema.processlist \
    WHERE db = DATABASE() AND info LIKE 'UPDATE %'";

/// Where nobody listens.
pub(crate) const NOWHERE: &str = "mysql://nobody@127.0.0.1:1/nothing";

pub(crate) fn server() -> String {
    env::var("TEST_MARIADB_URL").expect("TEST_MARIADB_URL names a MariaDB server")
}

/// A database of a random name, which goes away with the test.
pub(crate) struct Place {
    name: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        execute(&server(), &format!("CREATE DATABASE {name}")).await;
        Self { name }
    }

    /// One that has the default tables.
    pub(crate) async fn migrated() -> Self {
        let place = Self::new().await;
        migrate(&place.pool(1)).await.expect("tables");
        place
    }

    pub(crate) fn url(&self) -> String {
        let server = server();
        let (scheme, rest) = server.split_once("://").expect("a URL");
        let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (address, _database) = address.split_once('/').unwrap_or((address, ""));
        format!("{scheme}://{address}/{}?{parameters}", self.name)
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
        let statement = format!("DROP DATABASE {}", self.name);
        let dropped =
            thread::spawn(move || conformance::run(async move { execute(&server(), &statement).await }));
        assert!(
            dropped.join().is_ok() || thread::panicking(),
            "the database goes away"
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
