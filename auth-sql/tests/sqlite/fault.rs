//! Locks, exhausted pools, spoiled rows and calls that fail.

use std::time::Duration;

use auth_core::{
    AccessTokenStore as _, InsertUserError, NormalizedEmail, StoreError, StoreErrorKind, UserStore as _,
};
use auth_sql::sqlite::{Database, Pool, SqliteAccessTokenStore, SqliteUserStore, schema};
use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};
use uuid::Uuid;

use super::file::{File, new_token, new_user};

/// Calls on `pool` that wait for 20 s, and such that wait for `limit`: what is to succeed has time for it.
fn patient_and_hurried(pool: Pool, limit: Duration) -> (Database, Database) {
    let within = |limit| Database::new(pool.clone()).deadline(limit).expect("a deadline");
    (within(Duration::from_secs(20)), within(limit))
}

#[tokio::test]
async fn a_locked_database_is_a_store_error_by_the_deadline_and_readers_go_on() {
    let file = File::new();
    let (patient, hurried) = patient_and_hurried(file.pool().await, Duration::from_millis(200));
    let users = SqliteUserStore::new(&patient);
    let ada = users.insert(new_user("ada")).await.expect("a user");

    let mut other = file.other_process();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let refused = SqliteUserStore::new(&hurried).insert(new_user("ben")).await;
    let Err(InsertUserError::Store(error)) = refused else {
        panic!("a locked database took a user: {refused:?}")
    };
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    assert!(users.find(&ada.id).await.expect("an answer").is_some());
    other.batch_execute("ROLLBACK").expect("no lock");
    users.insert(new_user("eve")).await.expect("the lock is free");
}

#[tokio::test]
async fn a_deadline_of_zero_is_refused_and_the_setting_named() {
    let file = File::new();
    let refused = Database::new(file.pool().await).deadline(Duration::ZERO);
    assert_eq!(refused.expect_err("no deadline").setting(), "deadline");
}

#[tokio::test]
async fn a_lock_that_outlasts_the_busy_timeout_is_a_store_error() {
    let file = File::new();
    let pool = file.pool().await;
    let users = SqliteUserStore::new(
        Database::new(pool)
            .deadline(Duration::from_secs(20))
            .expect("a deadline"),
    );
    let mut other = file.other_process();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let refused = users.insert(new_user("ada")).await;
    let Err(InsertUserError::Store(error)) = refused else {
        panic!("a locked database took a user: {refused:?}")
    };
    assert_eq!(error.kind(), StoreErrorKind::Contention, "{error}");
    other.batch_execute("ROLLBACK").expect("no lock");
    users.insert(new_user("ada")).await.expect("the lock is free");
}

#[tokio::test]
async fn an_exhausted_pool_is_a_store_error_by_the_deadline() {
    let file = File::new();
    let pool = file.small_pool(1).await;
    let (patient, hurried) = patient_and_hurried(pool.clone(), Duration::from_millis(50));
    let held = pool.get().await.expect("the only connection");
    let refused = SqliteUserStore::new(&hurried).find(&Uuid::now_v7()).await;
    let error = refused.expect_err("no connection");
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    drop(held);
    let answer = SqliteUserStore::new(&patient).find(&Uuid::now_v7()).await;
    answer.expect("a connection");
}

#[tokio::test]
async fn writers_that_wait_do_not_keep_readers_from_a_connection() {
    let file = File::new();
    let pool = file.small_pool(2).await;
    let (patient, hurried) = patient_and_hurried(pool, Duration::from_secs(5));
    let users = SqliteUserStore::new(&patient);
    let mut other = file.other_process();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let writers: Vec<_> = (0..20)
        .map(|n| {
            let users = users.clone();
            tokio::spawn(async move { users.insert(new_user(&format!("user{n}"))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let reader = SqliteUserStore::new(&hurried);
    for _read in 0..10 {
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
        ("users", "roles = 'editor,'"),
        ("users", "roles = '*'"),
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
        assert_eq!(error.kind(), StoreErrorKind::InvalidData, "{damage}: {error}");
        let repair = "UPDATE users SET created_at = 0, updated_at = 0, roles = 'editor,author'; \
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
    let mut twin = new_user("ben");
    twin.id = Some(ada.id);
    let (_, other) = new_token(&ada, "other");
    let mut same_id = other;
    same_id.id = token.id;
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
    let email = NormalizedEmail::from_typed("ada@example.com").expect("an e-mail");
    assert!(users.find_by_email(&email).await.expect("an answer").is_some());
    users.insert(new_user("ben")).await.expect("the store works");
}

#[test]
fn a_connection_outlives_the_runtime_that_opened_it() {
    let file = File::new();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    };
    let pool = runtime().block_on(file.pool());
    assert_eq!(pool.status().size, 1);
    let users = SqliteUserStore::new(&pool);
    let inserted = runtime().block_on(users.insert(new_user("ada")));
    inserted.expect("a user, from a worker that was started later");
}
