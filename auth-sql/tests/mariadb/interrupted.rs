//! Migrations that were killed, and locks that are not given.

use auth_core::UserStore as _;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;

use crate::{
    backend::{FIRST_STEPS, Place, Pool, TABLE_END, Users, migrate, server},
    server::sample::new_user,
};

async fn notes(place: &Place) -> i64 {
    place
        .number("SELECT count(*) AS number FROM __diesel_schema_migrations")
        .await
}

#[test]
#[ignore = "needs MariaDB"]
fn a_migration_that_was_killed_between_a_table_and_its_note_goes_on() {
    auth_core::conformance::run(async {
        let place = Place::new().await;
        place.run(FIRST_STEPS[0]).await;
        migrate(&place.pool(1))
            .await
            .expect("the first step is only noted");
        assert_eq!(notes(&place).await, 5);
        let users = Users::new(place.database(1));
        users.insert(new_user("ada", ())).await.expect("a user");

        for step in [
            "20260801000002",
            "20261130000001",
            "20261130000002",
            "20261130000003",
        ] {
            let forget = format!("DELETE FROM __diesel_schema_migrations WHERE version >= '{step}'");
            place.run(&forget).await;
            migrate(&place.pool(1))
                .await
                .expect("the last steps are only noted");
            assert_eq!(notes(&place).await, 5);
        }
        let users = place.number("SELECT count(*) AS number FROM users").await;
        assert_eq!(users, 1, "nothing was made anew");
    });
}

#[test]
#[ignore = "needs MariaDB"]
fn a_table_of_another_name_or_comment_is_none_of_the_steps() {
    auth_core::conformance::run(async {
        let place = Place::new().await;
        place.run(FIRST_STEPS[0]).await;
        place.run("RENAME TABLE users TO members").await;
        migrate(&place.pool(1)).await.expect("tables beside it");
        assert_eq!(place.number("SELECT count(*) AS number FROM users").await, 0);

        for comment in ["", "portcullis", "portcullis 20260801000002", "of 20260801000001"] {
            let place = Place::new().await;
            place
                .run(&format!(
                    "CREATE TABLE users (name text) {TABLE_END} COMMENT = '{comment}'"
                ))
                .await;
            let taken = migrate(&place.pool(1)).await;
            assert!(taken.is_err(), "a table with the comment {comment:?} is not ours");
        }
    });
}

#[test]
#[ignore = "needs MariaDB"]
fn a_lock_that_the_server_cannot_give_is_not_called_another_process() {
    auth_core::conformance::run(async {
        let server = server();
        let (address, _database) = server.rsplit_once('/').expect("a URL with a database");
        let manager = AsyncDieselConnectionManager::new(format!("{address}/"));
        let pool = Pool::builder(manager).max_size(1).build().expect("a pool");
        let error = migrate(&pool).await.expect_err("a connection to no database");
        let error = format!("{error:?}");
        assert!(
            error.contains("granted no lock") && !error.contains("another process"),
            "{error}"
        );
    });
}
