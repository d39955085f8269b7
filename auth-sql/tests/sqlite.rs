//! What is SQLite's own: files, locks, restarts, constraints, and calls that are dropped.
#![cfg(feature = "sqlite")]

use std::{
    future::{Future, poll_fn},
    num::NonZeroU32,
    path::PathBuf,
    pin::pin,
    task::Poll,
    time::Duration,
};

use auth_core::{
    AccessToken, AccessTokenStore as _, Client, InsertTokenError, InsertUserError, NewUser, NormalizedEmail,
    PasswordHash, PublicId, StoreError, TokenKey, User, UserStore as _,
};
use auth_sql::sqlite::{self, Database, Pool, SqliteAccessTokenStore, SqliteUserStore, schema};
use diesel::{
    Connection as _, SqliteConnection, connection::SimpleConnection as _, prelude::*, result::Error,
};
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

struct File {
    folder: TempDir,
}

impl File {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("auth.db")
    }

    async fn pool(&self) -> Pool {
        let location = format!("sqlite://{}", self.path().display());
        let pool = sqlite::connect("DATABASE_URL", &location).await;
        let pool = pool.expect("a database");
        sqlite::migrate(&pool).await.expect("tables");
        pool
    }

    /// A pool of at most `size` connections, none of them open yet.
    async fn small_pool(&self, size: usize) -> Pool {
        drop(self.pool().await);
        let manager = sqlite::manager(&self.path().display().to_string());
        Pool::builder(manager).max_size(size).build().expect("a pool")
    }

    /// A connection that is no part of the pool, as another process has one.
    fn other_process(&self) -> SqliteConnection {
        SqliteConnection::establish(&self.path().display().to_string()).expect("a connection")
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("an instant")
}

fn new_user(name: &str) -> NewUser {
    NewUser {
        id: Some(Uuid::now_v7()),
        email: format!("{name}@example.com").parse().expect("an e-mail"),
        password_hash: Some(PasswordHash::new("$argon2id$the-hash")),
        is_active: true,
        is_superuser: false,
        is_verified: false,
        created_at: now(),
        profile: (),
    }
}

fn new_token(user: &User, secret: &str) -> (TokenKey, AccessToken) {
    let key = TokenKey::of(secret);
    let token = AccessToken {
        id: PublicId::generate(),
        digest: key.digest,
        user_id: user.id,
        epoch: 0,
        created_at: now(),
        expires_at: None,
        last_used_at: now(),
        client: Client::default(),
    };
    (key, token)
}

#[tokio::test]
async fn users_and_tokens_are_there_after_a_restart_and_a_revoked_token_is_not() {
    let file = File::new();
    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let user = users.insert(new_user("ada")).await.expect("a user");
    let ((kept, token), (revoked, gone)) = (new_token(&user, "kept"), new_token(&user, "revoked"));
    tokens.insert(&token, None).await.expect("a token");
    tokens.insert(&gone, None).await.expect("a token");
    assert!(tokens.delete(&revoked).await.expect("an answer"));
    drop((users, tokens));
    pool.close();

    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    assert!(users.find(&user.id).await.expect("an answer").is_some());
    assert_eq!(tokens.find(&kept).await.expect("an answer"), Some(token));
    assert_eq!(tokens.find(&revoked).await.expect("an answer"), None);
}

#[tokio::test]
async fn s5_the_tokens_of_a_deleted_user_are_gone_with_the_user() {
    let file = File::new();
    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let user = users.insert(new_user("ada")).await.expect("a user");
    let (key, token) = new_token(&user, "token");
    tokens.insert(&token, None).await.expect("a token");
    assert!(users.delete(&user.id).await.expect("an answer"));
    assert_eq!(tokens.find(&key).await.expect("an answer"), None);
    let late = tokens.insert(&token, NonZeroU32::new(1)).await;
    assert!(matches!(late, Err(InsertTokenError::UnknownUser)), "{late:?}");
}

#[tokio::test]
async fn each_connection_is_durable_and_holds_foreign_keys() {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }

    let file = File::new();
    let pool = file.small_pool(2).await;
    let mut connections = [pool.get().await.expect("one"), pool.get().await.expect("another")];
    for connection in &mut connections {
        for (setting, expected) in [("foreign_keys", 1), ("synchronous", 2), ("busy_timeout", 1000)] {
            let column = if setting == "busy_timeout" {
                "timeout"
            } else {
                setting
            };
            let query = format!("SELECT {column} AS number FROM pragma_{setting}");
            let number = connection
                .spawn_blocking(|connection| diesel::sql_query(query).get_result::<Number>(connection))
                .await;
            assert_eq!(number.expect(setting).number, expected, "{setting}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrations_run_once_whoever_starts_them() {
    let file = File::new();
    let path = file.path().display().to_string();
    let mut processes = Vec::new();
    for _process in 0..8 {
        let path = path.clone();
        processes.push(tokio::spawn(async move {
            let pool = sqlite::connect("DATABASE_URL", &path).await.expect("a database");
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
    let pool = sqlite::connect("DATABASE_URL", &file.path().display().to_string()).await;
    let pool = pool.expect("a database");
    sqlite::migrate(&pool).await.expect_err("the name is taken");
    let tables: i64 = diesel::dsl::sql::<diesel::sql_types::BigInt>(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'access_tokens' OR sql LIKE '%security_epoch%'",
    )
    .get_result(&mut file.other_process())
    .expect("an answer");
    assert_eq!(tables, 0, "what cannot be done is left undone");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_names_the_setting() {
    let file = File::new();
    let folder = file.folder.path();
    std::fs::write(
        folder.join("text"),
        "not a database, but long enough to be asked".repeat(100),
    )
    .expect("a file");
    for location in [
        folder.join("no-such-folder/auth.db").display().to_string(),
        format!("sqlite://{}", folder.join("no-such-folder/auth.db").display()),
        folder.display().to_string(),
        folder.join("text").display().to_string(),
        ":memory:".to_owned(),
        "sqlite::memory:".to_owned(),
        String::new(),
        "postgres://ada:open-sesame@localhost/auth".to_owned(),
    ] {
        let refused = sqlite::connect("DATABASE_URL", &location).await;
        let error = refused.err().expect(&location);
        assert_eq!(error.setting(), "DATABASE_URL", "{location}");
        assert!(!error.to_string().contains("open-sesame"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_alone_and_a_present_one_keeps_its_mode() {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let file = File::new();
    let mode = |path: PathBuf| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let pool = file.pool().await;
    assert_eq!(mode(file.path()), 0o600);
    assert_eq!(mode(file.folder.path().join("auth.db-wal")), 0o600);
    drop(pool);
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).expect("a mode");
    file.pool().await;
    assert_eq!(mode(file.path()), 0o640);
}

#[tokio::test]
async fn a_locked_database_is_a_store_error_by_the_deadline_and_readers_go_on() {
    let file = File::new();
    let database = Database::new(file.pool().await).deadline(Duration::from_millis(200));
    let users = SqliteUserStore::new(&database);
    let ada = users.insert(new_user("ada")).await.expect("a user");

    let mut other = file.other_process();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let refused = users.insert(new_user("ben")).await;
    let Err(InsertUserError::Store(error)) = refused else {
        panic!("a locked database took a user: {refused:?}")
    };
    assert!(error.is_timeout(), "{error}");
    assert!(users.find(&ada.id).await.expect("an answer").is_some());
    other.batch_execute("ROLLBACK").expect("no lock");
    let users = SqliteUserStore::new(database.deadline(Duration::from_secs(5)));
    users.insert(new_user("eve")).await.expect("the lock is free");
}

#[tokio::test]
async fn a_lock_that_outlasts_the_busy_timeout_is_a_store_error() {
    let file = File::new();
    let pool = file.pool().await;
    let users = SqliteUserStore::new(Database::new(pool).deadline(Duration::from_secs(20)));
    let mut other = file.other_process();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let refused = users.insert(new_user("ada")).await;
    let Err(InsertUserError::Store(error)) = refused else {
        panic!("a locked database took a user: {refused:?}")
    };
    assert!(!error.is_timeout(), "{error}");
    other.batch_execute("ROLLBACK").expect("no lock");
    users.insert(new_user("ada")).await.expect("the lock is free");
}

#[tokio::test]
async fn an_exhausted_pool_is_a_store_error_by_the_deadline() {
    let file = File::new();
    let pool = file.small_pool(1).await;
    let users = SqliteUserStore::new(Database::new(pool.clone()).deadline(Duration::from_millis(50)));
    let held = pool.get().await.expect("the only connection");
    let error = users.find(&Uuid::now_v7()).await.expect_err("no connection");
    assert!(error.is_timeout(), "{error}");
    drop(held);
    users.find(&Uuid::now_v7()).await.expect("a connection");
}

#[tokio::test]
async fn writers_that_wait_do_not_keep_readers_from_a_connection() {
    let file = File::new();
    let pool = file.small_pool(2).await;
    let database = Database::new(pool);
    let users = SqliteUserStore::new(&database);
    let mut other = file.other_process();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let writers: Vec<_> = (0..20)
        .map(|n| {
            let users = users.clone();
            tokio::spawn(async move { users.insert(new_user(&format!("user{n}"))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let reader = SqliteUserStore::new(database.clone().deadline(Duration::from_millis(500)));
    for _read in 0..50 {
        reader
            .find(&Uuid::now_v7())
            .await
            .expect("a connection for the reader");
    }
    other.batch_execute("ROLLBACK").expect("no lock");
    for writer in writers {
        writer.await.expect("a task").expect("a user");
    }
}

#[tokio::test]
async fn a_stored_value_that_cannot_be_read_is_a_store_error() {
    let file = File::new();
    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let user = users.insert(new_user("ada")).await.expect("a user");
    let (key, token) = new_token(&user, "token");
    tokens.insert(&token, None).await.expect("a token");
    for (table, damage) in [
        ("users", "created_at = 9223372036854775807"),
        ("users", "updated_at = -9223372036854775808"),
        ("access_tokens", "id = x'00'"),
        ("access_tokens", "expires_at = 9223372036854775807"),
        ("access_tokens", "user_agent = cast(x'ff' AS TEXT)"),
    ] {
        let mut other = file.other_process();
        other
            .batch_execute(&format!(
                "PRAGMA ignore_check_constraints = ON; BEGIN; UPDATE {table} SET {damage}; COMMIT;"
            ))
            .expect(damage);
        let error: StoreError = if table == "users" {
            users.find(&user.id).await.expect_err(damage)
        } else {
            tokens.find(&key).await.expect_err(damage)
        };
        assert!(!error.is_timeout(), "{damage}: {error}");
        let repair = "UPDATE users SET created_at = 0, updated_at = 0; \
             UPDATE access_tokens SET id = zeroblob(16), expires_at = NULL, user_agent = NULL;";
        other.batch_execute(repair).expect("a repair");
    }
    users.find(&user.id).await.expect("all is well");
    tokens.find(&key).await.expect("all is well");
}

#[tokio::test]
async fn e4_no_value_stands_in_an_error() {
    let file = File::new();
    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let ada = users.insert(new_user("ada")).await.expect("a user");
    let (_, token) = new_token(&ada, "token");
    tokens.insert(&token, None).await.expect("a token");
    let twin = NewUser {
        id: Some(ada.id),
        ..new_user("ben")
    };
    let (_, other) = new_token(&ada, "other");
    let same_id = AccessToken {
        id: token.id,
        ..other
    };
    let errors = [
        format!(
            "{0} {0:?}",
            users.insert(twin).await.expect_err("the id is taken")
        ),
        format!(
            "{0} {0:?}",
            tokens.insert(&same_id, None).await.expect_err("the id is taken")
        ),
        format!("{:?} {:?}", users, tokens),
    ];
    for error in errors {
        for secret in ["argon2id", "ben@", "ada@", &ada.id.to_string()] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[tokio::test]
async fn a_write_that_fails_or_panics_leaves_nothing_behind() {
    let file = File::new();
    let pool = file.small_pool(1).await;
    let database = Database::new(pool);
    let users = SqliteUserStore::new(&database);
    users.insert(new_user("ada")).await.expect("a user");

    let failed: Result<(), _> = database
        .write(|connection| {
            diesel::delete(schema::users::table).execute(connection)?;
            Err(Error::NotFound)
        })
        .await;
    failed.expect_err("the call fails");
    let panicked: Result<(), _> = database
        .write(|connection| {
            diesel::delete(schema::users::table).execute(connection)?;
            panic!("a bug in the application")
        })
        .await;
    panicked.expect_err("the call panics");
    let email = NormalizedEmail::of("ada@example.com").expect("an e-mail");
    assert!(users.find_by_email(&email).await.expect("an answer").is_some());
    users.insert(new_user("ben")).await.expect("the store works");
}

/// Polls `call` up to `polls` times, drops it as soon as it waits again, and says whether it came to its end.
async fn cancelled<T>(call: impl Future<Output = T>, polls: u32) -> bool {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(_answer) => Poll::Ready(true),
            Poll::Pending if polled >= polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The runtime of an actix-web worker, where diesel-async's wrapper must not be dropped halfway.
#[tokio::test(flavor = "current_thread")]
async fn k2_a_dropped_call_leaves_the_pool_whole_on_a_single_threaded_runtime() {
    let file = File::new();
    let ada = SqliteUserStore::new(file.pool().await)
        .insert(new_user("ada"))
        .await;
    let ada = ada.expect("a user");
    let pool = file.small_pool(1).await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let mut dropped = 0;
    for round in 0..50 {
        let mut polls = 0;
        loop {
            let (_, token) = new_token(&ada, &format!("token {round} {polls}"));
            let finished = [
                cancelled(users.find(&ada.id), polls).await,
                cancelled(users.insert(new_user(&format!("user{round}and{polls}"))), polls).await,
                cancelled(tokens.insert(&token, NonZeroU32::new(2)), polls).await,
            ];
            polls += 1;
            dropped += finished.iter().filter(|finished| !**finished).count();
            if finished == [true; 3] {
                break;
            }
        }
    }
    assert!(dropped >= 150, "{dropped} calls were dropped");
    let (key, token) = new_token(&ada, "the last");
    tokens
        .insert(&token, NonZeroU32::new(1))
        .await
        .expect("the pool is whole");
    assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
    let tokens = schema::access_tokens::table.count();
    let count: i64 = tokens.get_result(&mut file.other_process()).expect("an answer");
    assert_eq!(count, 1, "the cap holds over what was dropped");
    assert_eq!((pool.status().size, pool.status().available), (1, 1));
}
