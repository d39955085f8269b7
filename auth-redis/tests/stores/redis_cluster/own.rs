//! A cluster of the test's own.

use std::time::Duration;

use auth_core::ShardTag;
use auth_redis::fred::util::redis_keyslot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::server::{Server, look, tell, until};

const SLOTS: usize = 16_384;

/// Masters, between which the slots are divided, and replicas of the first.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
    masters: usize,
}

impl Cluster {
    pub(crate) async fn start(masters: usize, replicas: usize) -> Self {
        // News travel by what nodes send each other twice in this time.
        let settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        let mut nodes = Vec::new();
        for _ in 0..masters + replicas {
            nodes.push(Server::start(&settings).await);
        }
        let cluster = Self { nodes, masters };
        for (number, node) in cluster.nodes.iter().enumerate() {
            let epoch = (number + 1).to_string();
            tell(&node.url(), &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
            if number < masters {
                let first = (number * SLOTS / masters).to_string();
                let last = ((number + 1) * SLOTS / masters - 1).to_string();
                tell(&node.url(), &["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
            }
        }
        let first = cluster.nodes[0].url();
        for other in &cluster.nodes[1..] {
            tell(&first, &["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()]).await;
        }
        let known = format!("cluster_known_nodes:{}", masters + replicas);
        cluster.each_says(&known, &["CLUSTER", "INFO"]).await;
        let ids = cluster.ids().await;
        for replica in &cluster.nodes[masters..] {
            tell(&replica.url(), &["CLUSTER", "REPLICATE", &ids[0]]).await;
            replica.follows().await;
        }
        if replicas > 0 {
            // Who knows it as another's replica votes for it.
            let known = format!("slave {}", ids[0]);
            cluster.each_says(&known, &["CLUSTER", "NODES"]).await;
        }
        cluster.each_says("cluster_state:ok", &["CLUSTER", "INFO"]).await;
        cluster
            .each_says("cluster_slots_ok:16384", &["CLUSTER", "INFO"])
            .await;
        // A busy machine must not make one node take another for gone.
        for node in &cluster.nodes {
            tell(&node.url(), &["CONFIG", "SET", "cluster-node-timeout", "20000"]).await;
        }
        cluster
    }

    /// Waits until each node answers `command` with `words`.
    async fn each_says(&self, words: &str, command: &[&str]) {
        for node in &self.nodes {
            until(&format!("{words} of {command:?}"), async || {
                let answer = look(&node.url(), command).await;
                answer.is_some_and(|answer| format!("{answer:?}").contains(words))
            })
            .await;
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.nodes[0].port)
    }

    pub(crate) async fn ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for node in &self.nodes {
            let id = tell(&node.url(), &["CLUSTER", "MYID"]).await;
            ids.push(id.as_string().expect("text"));
        }
        ids
    }

    /// The slot of what is `user`'s, and the number of the master that had it at the start.
    pub(crate) fn place(&self, user: &Uuid) -> (u16, usize) {
        let slot = redis_keyslot(format!("{:04x}", ShardTag::for_user(user).get()).as_bytes());
        let of = |master: &usize| usize::from(slot) < (master + 1) * SLOTS / self.masters;
        (slot, (0..self.masters).find(of).expect("a master"))
    }

    /// A user whose tokens are on the first master.
    pub(crate) fn user_of_the_first(&self) -> Uuid {
        let mut users = std::iter::repeat_with(Uuid::new_v4);
        users.find(|user| self.place(user).1 == 0).expect("a user")
    }

    /// Lets the `replica` of this number take the place of its master.
    pub(crate) async fn promote(&self, replica: usize) {
        let replica = &self.nodes[replica];
        until("the replica obeys", async || {
            // An order that could not be carried out is forgotten after 5 seconds.
            let _taken = look(&replica.url(), &["CLUSTER", "FAILOVER"]).await;
            let obeyed = timeout(Duration::from_secs(5), replica.becomes("master"));
            obeyed.await.is_ok()
        })
        .await;
    }
}
