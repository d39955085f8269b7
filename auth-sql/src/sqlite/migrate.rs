use std::time::Duration;

use auth_core::StoreError;
use diesel::{QueryResult, SqliteConnection, result::Error};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::{Database, Pool, call::failed};

/// Long enough to wait for another process that is migrating.
const DEADLINE: Duration = Duration::from_secs(60);

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Creates the default tables, `users`, `access_tokens` and `sessions`, or brings them up to date. If they are up to date, it changes
/// nothing. Several processes may run it at once.
///
/// Diesel's table `__diesel_schema_migrations` records what was done, beside the application's own migrations.
///
/// # Errors
/// [`StoreError`] if the database does not answer, or has other tables of these names.
pub async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    // One transaction for all steps, so that another process sees all or none.
    let database = Database::from(pool).deadline(DEADLINE).map_err(failed)?;
    database.write(run_pending).await
}

fn run_pending(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection
        .run_pending_migrations(MIGRATIONS)
        .map(drop)
        .map_err(Error::QueryBuilderError)
}
