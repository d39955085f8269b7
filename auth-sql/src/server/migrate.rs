use std::time::Duration;

use auth_core::StoreError;
use deadpool::managed::Pool;
use diesel::{QueryResult, migration::CREATE_MIGRATIONS_TABLE};
use diesel_async::SimpleAsyncConnection as _;

use super::{Answer, Database, Server};

/// Long enough to wait for another process that is migrating.
const DEADLINE: Duration = Duration::from_secs(60);

/// The database of `pool`, with a deadline long enough to wait for another process that is migrating.
///
/// # Errors
/// [`StoreError`] if no server answers by the usual deadline of a call.
pub(crate) async fn patient<S: Server>(pool: &Pool<S::Manager>) -> Result<Database<S>, StoreError> {
    let database = Database::from(pool);
    database.read(reach::<S>).await?;
    Ok(Database {
        deadline: DEADLINE,
        ..database
    })
}

/// One step towards the default tables.
pub(crate) struct Migration {
    pub(crate) version: &'static str,
    pub(crate) up: &'static str,
}

/// A server that can tell which steps were done.
pub(crate) trait Migrate: Server {
    /// The steps, the oldest first.
    const MIGRATIONS: &'static [Migration];

    /// The versions recorded in Diesel's table.
    fn recorded(connection: &mut Self::Connection) -> Answer<'_, Vec<String>>;

    /// The versions that the tables themselves show, if a step can be done without being recorded.
    fn shown(connection: &mut Self::Connection) -> Answer<'_, Vec<String>>;
}

fn reach<S: Server>(connection: &mut S::Connection) -> Answer<'_, ()> {
    Box::pin(async move { connection.batch_execute("SELECT 1").await })
}

diesel::table! {
    /// Diesel's own table, which the command-line tool and `diesel_migrations` also use.
    __diesel_schema_migrations (version) {
        version -> VarChar,
    }
}

/// Runs the steps that were not done yet, in order. The caller ensures that no other process does.
///
/// Diesel's own runner needs a synchronous connection, and so a thread, which a server that does not answer would block
/// for good.
pub(crate) async fn run_pending<S: Migrate>(connection: &mut S::Connection) -> QueryResult<()> {
    connection.batch_execute(CREATE_MIGRATIONS_TABLE).await?;
    let (recorded, shown) = (S::recorded(connection).await?, S::shown(connection).await?);
    for step in S::MIGRATIONS {
        let is_in = |versions: &[String]| versions.iter().any(|version| version == step.version);
        if is_in(&recorded) {
            continue;
        }
        if !is_in(&shown) {
            connection.batch_execute(step.up).await?;
        }
        let record = format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('{}')",
            step.version
        );
        connection.batch_execute(&record).await?;
    }
    Ok(())
}
