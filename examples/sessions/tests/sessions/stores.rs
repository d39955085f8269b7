//! The sentences that a store can break: each in memory, and all of them on each database.

use std::{env, sync::Arc};

use diesel_async::SimpleAsyncConnection as _;
use portcullis::{
    mongo,
    sql::{mysql, postgres},
    store::SessionStore,
};
use sessions::store;
use url::Url;
use uuid::Uuid;

/// Names a test in memory for each sentence, and one function that says them all.
macro_rules! sentences {
    ($($module:ident::$sentence:ident)*) => {
        $(#[actix_web::test]
        async fn $sentence() {
            crate::$module::$sentence(&crate::memory()).await;
        })*

        async fn every_sentence_on(url: &str) {
            let store: Arc<dyn SessionStore> = store::open(url).await.expect("a store");
            $(crate::$module::$sentence(&store).await;)*
        }
    };
}

sentences! {
    service::what_is_set_is_got_as_it_was_put
    service::a_set_replaces_the_data
    service::a_deleted_session_is_as_none
    service::s2_an_id_that_a_client_chose_is_never_adopted
    service::s3_a_session_lives_for_six_hours_however_it_is_used
    service::s3_a_session_that_is_not_used_ends_by_the_idle_limit
    sets::sixteen_kibibytes_are_kept_and_one_byte_more_is_refused
    sets::of_parallel_sets_the_last_wins
    sets::s4_a_log_out_beats_sets_in_flight
}

#[actix_web::test]
async fn every_sentence_is_true_on_sqlite() {
    // In memory where the system has such a place: every commit waits for the disk elsewhere.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_elsewhere| tempfile::tempdir());
    let folder = folder.expect("a folder");
    every_sentence_on(&format!(
        "sqlite://{}",
        folder.path().join("sessions.db").display()
    ))
    .await;
}

#[actix_web::test]
#[ignore = "needs PostgreSQL"]
async fn every_sentence_is_true_on_postgresql() {
    let (server, own, name) = names_on("TEST_POSTGRES_URL");
    let pool = postgres::connect(&server).expect("a URL");
    let mut server = pool.get().await.expect("PostgreSQL");
    let run = format!("CREATE DATABASE {name}");
    server.batch_execute(&run).await.expect("a database");
    every_sentence_on(&own).await;
    let run = format!("DROP DATABASE {name} WITH (FORCE)");
    server.batch_execute(&run).await.expect("no database");
}

#[actix_web::test]
#[ignore = "needs MariaDB"]
async fn every_sentence_is_true_on_mariadb() {
    let (server, own, name) = names_on("TEST_MARIADB_URL");
    let pool = mysql::connect(&server).expect("a URL");
    let mut server = pool.get().await.expect("MariaDB");
    let run = format!("CREATE DATABASE {name}");
    server.batch_execute(&run).await.expect("a database");
    every_sentence_on(&own).await;
    let run = format!("DROP DATABASE {name}");
    server.batch_execute(&run).await.expect("no database");
}

#[actix_web::test]
#[ignore = "needs MongoDB"]
async fn every_sentence_is_true_on_mongodb() {
    let (_server, own, _name) = names_on("TEST_MONGODB_URL");
    every_sentence_on(&own).await;
    let database = mongo::connect(&own).await.expect("a database");
    database.drop().await.expect("no database");
}

#[actix_web::test]
#[ignore = "needs Redis"]
async fn every_sentence_is_true_on_redis() {
    every_sentence_on(&env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL")).await;
}

/// The server in a variable, a database of a random name there, and that name.
fn names_on(variable: &str) -> (String, String, String) {
    let server = env::var(variable).expect(variable);
    let name = format!("sessions_{}", Uuid::new_v4().simple());
    let mut own = Url::parse(&server).expect("a URL");
    own.set_path(&name);
    (server, own.into(), name)
}
