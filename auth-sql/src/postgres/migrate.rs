use std::{future::Future, pin::Pin};

use auth_core::StoreError;
use diesel::QueryDsl as _;
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

use super::{Connection, Pool, Postgres};
use crate::server::{
    Answer,
    migrate::{__diesel_schema_migrations::dsl as taken, Migrate, Migration, patient, run_pending},
};

/// Lets one process at a time migrate a schema. The lock ends with the transaction.
const LOCK: &str =
    "SELECT pg_advisory_xact_lock(hashtext('portcullis migrations'), hashtext(current_schema()))";

/// Creates the default tables, `users`, `access_tokens` and `sessions`, or brings them up to date, in the first schema of the
/// search path. If they are up to date, it changes nothing. Several processes may run it at once.
///
/// Diesel's table `__diesel_schema_migrations` records what was done, beside the application's own migrations.
///
/// # Errors
/// [`StoreError`] if the database does not answer within 2 seconds, or has other tables of these names, or if it is not done
/// after 60 seconds, for example because another process is still migrating.
pub async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    migrated(pool).await
}

/// In a box that a plain function makes, so that it is compiled here and not again in each application.
fn migrated(pool: &Pool) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + '_>> {
    Box::pin(async move {
        let database = patient::<Postgres>(pool).await?;
        // One transaction for all steps: they succeed together, or nothing changes.
        database
            .write(|connection| {
                Box::pin(async move {
                    connection.batch_execute(LOCK).await?;
                    run_pending::<Postgres>(connection).await
                })
            })
            .await
    })
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
        Migration {
            version: "20261130000001",
            up: include_str!("../../migrations/postgres/20261130000001_let_access_tokens_rotate/up.sql"),
        },
        Migration {
            version: "20261130000002",
            up: include_str!("../../migrations/postgres/20261130000002_create_sessions/up.sql"),
        },
        Migration {
            version: "20261130000003",
            up: include_str!("../../migrations/postgres/20261130000003_let_users_have_roles/up.sql"),
        },
    ];

    fn recorded(connection: &mut Connection) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            taken::__diesel_schema_migrations
                .select(taken::version)
                .load(connection)
                .await
        })
    }

    /// Nothing: a step and its record are written in one transaction.
    fn shown(_connection: &mut Connection) -> Answer<'_, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
