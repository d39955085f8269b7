//! Opening a database.

#[cfg(unix)]
use std::path::PathBuf;

use auth_sql::sqlite;
use diesel::prelude::*;

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
