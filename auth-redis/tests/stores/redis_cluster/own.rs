//! A cluster of the test's own.

use std::time::Duration;

use tokio::time::sleep;

use crate::server::{Server, tell, until};

/// Two masters, with half of the slots each, and replicas of the first.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) async fn start(count: usize) -> Self {
        let settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let mut nodes = Vec::new();
        for epoch in 1..=count {
            let node = Server::start(&settings).await;
            tell(&node.url(), &["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()]).await;
            nodes.push(node);
        }
        let first = nodes[0].url();
        tell(&first, &["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]).await;
        tell(&nodes[1].url(), &["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]).await;
        for other in &nodes[1..] {
            tell(&first, &["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()]).await;
        }
        let cluster = Self { nodes };
        cluster.settle(&format!("cluster_known_nodes:{count}\r")).await;
        let ids = cluster.ids().await;
        for replica in &cluster.nodes[2..] {
            tell(&replica.url(), &["CLUSTER", "REPLICATE", &ids[0]]).await;
        }
        for replica in &cluster.nodes[2..] {
            replica.follows().await;
        }
        cluster.settle("cluster_state:ok").await;
        // A node that has just come up does not vote yet.
        sleep(Duration::from_secs(1)).await;
        cluster
    }

    async fn settle(&self, line: &str) {
        for node in &self.nodes {
            until(line, async || {
                let info = tell(&node.url(), &["CLUSTER", "INFO"]).await;
                let info = info.as_string().expect("text");
                info.contains(line) && info.contains("cluster_slots_ok:16384")
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
}
