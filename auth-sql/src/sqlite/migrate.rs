use std::time::Duration;

use auth_core::StoreError;
use diesel::{QueryResult, SqliteConnection, result::Error};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::{Database, Pool, call::failed};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Makes the default tables, `users` and `access_tokens`, or brings them up to date. It changes nothing where they
/// are, and may run in several processes at once.
///
/// Diesel's table `__diesel_schema_migrations` keeps what was done, beside the application's own migrations.
///
/// # Errors
/// [`StoreError`] if the database does not answer, or holds tables of these names that are not ours.
pub async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    // One transaction around all, so that a second process sees all of it or nothing.
    let database = Database::from(pool).deadline(DEADLINE).map_err(failed)?;
    database.write(run_pending).await
}

/// Long enough to wait for another process that migrates.
const DEADLINE: Duration = Duration::from_secs(60);

fn run_pending(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection
        .run_pending_migrations(MIGRATIONS)
        .map(drop)
        .map_err(Error::QueryBuilderError)
}
