//! A Redis Cluster.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use portcullis_support::until;

use crate::{
    crowd::{Crowd, is_not_ready, is_replicated},
    devices,
    process::Showcase,
    server::{
        redis::{Redis, Reply, ask, is_ok},
        redis_cluster::{MASTERS, RedisCluster},
    },
    stage::start,
};

/// A cluster that one test disturbs in one way after the other: it takes longer to start it than to do so.
struct Scene {
    cluster: RedisCluster,
    showcase: Showcase,
    crowd: Crowd,
}

impl Scene {
    async fn new() -> Self {
        let cluster = RedisCluster::start().await;
        let showcase = program(&cluster).await;
        showcase.until_ready().await;
        let crowd = Crowd::gather(&showcase).await;
        Self {
            cluster,
            showcase,
            crowd,
        }
    }

    /// The master and the replica of this part of the slots, which has everything: what a failover may lose is no
    /// matter here.
    async fn roles(&self, part: usize) -> (usize, usize) {
        let (one, other) = (part, part + MASTERS);
        let (master, replica) = match is_master(&self.cluster.nodes[one]).await {
            true => (one, other),
            false => (other, one),
        };
        is_replicated(self.cluster.nodes[master].port).await;
        (master, replica)
    }

    async fn a_master_is_killed(&mut self) {
        let (master, replica) = self.roles(0).await;
        let (nodes, crowd) = (&mut self.cluster.nodes, &self.crowd);
        devices::meanwhile(&self.showcase, async |_| {
            nodes[master].server.kill().await;
            crowd.meanwhile(takes_over(&nodes[replica])).await;
        })
        .await;
        self.crowd.is_as_before().await;
        self.showcase.until_ready().await;

        self.cluster.nodes[master].server.start_again();
        self.crowd.meanwhile(self.cluster.is_whole()).await;
        self.crowd.is_as_before().await;
    }

    async fn a_master_hangs(&mut self) {
        let (master, replica) = self.roles(1).await;
        self.cluster.nodes[master].server.pause();
        let takes_over = takes_over(&self.cluster.nodes[replica]);
        self.crowd.meanwhile(takes_over).await;
        self.crowd.is_as_before().await;
        self.cluster.nodes[master].server.resume();
        self.crowd.meanwhile(self.cluster.is_whole()).await;
        assert!(!is_master(&self.cluster.nodes[master]).await, "it is one again");
        self.crowd.is_as_before().await;
    }

    async fn every_master_is_told_to_go(&mut self) {
        for part in 0..MASTERS {
            let (_master, replica) = self.roles(part).await;
            let replica = &self.cluster.nodes[replica];
            let goes = until("the replica obeys", async || {
                // An order that could not be carried out is forgotten after 5 seconds.
                let _taken = replica.ask(&["CLUSTER", "FAILOVER"]).await;
                timeout(Duration::from_secs(5), takes_over(replica)).await.is_ok()
            });
            self.crowd.meanwhile(goes).await;
        }
        self.crowd.meanwhile(self.cluster.is_whole()).await;
        self.crowd.is_as_before().await;
    }

    async fn slots_move(&mut self) {
        let mut masters = Vec::new();
        for part in 0..MASTERS {
            let (master, _replica) = self.roles(part).await;
            let slots = slots_in_use(&self.cluster.nodes[master]).await;
            masters.push((slots, master));
        }
        masters.sort_unstable_by_key(|(slots, _)| std::cmp::Reverse(slots.len()));
        let [(slots, from), (_, to), (_, other)] = &*masters else {
            unreachable!("three masters")
        };
        assert!(slots.len() > 1, "nobody to move: {masters:?}");
        let nodes = [*from, *to, *other].map(|n| &self.cluster.nodes[n]);
        let moved = async {
            for slot in slots {
                move_slot(nodes, slot).await;
            }
        };
        self.crowd.meanwhile(moved).await;
        self.crowd.is_as_before().await;
    }

    async fn scripts_are_forgotten(&mut self) {
        for node in &self.cluster.nodes {
            if is_master(node).await {
                is_ok(&node.ask(&["SCRIPT", "FLUSH"]).await);
            }
        }
        self.crowd.is_as_before().await;
    }

    async fn all_of_it_hangs(&mut self) {
        for node in &self.cluster.nodes {
            node.server.pause();
        }
        is_not_ready(&self.showcase).await;
        for node in &self.cluster.nodes {
            node.server.resume();
        }
        self.crowd.meanwhile(self.cluster.is_whole()).await;
        self.crowd.is_as_before().await;
    }

    /// The program is started anew while there is no node.
    async fn none_of_it_is_there_at_start(mut self) {
        join_all(self.cluster.nodes.iter_mut().map(|node| node.server.kill())).await;
        let showcase = program(&self.cluster).await;
        is_not_ready(&showcase).await;
        for node in &mut self.cluster.nodes {
            node.server.start_again();
        }
        self.cluster.is_whole().await;
        showcase.until_ready().await;
        Crowd::gather(&showcase).await.is_as_before().await;
        // That which was there before has found it, too.
        self.crowd.is_as_before().await;
    }
}

/// With both caches, which move with the servers.
async fn program(cluster: &RedisCluster) -> Showcase {
    let environment = [("REDIS_URL", cluster.url()), ("CACHE", "near".to_owned())];
    start(&environment.map(|(name, value)| (name.to_owned(), value))).await
}

async fn is_master(node: &Redis) -> bool {
    ask(node.port, &["INFO", "replication"]).await.field("role") == Some("master")
}

async fn takes_over(replica: &Redis) {
    until("the replica takes over", async || is_master(replica).await).await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_master_that_is_told_to_go_or_killed_or_hangs_is_503_until_its_replica_took_over() {
    let mut scene = Scene::new().await;
    scene.scripts_are_forgotten().await;
    scene.every_master_is_told_to_go().await;
    scene.a_master_is_killed().await;
    scene.a_master_hangs().await;
    scene.all_of_it_hangs().await;
    scene.none_of_it_is_there_at_start().await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn k3_slots_that_move_to_another_master_are_at_most_503_and_nobody_is_taken_for_another() {
    Scene::new().await.slots_move().await;
}

/// The slots of the node in which there are keys.
async fn slots_in_use(node: &Redis) -> Vec<String> {
    let Reply::List(keys) = node.ask(&["KEYS", "*"]).await else {
        panic!("no keys")
    };
    let mut slots = Vec::new();
    for key in keys {
        let Reply::Number(slot) = node.ask(&["CLUSTER", "KEYSLOT", key.text()]).await else {
            panic!("no slot")
        };
        slots.push(slot);
    }
    slots.sort_unstable();
    slots.dedup();
    slots.iter().map(i64::to_string).collect()
}

/// Moves a slot key by key, so that for a while some of its keys are here and some are there.
async fn move_slot([from, to, other]: [&Redis; 3], slot: &str) {
    let (source, target) = (
        from.ask(&["CLUSTER", "MYID"]).await,
        to.ask(&["CLUSTER", "MYID"]).await,
    );
    is_ok(
        &to.ask(&["CLUSTER", "SETSLOT", slot, "IMPORTING", source.text()])
            .await,
    );
    is_ok(
        &from
            .ask(&["CLUSTER", "SETSLOT", slot, "MIGRATING", target.text()])
            .await,
    );
    loop {
        let Reply::List(keys) = from.ask(&["CLUSTER", "GETKEYSINSLOT", slot, "1"]).await else {
            panic!("no keys")
        };
        let [key] = &*keys else { break };
        let port = to.port.to_string();
        let migrated = from
            .ask(&["MIGRATE", "127.0.0.1", &port, key.text(), "0", "5000"])
            .await;
        assert!(["OK", "NOKEY"].contains(&migrated.text()), "{migrated:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for node in [to, from, other] {
        let owner = ["CLUSTER", "SETSLOT", slot, "NODE", target.text()];
        is_ok(&node.ask(&owner).await);
    }
}
