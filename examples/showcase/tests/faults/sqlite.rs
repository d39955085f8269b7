//! SQLite: a file in the program's own folder.

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use futures_util::future::join_all;

use crate::{
    process::Showcase,
    reset, restart,
    site::{PASSWORD, Site, address},
    stage::start,
};

async fn ready() -> (Showcase, Site) {
    let showcase = start(&[]).await;
    showcase.until_ready().await;
    let site = Site::new(&showcase);
    (showcase, site)
}

/// Another process on the same file.
fn other_process(showcase: &Showcase) -> SqliteConnection {
    let file = showcase.folder().join("showcase.db");
    let mut connection = SqliteConnection::establish(&file.display().to_string()).expect("opened");
    connection
        .batch_execute("PRAGMA busy_timeout = 5000")
        .expect("its settings");
    connection
}

#[tokio::test]
async fn while_another_process_holds_the_lock_writes_are_503_and_reads_go_on() {
    let (showcase, site) = ready().await;
    let ada = site.person("ada").await;
    let bearer = site.credential("db", &ada).await;
    let cookie = site.credential("cookie", &ada).await;
    let mut other = other_process(&showcase);
    other.batch_execute("BEGIN EXCLUSIVE").expect("the lock");

    let mut writes = vec![site.register(&address("ben"))];
    for credential in [&bearer, &cookie] {
        writes.push(site.log_in(credential.backend, &ada, PASSWORD));
        writes.push(site.log_out(credential));
    }
    let reads = async {
        for credential in [&bearer, &cookie] {
            site.read(credential).send().await.is(200);
            site.me(credential).send().await.is(200);
        }
        site.get("/ready").send().await.is(200);
        site.serves_what_needs_no_store().await;
    };
    let (answers, ()) = tokio::join!(join_all(writes.into_iter().map(|write| write.send())), reads);
    for answer in answers {
        answer.is_unavailable_in_time();
    }

    other.batch_execute("ROLLBACK").expect("no lock");
    // A write that waited longer than its request may be done by now; it was not reported as such.
    let ben = site.register(&address("ben")).send().await;
    assert!([201, 400].contains(&ben.status), "{ben:?}");
    for credential in [&bearer, &cookie] {
        let log_out = site.log_out(credential).send().await;
        assert!([204, 401].contains(&log_out.status), "{log_out:?}");
        site.read(credential).send().await.is(401);
        let again = site.credential(credential.backend, &ada).await;
        site.read(&again).send().await.is(200);
    }
}

#[tokio::test]
async fn k2_a_client_that_resets_mid_log_in_leaves_it_done_or_undone() {
    let (showcase, site) = ready().await;
    reset::mid_log_in(&showcase, &site, "db", None, async || tokens(&showcase)).await;
}

#[tokio::test]
async fn k2_a_client_that_resets_mid_log_out_leaves_it_done_or_undone() {
    let (showcase, site) = ready().await;
    reset::mid_log_out(&showcase, &site, "db", async || tokens(&showcase)).await;
}

#[tokio::test]
async fn k2_a_client_that_resets_mid_refresh_or_mid_rotation_still_holds_what_is_good() {
    let (showcase, site) = ready().await;
    reset::mid_refresh(&showcase, &site, None).await;
}

#[tokio::test]
async fn what_was_acknowledged_outlives_the_program_when_it_is_killed_under_load() {
    let (showcase, site) = ready().await;
    restart::of_the_program(showcase, site, "db", async |showcase| {
        let mut other = other_process(showcase);
        Some(emails(&mut other))
    })
    .await;
}

/// How many access tokens there are.
fn tokens(showcase: &Showcase) -> usize {
    use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::BigInt};

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    let row: Row = sql_query("SELECT count(*) AS count FROM access_tokens")
        .get_result(&mut other_process(showcase))
        .expect("a count");
    usize::try_from(row.count).expect("a number of tokens")
}

fn emails(connection: &mut SqliteConnection) -> Vec<String> {
    use diesel::{RunQueryDsl as _, sql_query, sql_types::Text};

    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        email: String,
    }

    let rows: Vec<Row> = sql_query("SELECT email FROM users")
        .load(connection)
        .expect("rows");
    rows.into_iter().map(|row| row.email).collect()
}
