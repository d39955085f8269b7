//! Making the default tables.

use auth_core::{AccessToken, AccessTokenStore as _, User, UserStore as _};
use auth_sql::{
    DigestColumn, InstantColumn, UuidColumn,
    sqlite::{
        self, Database, Pool, SqliteAccessTokenStore, SqliteUserStore,
        schema::{access_tokens, users},
    },
};
use diesel::{connection::SimpleConnection as _, migration::CREATE_MIGRATIONS_TABLE, prelude::*};
use time::Duration;

use super::{
    file::{File, new_token, new_user, now},
    older::LogIns,
};

/// What made the default tables before log-ins had a backend.
const FIRST_STEPS: &str = concat!(
    include_str!("../../migrations/sqlite/20260801000001_create_users/up.sql"),
    include_str!("../../migrations/sqlite/20260801000002_create_access_tokens/up.sql"),
    "INSERT INTO __diesel_schema_migrations (version) VALUES ('20260801000001'), ('20260801000002');",
);
/// What undoes the steps since.
const LAST_STEPS_UNDONE: &str = concat!(
    include_str!("../../migrations/sqlite/20261130000003_let_users_have_roles/down.sql"),
    include_str!("../../migrations/sqlite/20261130000002_create_sessions/down.sql"),
    include_str!("../../migrations/sqlite/20261130000001_let_access_tokens_rotate/down.sql"),
    "DELETE FROM __diesel_schema_migrations WHERE version >= '20261130000001';",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrations_run_once_whoever_starts_them() {
    let file = File::new();
    let path = file.path().display().to_string();
    let mut processes = Vec::new();
    for _process in 0..8 {
        let path = path.clone();
        processes.push(tokio::spawn(async move {
            let pool = sqlite::connect(&path).await.expect("a database");
            sqlite::migrate(&pool).await.expect("tables");
            sqlite::migrate(&pool).await.expect("nothing to do");
        }));
    }
    for process in processes {
        process.await.expect("a migrated database");
    }
    let user = SqliteUserStore::new(file.pool().await)
        .insert(new_user("ada"))
        .await;
    user.expect("a user");
}

#[tokio::test]
async fn migrations_leave_the_applications_own_tables_alone() {
    let file = File::new();
    file.other_process()
        .batch_execute("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ada');")
        .expect("a table of the application's");
    let pool = sqlite::connect(&file.path().display().to_string()).await;
    let pool = pool.expect("a database");
    sqlite::migrate(&pool).await.expect_err("the name is taken");
    let tables: i64 = diesel::dsl::sql::<diesel::sql_types::BigInt>(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'access_tokens' OR sql LIKE '%security_epoch%'",
    )
    .get_result(&mut file.other_process())
    .expect("an answer");
    assert_eq!(tables, 0, "what cannot be done is left undone");
}

impl File {
    fn run(&self, statements: &str) {
        self.other_process().batch_execute(statements).expect(statements);
    }

    /// The tables of a release that knew neither backends nor generations, and Ada in them.
    async fn of_older_tables(&self) -> (Pool, SqliteAccessTokenStore, User) {
        let pool = sqlite::connect(&self.path().display().to_string()).await;
        let pool = pool.expect("a database");
        self.run(CREATE_MIGRATIONS_TABLE);
        self.run(FIRST_STEPS);
        let tokens = SqliteAccessTokenStore::new(Database::new(pool.clone()));
        (pool, tokens, insert_user_as_before(self))
    }
}

/// As that release did.
fn insert_user_as_before(file: &File) -> User {
    let new = new_user("ada");
    let id = new.id.expect("an id");
    let ada = new.into_user(id);
    diesel::insert_into(users::table)
        .values((
            users::id.eq(UuidColumn(id)),
            users::email.eq(ada.email.as_str()),
            users::normalized_email.eq(ada.email.normalized().as_str()),
            users::password_hash.eq(ada.password_hash.as_ref().map(|hash| hash.expose())),
            users::is_active.eq(ada.is_active),
            users::is_superuser.eq(ada.is_superuser),
            users::is_verified.eq(ada.is_verified),
            users::security_epoch.eq(ada.security_epoch),
            users::revision.eq(ada.revision),
            users::created_at.eq(InstantColumn::new(ada.created_at)),
            users::updated_at.eq(InstantColumn::new(ada.updated_at)),
        ))
        .execute(&mut file.other_process())
        .expect("a row");
    ada
}

/// As that release did.
fn insert_as_before(file: &File, token: &AccessToken) {
    diesel::insert_into(access_tokens::table)
        .values((
            access_tokens::id.eq(UuidColumn(token.id.0)),
            access_tokens::digest.eq(DigestColumn(token.digest)),
            access_tokens::user_id.eq(UuidColumn(token.user_id)),
            access_tokens::epoch.eq(token.epoch),
            access_tokens::created_at.eq(InstantColumn::new(token.created_at)),
            access_tokens::expires_at.eq(token.expires_at.map(InstantColumn::new)),
            access_tokens::last_used_at.eq(InstantColumn::new(token.last_used_at)),
        ))
        .execute(&mut file.other_process())
        .expect("a row");
}

#[tokio::test]
async fn log_ins_of_older_tables_live_on_and_end_when_they_would_have_ended() {
    let file = File::new();
    let (pool, tokens, ada) = file.of_older_tables().await;
    let (ending_key, ending) = new_token(&ada, "ends");
    let ending = ending.ending(Some(now() + Duration::milliseconds(86_400_001)));
    let (endless_key, endless) = new_token(&ada, "never ends");
    for token in [&ending, &endless] {
        insert_as_before(&file, token);
    }

    sqlite::migrate(&pool).await.expect("new columns");
    let found = async |key| tokens.find(&key).await.expect("an answer");
    assert_eq!(found(ending_key).await, Some(ending.clone()));
    assert_eq!(found(endless_key).await, Some(endless.clone()));

    file.run(LAST_STEPS_UNDONE);
    let (newer_key, newer) = new_token(&ada, "of the older release");
    insert_as_before(&file, &newer);
    sqlite::migrate(&pool).await.expect("new columns again");
    file.run("SELECT data FROM sessions");
    let found_ada = SqliteUserStore::new(&pool).find(&ada.id).await;
    let found_ada = found_ada.expect("an answer").expect("a user of older tables");
    assert!(found_ada.roles.is_empty(), "who had no roles has none");
    for (key, token) in [(ending_key, ending), (endless_key, endless), (newer_key, newer)] {
        assert_eq!(found(key).await, Some(token));
    }
}

#[tokio::test]
async fn log_ins_of_older_tables_are_listed_advanced_and_counted_by_a_cap() {
    let file = File::new();
    let (pool, tokens, ada) = file.of_older_tables().await;
    let log_ins = LogIns::of(ada.id);
    for token in [&log_ins.oldest, &log_ins.older] {
        insert_as_before(&file, token);
    }
    sqlite::migrate(&pool).await.expect("new columns");
    log_ins.are_listed_advanced_and_counted_by_a_cap(&tokens).await;
}
