//! Redis through Sentinel.

use std::time::Duration;

use tokio::time::sleep;

use portcullis_support::until;

use crate::{
    crowd::{Crowd, is_not_ready, is_replicated},
    devices,
    process::Showcase,
    server::{
        redis::{Reply, ask},
        redis_sentinel::{NAME, RedisSentinel},
    },
    stage::start,
};

/// Servers that one test disturbs in one way after the other: it takes longer to start them than to do so.
struct Scene {
    sentinel: RedisSentinel,
    showcase: Showcase,
    crowd: Crowd,
}

impl Scene {
    async fn new() -> Self {
        let sentinel = RedisSentinel::start().await;
        let showcase = program(&sentinel).await;
        showcase.until_ready().await;
        let crowd = Crowd::gather(&showcase).await;
        Self {
            sentinel,
            showcase,
            crowd,
        }
    }

    /// The master and its replica, which has everything: what a failover may lose is no matter here.
    async fn roles(&self) -> (usize, usize) {
        let (master, replica) = self.sentinel.roles().await;
        is_replicated(self.sentinel.servers[master].port).await;
        (master, replica)
    }

    async fn without_sentinels_the_master_serves(&mut self) {
        for one in &mut self.sentinel.sentinels {
            one.server.kill().await;
        }
        self.crowd.is_as_before().await;
        for one in &mut self.sentinel.sentinels {
            one.server.start_again();
        }
        self.crowd.is_as_before().await;
    }

    async fn a_master_is_told_to_go(&mut self) {
        let (master, replica) = self.roles().await;
        let sentinel = &self.sentinel;
        let ordered = async {
            until("the failover begins", async || {
                let order = ["SENTINEL", "FAILOVER", NAME];
                ask(sentinel.sentinels[0].port, &order).await == Reply::Text("OK".to_owned())
            })
            .await;
            sentinel.master_is(replica).await;
            sentinel.replica_is(master).await;
        };
        self.crowd.meanwhile(ordered).await;
        self.crowd.is_as_before().await;
    }

    async fn a_master_is_killed(&mut self) {
        let (master, replica) = self.roles().await;
        let (sentinel, crowd) = (&mut self.sentinel, &self.crowd);
        devices::meanwhile(&self.showcase, async |_| {
            sentinel.servers[master].server.kill().await;
            crowd.meanwhile(sentinel.master_is(replica)).await;
        })
        .await;
        self.crowd.is_as_before().await;
        self.showcase.until_ready().await;

        self.sentinel.servers[master].server.start_again();
        self.crowd.meanwhile(self.sentinel.replica_is(master)).await;
        self.crowd.is_as_before().await;
    }

    async fn a_master_hangs(&mut self) {
        let (master, replica) = self.roles().await;
        self.sentinel.servers[master].server.pause();
        self.crowd.meanwhile(self.sentinel.master_is(replica)).await;
        self.crowd.is_as_before().await;
        self.sentinel.servers[master].server.resume();
        // For some seconds it takes itself for one.
        self.crowd.meanwhile(sleep(Duration::from_secs(2))).await;
        self.crowd.is_as_before().await;
    }
}

/// With both caches, which move with the servers.
async fn program(sentinel: &RedisSentinel) -> Showcase {
    let environment = [("REDIS_URL", sentinel.url()), ("CACHE", "near".to_owned())];
    start(&environment.map(|(name, value)| (name.to_owned(), value))).await
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn a_master_that_is_told_to_go_or_killed_or_hangs_is_503_until_its_replica_took_over() {
    let mut scene = Scene::new().await;
    scene.a_master_is_told_to_go().await;
    scene.a_master_is_killed().await;
    scene.without_sentinels_the_master_serves().await;
    scene.a_master_hangs().await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn without_its_servers_the_program_starts_and_finds_them_by_itself() {
    let mut sentinel = RedisSentinel::start().await;
    for one in &sentinel.servers {
        one.server.pause();
    }
    for one in &mut sentinel.sentinels {
        one.server.kill().await;
    }
    let showcase = program(&sentinel).await;
    is_not_ready(&showcase).await;
    for one in &mut sentinel.sentinels {
        one.server.start_again();
    }
    is_not_ready(&showcase).await;
    for one in &sentinel.servers {
        one.server.resume();
    }
    showcase.until_ready().await;
    Crowd::gather(&showcase).await.is_as_before().await;
}
