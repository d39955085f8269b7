//! Making the default tables.

use auth_core::UserStore as _;

use super::sample::new_user;
use crate::backend::{INDEXES, Place, TABLE_END, Users, migrate};

pub(crate) async fn migrations_run_once_whoever_starts_them() {
    let place = Place::new().await;
    let processes: Vec<_> = (0..8)
        .map(|_| {
            let pool = place.pool(2);
            tokio::spawn(async move {
                migrate(&pool).await.expect("tables");
                migrate(&pool).await.expect("nothing to do");
            })
        })
        .collect();
    for process in processes {
        process.await.expect("a migrated database");
    }
    let taken = place
        .number("SELECT count(*) AS number FROM __diesel_schema_migrations")
        .await;
    assert_eq!(taken, 2, "each step is noted once");
    let user = Users::new(place.database(1)).insert(new_user("ada", ())).await;
    user.expect("a user");
}

pub(crate) async fn migrations_leave_the_applications_own_tables_alone() {
    let place = Place::new().await;
    let table = format!("CREATE TABLE users (name text) {TABLE_END}; INSERT INTO users VALUES ('ada');");
    place.run(&table).await;
    let pool = place.pool(1);
    migrate(&pool).await.expect_err("the name is taken");
    migrate(&pool)
        .await
        .expect_err("it still is, and nobody holds a lock");
    assert_eq!(
        place
            .number("SELECT count(*) AS number FROM users WHERE name = 'ada'")
            .await,
        1
    );
    place.run("DROP TABLE users").await;
    migrate(&pool)
        .await
        .expect("what could not be done was left undone");
}

pub(crate) async fn a_purge_and_each_look_up_have_an_index() {
    let place = Place::migrated().await;
    assert_eq!(place.number(INDEXES).await, 4);
}
