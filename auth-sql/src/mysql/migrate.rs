use auth_core::StoreError;
use diesel::{
    QueryDsl as _, QueryResult,
    dsl::sql,
    result::Error,
    sql_types::{Integer, Nullable, Text},
};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

use super::{Connection, Mysql, Pool};
use crate::{
    server::{
        Answer, Server as _,
        migrate::{__diesel_schema_migrations::dsl as taken, Migrate, Migration, patient, run_pending},
    },
    statement::OnDisconnect,
};

/// Lets one process migrate at a time. Lock names are global to the server, and a database's name may be too long for one,
/// hence the hash.
const LOCK: &str = "GET_LOCK(CONCAT('portcullis ', SHA1(DATABASE())), 55)";
const UNLOCK: &str = "DO RELEASE_LOCK(CONCAT('portcullis ', SHA1(DATABASE())))";

/// The tables' comments, which name the versions that made them. MySQL has no transactional DDL, so each step is one
/// statement, which also writes its version into the comment.
const SHOWN: &str = "SELECT SUBSTRING(table_comment, 12) FROM information_schema.tables \
    WHERE table_schema = DATABASE() AND table_name IN ('users', 'access_tokens', 'sessions') AND table_comment LIKE 'portcullis %'";

/// Creates the default tables, `users`, `access_tokens` and `sessions`, or brings them up to date. If they are up to date, it changes
/// nothing. Several processes may run it at once.
///
/// Diesel's table `__diesel_schema_migrations` records what was done, beside the application's own migrations. MySQL cannot
/// create a table and record it in one transaction, so each table also has its versions in its comment: an interrupted
/// migration can continue where it stopped.
///
/// # Errors
/// [`StoreError`] if the database does not answer within 2 seconds, or has other tables of these names, or if another
/// process is still migrating after 55 seconds, or this one is not done after 60.
pub async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    let database = patient::<Mysql>(pool).await?;
    let migrated = database.try_call(OnDisconnect::Fail, |connection| {
        Box::pin(async move {
            lock(connection).await?;
            let migrated = run_pending::<Mysql>(connection).await;
            // If this fails, the lock ends with the connection.
            connection.batch_execute(UNLOCK).await.and(migrated)
        })
    });
    migrated.await?.map_err(Mysql::report)
}

async fn lock(connection: &mut Connection) -> QueryResult<()> {
    let locked = diesel::select(sql::<Nullable<Integer>>(LOCK))
        .get_result::<Option<i32>>(connection)
        .await?;
    let problem = match locked {
        Some(1) => return Ok(()),
        Some(_) => "another process is still migrating",
        None => "the server granted no lock: is the connection to a database?",
    };
    Err(Error::QueryBuilderError(problem.into()))
}

impl Migrate for Mysql {
    const MIGRATIONS: &'static [Migration] = &[
        Migration {
            version: "20260801000001",
            up: include_str!("../../migrations/mysql/20260801000001_create_users/up.sql"),
        },
        Migration {
            version: "20260801000002",
            up: include_str!("../../migrations/mysql/20260801000002_create_access_tokens/up.sql"),
        },
        Migration {
            version: "20261130000001",
            up: include_str!("../../migrations/mysql/20261130000001_let_access_tokens_rotate/up.sql"),
        },
        Migration {
            version: "20261130000002",
            up: include_str!("../../migrations/mysql/20261130000002_create_sessions/up.sql"),
        },
        Migration {
            version: "20261130000003",
            up: include_str!("../../migrations/mysql/20261130000003_let_users_have_roles/up.sql"),
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

    fn shown(connection: &mut Connection) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let comments: Vec<String> = sql::<Text>(SHOWN).load(connection).await?;
            let versions = comments.iter().flat_map(|comment| comment.split(' '));
            Ok(versions.map(str::to_owned).collect())
        })
    }
}
