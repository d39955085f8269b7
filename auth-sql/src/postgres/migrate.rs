use auth_core::StoreError;
use diesel::QueryDsl as _;
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

use super::{Connection, Pool, Postgres};
use crate::server::{
    Answer,
    migrate::{__diesel_schema_migrations::dsl as taken, Migrate, Migration, patient, run_pending},
};

/// One process after another; the lock ends with the transaction, and is the schema's own.
const LOCK: &str =
    "SELECT pg_advisory_xact_lock(hashtext('portcullis migrations'), hashtext(current_schema()))";

/// Makes the default tables, `users` and `access_tokens`, or brings them up to date, in the schema that the search path
/// names first. It changes nothing where they are, and may run in several processes at once.
///
/// Diesel's table `__diesel_schema_migrations` keeps what was done, beside the application's own migrations.
///
/// # Errors
/// [`StoreError`] if the database does not answer within 2 seconds, or holds tables of these names that are not ours; or
/// if it is not done after 60 seconds, as where another process is still migrating.
pub async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    let database = patient::<Postgres>(pool).await?;
    // One transaction around all, so that what cannot be done is left undone.
    database
        .write(|connection| {
            Box::pin(async move {
                connection.batch_execute(LOCK).await?;
                run_pending::<Postgres>(connection).await
            })
        })
        .await
}

impl Migrate for Postgres {
    const MIGRATIONS: &'static [Migration] = &[
        Migration {
            version: "20260801000001",
            up: include_str!("../../migrations/postgres/20260801000001_create_users/up.sql"),
        },
        Migration {
            version: "20260801000002",
            up: include_str!("../../migrations/postgres/20260801000002_create_access_tokens/up.sql"),
        },
    ];

    fn noted(connection: &mut Connection) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            taken::__diesel_schema_migrations
                .select(taken::version)
                .load(connection)
                .await
        })
    }

    /// A step and its note are of one transaction.
    fn shown(_connection: &mut Connection) -> Answer<'_, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
