//! Redis, one server.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use portcullis_support::{Fault, until};

use crate::{
    devices::BACKENDS,
    outage::{self, RECOVERY},
    process::Showcase,
    server::redis::{Redis, Reply, is_ok},
    site::{Credential, PASSWORD, Site},
    stage::{Place, Stage, Store},
    stores::faults,
};

const STORE: Store = Store::Redis;

faults!(STORE, "needs Redis");

#[tokio::test]
#[ignore = "needs Redis"]
async fn connections_that_are_silent_for_ever_from_the_start_are_replaced() {
    outage::at_start(STORE, Fault::BlackHole).await;
}

/// The program on a server of its own, with a user who is logged in by each backend.
struct Scene {
    stage: Stage,
    _showcase: Showcase,
    site: Site,
    ada: String,
    live: [Credential; 2],
    revoked: Credential,
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with these variables of the program.
    async fn with(environment: &[(&str, &str)]) -> Self {
        let mut stage = Stage::start(STORE).await;
        let own = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        stage.environment.extend(own);
        let (showcase, site) = stage.ready().await;
        let ada = site.person("ada").await;
        let live = [
            site.credential("redis", &ada).await,
            site.credential("redis-cookie", &ada).await,
        ];
        let revoked = site.credential("redis", &ada).await;
        site.log_out(&revoked).send().await.is(204);
        Self {
            stage,
            _showcase: showcase,
            site,
            ada,
            live,
            revoked,
        }
    }

    fn redis(&self) -> &Redis {
        let Place::Redis(redis) = &self.stage.place else {
            unreachable!("Redis")
        };
        redis
    }

    async fn set(&self, name: &str, value: &str) {
        is_ok(&self.redis().ask(&["CONFIG", "SET", name, value]).await);
    }

    /// Each backend's read, log-in and log-out has this status.
    async fn is(&self, read: u16, log_in: u16, log_out: u16) {
        for credential in &self.live {
            for (call, expected) in [
                (self.site.read(credential), read),
                (self.site.log_in(credential.backend, &self.ada, PASSWORD), log_in),
                (self.site.log_out(credential), log_out),
            ] {
                let answer = call.send().await;
                match expected {
                    503 => answer.is_unavailable_in_time(),
                    200 => assert!([200, 204].contains(&answer.status), "{answer:?}"),
                    _ => answer.is(expected),
                }
            }
        }
        self.stays_revoked().await;
    }

    async fn stays_revoked(&self) {
        let answer = self.site.read(&self.revoked).send().await;
        assert!([401, 503].contains(&answer.status), "{answer:?}");
    }

    /// Who is logged in is so, and can log out and in.
    async fn is_normal(&self) {
        for credential in &self.live {
            self.site.recovers(credential, RECOVERY).await;
        }
        self.site.read(&self.revoked).send().await.is(401);
        for credential in &self.live {
            self.site.read(credential).send().await.is(200);
            self.site.log_out(credential).send().await.is(204);
            self.site.read(credential).send().await.is(401);
            let again = self.site.credential(credential.backend, &self.ada).await;
            self.site.read(&again).send().await.is(200);
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn out_of_memory_log_in_is_503_and_reads_and_log_out_work() {
    let scene = Scene::new().await;
    scene.set("maxmemory-policy", "noeviction").await;
    scene.set("maxmemory", "1").await;
    scene.is(200, 503, 204).await;
    for credential in &scene.live {
        scene.site.read(credential).send().await.is(401);
    }
    scene.set("maxmemory", "0").await;
    for credential in &scene.live {
        let again = scene.site.credential(credential.backend, &scene.ada).await;
        scene.site.read(&again).send().await.is(200);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn flushed_it_has_logged_everybody_out_and_nothing_revoked_comes_back() {
    let scene = Scene::new().await;
    is_ok(&scene.redis().ask(&["FLUSHALL"]).await);
    for credential in &scene.live {
        scene.site.read(credential).send().await.is(401);
        scene.site.log_out(credential).send().await.is(401);
        let again = scene.site.credential(credential.backend, &scene.ada).await;
        scene.site.read(&again).send().await.is(200);
        scene.site.read(credential).send().await.is(401);
    }
    scene.site.read(&scene.revoked).send().await.is(401);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_is_evicted_is_logged_out_and_nothing_revoked_comes_back() {
    let scene = Scene::new().await;
    scene.set("maxmemory-policy", "allkeys-random").await;
    scene.set("maxmemory", "1").await;
    // A write makes room first, as far as it can.
    let _refused = scene.redis().ask(&["SET", "other", "value"]).await;
    assert_eq!(scene.redis().ask(&["DBSIZE"]).await, Reply::Number(0));
    for credential in &scene.live {
        scene.site.read(credential).send().await.is(401);
    }
    scene.site.read(&scene.revoked).send().await.is(401);
    scene.set("maxmemory", "0").await;
    for credential in &scene.live {
        let again = scene.site.credential(credential.backend, &scene.ada).await;
        scene.site.read(&again).send().await.is(200);
        scene.site.read(credential).send().await.is(401);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn without_its_scripts_everything_works() {
    let scene = Scene::new().await;
    is_ok(&scene.redis().ask(&["SCRIPT", "FLUSH"]).await);
    scene.is_normal().await;
    for _again in 0..5 {
        is_ok(&scene.redis().ask(&["SCRIPT", "FLUSH"]).await);
        let credential = scene.site.credential("redis", &scene.ada).await;
        is_ok(&scene.redis().ask(&["SCRIPT", "FLUSH"]).await);
        scene.site.read(&credential).send().await.is(200);
        is_ok(&scene.redis().ask(&["SCRIPT", "FLUSH"]).await);
        scene.site.log_out(&credential).send().await.is(204);
        scene.site.read(&credential).send().await.is(401);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn read_only_it_answers_reads_and_writes_are_503() {
    let scene = Scene::new().await;
    // A replica of nobody that is there keeps what it has.
    is_ok(&scene.redis().ask(&["REPLICAOF", "127.0.0.1", "1"]).await);
    scene.is(200, 503, 503).await;
    is_ok(&scene.redis().ask(&["REPLICAOF", "NO", "ONE"]).await);
    scene.is_normal().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn f6_read_only_it_refreshes_rotates_and_ends_nothing_and_says_so() {
    let scene = Scene::new().await;
    let mut pairs = Vec::new();
    for backend in BACKENDS {
        pairs.push(scene.site.pair(backend, &scene.ada).await);
    }
    is_ok(&scene.redis().ask(&["REPLICAOF", "127.0.0.1", "1"]).await);
    for pair in &mut pairs {
        let read = scene.site.read(&pair.access).send().await;
        read.is(200);
        assert!(!pair.take_rotated(&read), "{read:?}");
        let list = scene.site.log_ins(pair).send().await.current_log_in();
        let id = list["id"].as_str().expect("an id");
        for write in [
            scene.site.refresh(pair),
            scene.site.log_out(&pair.access),
            scene.site.end_log_in(pair, id),
        ] {
            write.send().await.is_unavailable_in_time();
        }
    }
    is_ok(&scene.redis().ask(&["REPLICAOF", "NO", "ONE"]).await);
    for pair in &mut pairs {
        let answer = scene.site.refresh(pair).send().await;
        pair.take_refreshed(&answer);
        let read = scene.site.read(&pair.access).send().await;
        assert!(pair.take_rotated(&read), "{read:?}");
        scene.site.log_out(&pair.access).send().await.is(204);
        scene.site.read(&pair.access).send().await.is(401);
        scene.site.refresh(pair).send().await.is(401);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_replica_that_serves_no_stale_data_is_503() {
    let scene = Scene::new().await;
    scene.set("replica-serve-stale-data", "no").await;
    is_ok(&scene.redis().ask(&["REPLICAOF", "127.0.0.1", "1"]).await);
    scene.is(503, 503, 503).await;
    is_ok(&scene.redis().ask(&["REPLICAOF", "NO", "ONE"]).await);
    scene.is_normal().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn loading_it_is_503_and_then_as_before() {
    let scene = Scene::new().await;
    let redis = scene.redis();
    // Six seconds of loading, during which it answers that it loads.
    is_ok(&redis.ask(&["DEBUG", "POPULATE", "6000", "other", "1000"]).await);
    scene.set("loading-process-events-interval-bytes", "1024").await;
    scene.set("key-load-delay", "1000").await;
    let (loaded, ()) = tokio::join!(redis.ask(&["DEBUG", "RELOAD"]), async {
        until("it loads", async || {
            matches!(redis.ask(&["GET", "other:1"]).await, Reply::Error(error) if error.starts_with("LOADING"))
        })
        .await;
        let (reads, ()) = tokio::join!(
            join_all(
                scene
                    .live
                    .iter()
                    .map(|credential| scene.site.read(credential).send())
            ),
            scene.site.serves_what_needs_no_store()
        );
        for answer in reads {
            answer.is_unavailable_in_time();
        }
        let log_out = scene.site.log_out(&scene.live[0]).send().await;
        log_out.is_unavailable_in_time();
    });
    is_ok(&loaded);
    scene.is_normal().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn asleep_it_is_503_by_the_deadline_and_then_as_before() {
    let scene = Scene::new().await;
    let (slept, reads) = tokio::join!(
        scene.redis().ask(&["DEBUG", "SLEEP", "5"]),
        join_all(scene.live.iter().map(|credential| async {
            // The sleep comes first.
            sleep(Duration::from_millis(100)).await;
            scene.site.read(credential).send().await
        }))
    );
    is_ok(&slept);
    for answer in reads {
        answer.is_unavailable_in_time();
    }
    scene.is_normal().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_was_503_while_it_slept_for_longer_than_the_grace_is_no_theft_afterwards() {
    const GRACE: Duration = Duration::from_secs(1);
    let scene = Scene::with(&[("REFRESH_GRACE", "1")]).await;
    let mut pairs = Vec::new();
    for backend in BACKENDS {
        let mut pair = scene.site.pair(backend, &scene.ada).await;
        // From now on Redis knows the script: what it carries out late is not the question for its text.
        let answer = scene.site.refresh(&pair).send().await;
        pair.take_refreshed(&answer);
        pairs.push(pair);
    }
    let server = &scene.redis().server;
    server.pause();
    for answer in join_all(pairs.iter().map(|pair| scene.site.refresh(pair).send())).await {
        answer.is_unavailable_in_time();
    }
    server.resume();
    // A token that the server replaced all the same would be past its grace.
    sleep(2 * GRACE).await;
    for pair in &mut pairs {
        until("it refreshes", async || {
            let answer = scene.site.refresh(pair).send().await;
            if answer.status == 503 {
                return false;
            }
            pair.take_refreshed(&answer);
            true
        })
        .await;
        scene.site.read(&pair.access).send().await.is(200);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn paused_for_writes_it_answers_reads_and_writes_are_503() {
    let scene = Scene::new().await;
    is_ok(&scene.redis().ask(&["CLIENT", "PAUSE", "60000", "WRITE"]).await);
    let [bearer, cookie] = &scene.live;
    for credential in [bearer, cookie] {
        scene.site.read(credential).send().await.is(200);
    }
    let (log_in, log_out) = tokio::join!(
        scene.site.log_in("redis", &scene.ada, PASSWORD).send(),
        scene.site.log_out(cookie).send()
    );
    log_in.is_unavailable_in_time();
    log_out.is_unavailable_in_time();
    is_ok(&scene.redis().ask(&["CLIENT", "UNPAUSE"]).await);
    // The write that was held may be done by now, and was not reported as such.
    let again = scene.site.log_out(cookie).send().await;
    assert!([204, 401].contains(&again.status), "{again:?}");
    scene.site.read(cookie).send().await.is(401);
    scene.site.read(bearer).send().await.is(200);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn whose_connections_it_kills_connects_again() {
    let scene = Scene::new().await;
    for _again in 0..5 {
        let killed = scene.redis().ask(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        assert!(matches!(killed, Reply::Number(count) if count > 0), "{killed:?}");
        for credential in &scene.live {
            scene.site.recovers(credential, RECOVERY).await;
        }
    }
    scene.is_normal().await;
}
