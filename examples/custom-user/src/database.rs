//! The database, with the application's own migrations.

use std::error::Error;

use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use portcullis::sql::sqlite::{self, Database};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Opens the database at `location` and brings its tables up to date.
///
/// # Errors
/// If the file cannot be opened, or a migration fails.
pub async fn open(location: &str) -> Result<Database, Box<dyn Error>> {
    let database = Database::new(sqlite::connect(location).await?);
    database
        .write(|connection| {
            let done = connection.run_pending_migrations(MIGRATIONS).map(drop);
            done.map_err(diesel::result::Error::QueryBuilderError)
        })
        .await?;
    Ok(database)
}
