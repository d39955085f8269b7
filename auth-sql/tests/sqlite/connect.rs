//! Opening a database.

#[cfg(unix)]
use std::path::PathBuf;

use auth_core::UserStore as _;
use auth_sql::sqlite::{self, SqliteUserStore};
use diesel::prelude::*;
use uuid::Uuid;

use super::file::File;

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
        let refused = sqlite::connect(&location).await;
        let error = refused.err().expect(&location);
        assert_eq!(error.setting(), "database URL", "{location}");
        assert!(!error.to_string().contains("open-sesame"), "{error}");
    }
}

#[tokio::test]
async fn n10_a_file_that_cannot_be_used_is_named_with_the_next_step() {
    let file = File::new();
    let folder = file.folder.path();
    let text = folder.join("text");
    std::fs::write(&text, "not a database, but long enough to be asked".repeat(100)).expect("a file");
    let mut tries = vec![
        (
            folder.join("no-such-folder/auth.db"),
            "create it, or name another",
        ),
        (text.join("auth.db"), "is not a folder"),
        (folder.to_owned(), "It is a folder: name a file in it"),
        (text, "Is it a database of SQLite"),
    ];
    if cfg!(target_os = "linux") {
        // Nobody makes a file there, whoever runs the test.
        tries.push((
            "/sys/auth.db".into(),
            "Let the user of this process write in the folder `/sys`",
        ));
    }
    for (path, next_step) in tries {
        let path = path.display().to_string();
        for location in [path.clone(), format!("sqlite://{path}")] {
            let refused = sqlite::connect(&location).await;
            let message = refused.err().expect(&location).to_string();
            assert!(
                message.starts_with(&format!("database URL: `{path}` ")),
                "{message}"
            );
            assert!(message.contains(next_step), "{message}");
        }
    }
}

#[tokio::test]
async fn n10_tables_that_are_not_there_or_are_anothers_are_told_with_the_next_step() {
    let file = File::new();
    let path = file.path().display().to_string();
    let pool = sqlite::connect(&path).await.expect("a database");
    let error = SqliteUserStore::new(&pool)
        .find(&Uuid::now_v7())
        .await
        .expect_err("no table");
    assert!(error.to_string().contains("run `migrate`"), "{error}");
    let made = sqlite::Database::new(pool.clone())
        .write(|connection| diesel::sql_query("CREATE TABLE users (id INTEGER)").execute(connection))
        .await;
    made.expect("another's table");
    let error = sqlite::migrate(&pool).await.expect_err("another's table");
    assert!(error.to_string().contains("`user_store!`"), "{error}");
}

#[tokio::test]
async fn n10_a_file_that_went_away_is_named() {
    let file = File::new();
    let path = file.path().display().to_string();
    let pool = sqlite::Pool::builder(sqlite::manager(&format!("{path}/gone"))).build();
    let users = SqliteUserStore::new(pool.expect("a pool"));
    let error = users.find(&Uuid::now_v7()).await.expect_err("no such file");
    assert!(
        error
            .to_string()
            .contains(&format!("`{path}/gone` cannot be opened")),
        "{error}"
    );
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
