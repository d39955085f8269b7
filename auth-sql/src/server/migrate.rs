use std::time::Duration;

use auth_core::StoreError;
use deadpool::managed::Pool;
use diesel::{QueryResult, migration::CREATE_MIGRATIONS_TABLE};
use diesel_async::SimpleAsyncConnection as _;

use super::{Answer, Database, Server};

/// Long enough to wait for another process that migrates.
const DEADLINE: Duration = Duration::from_secs(60);

/// The database in which `pool` migrates, with patience for another process.
///
/// # Errors
/// [`StoreError`] if there is no server that answers by the deadline of any other call.
pub(crate) async fn patient<S: Server>(pool: &Pool<S::Manager>) -> Result<Database<S>, StoreError> {
    let database = Database::from(pool);
    database.read(reach::<S>).await?;
    Ok(Database {
        deadline: DEADLINE,
        ..database
    })
}

/// A step of the default tables.
pub(crate) struct Migration {
    pub(crate) version: &'static str,
    pub(crate) up: &'static str,
}

/// A server that knows which steps were taken.
pub(crate) trait Migrate: Server {
    /// The steps, the oldest first.
    const MIGRATIONS: &'static [Migration];

    /// The versions in Diesel's table.
    fn noted(connection: &mut Self::Connection) -> Answer<'_, Vec<String>>;

    /// The versions that the tables themselves show, where a step may be taken and its note be missing.
    fn shown(connection: &mut Self::Connection) -> Answer<'_, Vec<String>>;
}

fn reach<S: Server>(connection: &mut S::Connection) -> Answer<'_, ()> {
    Box::pin(async move { connection.batch_execute("SELECT 1").await })
}

diesel::table! {
    /// Diesel's own, which the command-line tool and `diesel_migrations` keep, too.
    __diesel_schema_migrations (version) {
        version -> VarChar,
    }
}

/// Takes the steps that were not taken yet, one after another. The caller sees to it that nobody else does.
///
/// Diesel's own runner needs a synchronous connection, and so a thread that a server which does not answer would hold
/// for good.
pub(crate) async fn run_pending<S: Migrate>(connection: &mut S::Connection) -> QueryResult<()> {
    connection.batch_execute(CREATE_MIGRATIONS_TABLE).await?;
    let (noted, shown) = (S::noted(connection).await?, S::shown(connection).await?);
    for step in S::MIGRATIONS {
        let is_in = |versions: &[String]| versions.iter().any(|version| version == step.version);
        if is_in(&noted) {
            continue;
        }
        if !is_in(&shown) {
            connection.batch_execute(step.up).await?;
        }
        let note = format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('{}')",
            step.version
        );
        connection.batch_execute(&note).await?;
    }
    Ok(())
}
