//! Making the default tables.

use auth_core::UserStore as _;
use auth_sql::sqlite::{self, SqliteUserStore};
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::file::{File, new_user};

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
