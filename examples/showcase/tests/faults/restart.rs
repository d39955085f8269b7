//! A server, or the program itself, that ends under load and is started again.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    database::Kind,
    devices::Devices,
    load::{Load, VISITS},
    process::Showcase,
    server::shared::Shared,
    site::Site,
    stage::{Place, Stage, Store},
};

/// How a process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// In order.
    Stop,
    /// By SIGKILL.
    Kill,
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn postgres_that_restarts_and_is_killed_under_load_is_503_and_heals_and_what_was_acknowledged_holds() {
    of_the_database(Kind::Postgres, &[End::Stop, End::Kill]).await;
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn mariadb_that_restarts_and_is_killed_under_load_is_503_and_heals_and_what_was_acknowledged_holds() {
    of_the_database(Kind::MariaDb, &[End::Stop, End::Kill]).await;
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn mongodb_that_restarts_and_is_killed_under_load_is_503_and_heals_and_what_was_acknowledged_holds() {
    of_the_database(Kind::MongoDb, &[End::Stop, End::Kill]).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn redis_that_restarts_and_is_killed_under_load_is_503_and_heals_and_what_was_acknowledged_holds() {
    of_redis(&[End::Stop, End::Kill]).await;
}

/// The server of the database ends in one way after the other and comes back; the program goes on.
async fn of_the_database(kind: Kind, ends: &[End]) {
    let _alone = kind.lock().write().await;
    let store = Store::Database(kind);
    let stage = Stage::disturbed(store).await;
    let Place::Database(database) = &stage.place else {
        unreachable!("a database")
    };
    let mut shared = Shared::new(kind.service());
    let (showcase, site) = stage.ready().await;
    let load = Load::on(site);
    let mut devices = Devices::gather(&load).await;
    let disturb = async {
        for end in ends {
            load.gets_on(VISITS).await;
            match end {
                End::Stop => shared.stop().await,
                End::Kill => shared.server.kill().await,
            }
            sleep(Duration::from_millis(300)).await;
            shared.server.start_again();
            database.answers().await;
            showcase.until_ready().await;
        }
        load.gets_on(VISITS).await;
        load.end();
    };
    tokio::join!(load.run(store.bearer()), devices.run(&load), disturb);
    load.holds(Some(database.emails().await), store.bearer()).await;
    devices.hold(&showcase).await;
}

/// Redis ends in one way after the other and comes back; the program goes on.
async fn of_redis(ends: &[End]) {
    let mut stage = Stage::start(Store::Redis).await;
    let (showcase, site) = stage.ready().await;
    let load = Load::on(site);
    let mut devices = Devices::gather(&load).await;
    let Place::Redis(redis) = &mut stage.place else {
        unreachable!("Redis")
    };
    let disturb = async {
        for end in ends {
            load.gets_on(VISITS).await;
            match end {
                End::Stop => redis.server.stop("TERM").await,
                End::Kill => redis.server.kill().await,
            }
            sleep(Duration::from_millis(300)).await;
            redis.server.start_again();
            redis.answers().await;
            showcase.until_ready().await;
        }
        load.gets_on(VISITS).await;
        load.end();
    };
    tokio::join!(load.run("redis"), devices.run(&load), disturb);
    load.holds(None, "redis").await;
    devices.hold(&showcase).await;
}

/// The program is killed and started again; the store goes on. `emails` asks it for every user.
pub(crate) async fn of_the_program(
    mut showcase: Showcase,
    site: Site,
    backend: &'static str,
    emails: impl AsyncFnOnce(&Showcase) -> Option<Vec<String>>,
) {
    let load = Load::on(site);
    let mut devices = Devices::gather(&load).await;
    let disturb = async {
        for round in 0..2 {
            load.gets_on(VISITS).await;
            // At another point of what it does each time.
            sleep(Duration::from_millis(7 * round)).await;
            showcase.kill();
            showcase.start_again().await;
            showcase.until_ready().await;
            load.moved(&showcase);
        }
        load.gets_on(VISITS).await;
        load.end();
    };
    tokio::join!(load.run(backend), devices.run(&load), disturb);
    let emails = emails(&showcase).await;
    load.holds(emails, backend).await;
    devices.hold(&showcase).await;
}
