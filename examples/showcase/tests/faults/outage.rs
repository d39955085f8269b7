//! A store that is not there, or does not answer.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::time::sleep;

use portcullis_support::{Fault, until};

use crate::{
    devices::{self, STEPS},
    site::{Credential, PASSWORD, Site, address},
    stage::{Stage, Store},
};

/// How soon the program finds that its store is back.
pub(crate) const RECOVERY: Duration = Duration::from_secs(10);

/// More than a pool has connections.
const CROWD: usize = 64;

/// Of how many calls the reply is lost on its way from the store.
const LOST_REPLIES: usize = 10;

/// How soon connections that are silent for ever are all found out by many requests at once. Most stores take one deadline
/// of a call; MongoDB's driver looks after its server every 10 seconds.
const FORGOTTEN: Duration = Duration::from_secs(20);

/// The program starts without its store, says so, and finds it by itself.
pub(crate) async fn at_start(store: Store, fault: Fault) {
    let stage = Stage::with(store, fault).await;
    let showcase = stage.showcase().await;
    let site = Site::new(&showcase);
    let nobody = address("nobody");
    let log_ins = store
        .backends()
        .map(|backend| site.log_in(backend, &nobody, PASSWORD));
    site.serves_what_needs_no_store().await;
    site.get("/ready").send().await.is_unavailable_in_time();
    if store.has_users() {
        site.register(&nobody).send().await.is_unavailable_in_time();
        for log_in in log_ins {
            log_in.send().await.is_unavailable_in_time();
        }
    } else {
        let ada = site.person("ada").await;
        for backend in store.backends() {
            site.log_in(backend, &ada, PASSWORD)
                .send()
                .await
                .is_unavailable_in_time();
        }
        let db = site.credential("db", &ada).await;
        site.read(&db).send().await.is(200);
    }

    stage.proxy.heal().await;
    showcase.until_ready().await;
    let ben = site.person("ben").await;
    for backend in store.backends() {
        let credential = site.credential(backend, &ben).await;
        site.read(&credential).send().await.is(200);
        site.log_out(&credential).send().await.is(204);
        site.read(&credential).send().await.is(401);
    }
}

/// What needs the store is "not now" while the store is at fault, and as before afterwards.
pub(crate) async fn mid_request(store: Store, fault: Fault) {
    let stage = Stage::start(store).await;
    let (_showcase, site) = stage.ready().await;
    let (ada, ben) = (site.person("ada").await, site.person("ben").await);
    let mut credentials = Vec::new();
    for backend in store.backends() {
        credentials.push(site.credential(backend, &ada).await);
    }
    let bens = site.credential(store.bearer(), &ben).await;
    let jwt = site.credential("jwt", &ada).await;

    stage.proxy.set(fault).await;
    let mut calls = vec![site.get("/ready")];
    for credential in &credentials {
        calls.push(site.read(credential));
        calls.push(site.me(credential));
        calls.push(site.get("/protected").with(credential));
        calls.push(site.log_in(credential.backend, &ada, PASSWORD));
    }
    if store.has_users() {
        calls.push(site.register(&address("eve")));
        calls.push(site.read(&jwt));
    } else {
        site.read(&jwt).send().await.is(200);
    }
    let (answers, ()) = tokio::join!(
        join_all(calls.into_iter().map(|call| call.send())),
        site.serves_what_needs_no_store()
    );
    for answer in answers {
        answer.is_unavailable_in_time();
    }

    stage.proxy.heal().await;
    for credential in &credentials {
        site.recovers(credential, RECOVERY).await;
    }
    showcase_is_as_before(&site, &[(&ada, &credentials[0]), (&ben, &bens)]).await;
    for credential in &credentials {
        site.log_out(credential).send().await.is(204);
        site.read(credential).send().await.is(401);
    }
    site.read(&bens).send().await.is(200);
}

/// Every connection of the program is silent for ever, as where a firewall forgets those that were idle; and some calls,
/// if any, were under way. New ones work, and soon many at once are served again.
pub(crate) async fn forgotten(store: Store, amid_calls: bool) {
    let stage = Stage::start(store).await;
    let (_showcase, site) = stage.ready().await;
    let ada = site.person("ada").await;
    let credential = site.credential(store.bearer(), &ada).await;
    // As many connections as there will ever be.
    let crowd = async || join_all((0..CROWD).map(|_| site.read(&credential).in_crowd().send())).await;
    for answer in crowd().await {
        answer.is(200);
    }

    stage.proxy.set(Fault::BlackHole).await;
    if amid_calls {
        for answer in crowd().await {
            answer.is_unavailable_in_time();
        }
    }
    stage.proxy.heal().await;
    let healed = Instant::now();
    let mut misses = Vec::new();
    loop {
        let answers = crowd().await;
        let missed = answers.iter().filter(|answer| answer.status != 200);
        let count = missed.inspect(|answer| answer.is_unavailable_in_time()).count();
        if count == 0 {
            break;
        }
        misses.push(count);
        assert!(
            healed.elapsed() < FORGOTTEN,
            "no recovery in {FORGOTTEN:?}: {misses:?}"
        );
    }
    site.credential(store.bearer(), &ada).await;
}

/// One who asks alone, after a firewall forgot what was idle, does not find one dead connection after the other, a deadline
/// each.
pub(crate) async fn forgotten_alone(store: Store) {
    let stage = Stage::start(store).await;
    let (_showcase, site) = stage.ready().await;
    let ada = site.person("ada").await;
    let credential = site.credential(store.bearer(), &ada).await;
    let crowd = (0..CROWD).map(|_| site.read(&credential).in_crowd().send());
    for answer in join_all(crowd).await {
        answer.is(200);
    }
    stage.proxy.set(Fault::BlackHole).await;
    stage.proxy.heal().await;
    site.read(&credential).send().await.is_unavailable_in_time();
    for _ in 0..CROWD {
        site.read(&credential).send().await.is(200);
    }
}

/// Everybody is who they were, however late an answer to an earlier command comes.
async fn showcase_is_as_before(site: &Site, people: &[(&String, &Credential)]) {
    let reads = (0..60).map(|n| {
        let (email, credential) = people[n % people.len()];
        async move {
            let answer = site.read(credential).send().await;
            answer.is(200);
            assert_eq!(answer.json()["email"], **email);
        }
    });
    join_all(reads).await;
    let (email, credential) = people[0];
    site.log_in(credential.backend, email, PASSWORD)
        .send()
        .await
        .is(200);
}

/// A store that takes its time, and less than the deadline, is only slow.
pub(crate) async fn only_slow(store: Store) {
    let stage = Stage::start(store).await;
    let (_showcase, site) = stage.ready().await;
    let ada = site.person("ada").await;
    stage.proxy.set(Fault::Delay(Duration::from_millis(50))).await;
    for backend in store.backends() {
        let credential = site.credential(backend, &ada).await;
        let answer = site.read(&credential).send().await;
        answer.is(200);
        assert!(
            answer.took >= Duration::from_millis(100),
            "the store is in the way: {answer:?}"
        );
        site.log_out(&credential).send().await.is(204);
        site.read(&credential).send().await.is(401);
    }
}

/// A log-out that did not reach the store is not reported as done, and is not.
pub(crate) async fn log_out(store: Store) {
    let stage = Stage::start(store).await;
    let (_showcase, site) = stage.ready().await;
    let ada = site.person("ada").await;
    for backend in store.backends() {
        let credential = site.credential(backend, &ada).await;
        stage.proxy.set(Fault::Cut).await;
        site.log_out(&credential).send().await.is_unavailable_in_time();
        stage.proxy.heal().await;
        site.recovers(&credential, RECOVERY).await;
        // Nor is it done later: nothing waits to be sent again.
        sleep(Duration::from_millis(500)).await;
        site.read(&credential).send().await.is(200);
        site.log_out(&credential).send().await.is(204);
        site.read(&credential).send().await.is(401);
        site.log_out(&credential).send().await.is(401);
    }
}

/// A log-out whose answer from the store is lost may be done; it is not reported as such, and can be repeated.
pub(crate) async fn log_out_without_reply(store: Store) {
    let stage = Stage::start(store).await;
    let (_showcase, site) = stage.ready().await;
    let ada = site.person("ada").await;
    let credential = site.credential(store.bearer(), &ada).await;
    let other = site.credential(store.bearer(), &ada).await;
    stage.proxy.set(Fault::HangReplies).await;
    site.log_out(&credential).send().await.is_unavailable_in_time();
    stage.proxy.set(Fault::Cut).await;
    stage.proxy.heal().await;
    site.recovers(&other, RECOVERY).await;
    let again = site.log_out(&credential).send().await;
    assert!([204, 401].contains(&again.status), "{again:?}");
    site.read(&credential).send().await.is(401);
}

/// A store that goes away amid refreshes, rotations and ends of log-ins logs nobody out, and what was ended stays so.
pub(crate) async fn amid_refreshes(store: Store) {
    let stage = Stage::start(store).await;
    let (showcase, _site) = stage.ready().await;
    devices::meanwhile(&showcase, async |load| {
        // Each time a call was carried out, or a part of it.
        for _ in 0..LOST_REPLIES {
            sleep(Duration::from_millis(30)).await;
            stage.proxy.set(Fault::LoseReply).await;
            until("a reply is lost", async || stage.proxy.fault() == Fault::None).await;
        }
        for _ in 0..3 {
            // It is cut under most of them.
            stage.proxy.set(Fault::Delay(Duration::from_millis(15))).await;
            load.gets_on(STEPS).await;
            stage.proxy.set(Fault::Cut).await;
            load.is_put_off(STEPS).await;
            stage.proxy.heal().await;
            showcase.until_ready().await;
        }
        // Some steps are made, and nobody learns of it before the deadline.
        load.gets_on(STEPS).await;
        stage.proxy.set(Fault::HangReplies).await;
        load.is_put_off(STEPS).await;
        stage.proxy.set(Fault::Cut).await;
        stage.proxy.heal().await;
        showcase.until_ready().await;
    })
    .await;
}

/// Requests that wait for a store which hangs do not pile up.
pub(crate) async fn memory(store: Store) {
    const REQUESTS: usize = 500;
    let stage = Stage::start(store).await;
    let (showcase, site) = stage.ready().await;
    let ada = site.person("ada").await;
    let credential = site.credential(store.bearer(), &ada).await;
    let storm = async || join_all((0..REQUESTS).map(|_| site.read(&credential).in_crowd().send())).await;
    // As many connections and buffers as there will ever be.
    for answer in storm().await {
        assert!([200, 503].contains(&answer.status), "{answer:?}");
    }
    let before = memory_of(showcase.id());

    stage.proxy.set(Fault::Hang).await;
    for _round in 0..2 {
        let (answers, ()) = tokio::join!(storm(), site.serves_what_needs_no_store());
        for answer in answers {
            answer.is_unavailable_in_time();
        }
    }
    let grown = memory_of(showcase.id()).saturating_sub(before);
    assert!(
        grown < 16 * 1024,
        "{grown} KiB more after {} requests",
        2 * REQUESTS
    );

    stage.proxy.heal().await;
    site.recovers(&credential, RECOVERY).await;
    let answers = join_all((0..64).map(|_| site.read(&credential).send())).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}

/// How much memory the process has, in KiB.
fn memory_of(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
    size.and_then(|size| size.parse().ok()).expect("a size")
}
