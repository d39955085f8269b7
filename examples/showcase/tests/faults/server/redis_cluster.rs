//! A Redis Cluster of a test's own: three masters, each with a replica.

use std::io;

use super::{
    free_port,
    redis::{Redis, Reply, is_ok, try_ask},
    shared,
};
use portcullis_support::until;

pub(crate) const MASTERS: usize = 3;
const SLOTS: usize = 16_384;

pub(crate) struct RedisCluster {
    /// The masters of the beginning, and then their replicas in the same order.
    pub(crate) nodes: Vec<Redis>,
}

impl RedisCluster {
    pub(crate) async fn start() -> Self {
        let program = shared::program("redis-cluster");
        let node = |_| {
            Redis::start_with(
                &program,
                &[
                    "--cluster-enabled",
                    "yes",
                    "--cluster-port",
                    &free_port().to_string(),
                    "--cluster-node-timeout",
                    "1000",
                    "--cluster-allow-replica-migration",
                    "no",
                    "--appendonly",
                    "yes",
                    "--appendfsync",
                    "always",
                ],
            )
        };
        let cluster = Self {
            nodes: (0..2 * MASTERS).map(node).collect(),
        };
        cluster.join().await;
        cluster
    }

    async fn join(&self) {
        let [first, ..] = &*self.nodes else {
            unreachable!("there are nodes")
        };
        for node in &self.nodes {
            node.answers().await;
        }
        for node in &self.nodes[1..] {
            let bus = node.ask(&["CONFIG", "GET", "cluster-port"]).await;
            let Reply::List(bus) = bus else { panic!("{bus:?}") };
            let (port, bus) = (node.port.to_string(), bus[1].text());
            is_ok(&first.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]).await);
        }
        for (n, master) in self.nodes[..MASTERS].iter().enumerate() {
            let (start, end) = (n * SLOTS / MASTERS, (n + 1) * SLOTS / MASTERS - 1);
            let range = ["CLUSTER", "ADDSLOTSRANGE", &start.to_string(), &end.to_string()];
            is_ok(&master.ask(&range).await);
        }
        for n in 0..MASTERS {
            let (master, replica) = (&self.nodes[n], &self.nodes[MASTERS + n]);
            let id = master.ask(&["CLUSTER", "MYID"]).await;
            until("the replica knows its master", async || {
                replica.ask(&["CLUSTER", "REPLICATE", id.text()]).await == Reply::Text("OK".to_owned())
            })
            .await;
        }
        self.is_whole().await;
    }

    /// In the form that the program reads: one node as the host, the others as parameters.
    pub(crate) fn url(&self) -> String {
        let others: Vec<String> = self.nodes[1..]
            .iter()
            .map(|node| format!("node=127.0.0.1:{}", node.port))
            .collect();
        format!(
            "redis-cluster://127.0.0.1:{}?{}",
            self.nodes[0].port,
            others.join("&")
        )
    }

    /// Waits until every node sees every slot served, and every replica has its master's data.
    pub(crate) async fn is_whole(&self) {
        for node in &self.nodes {
            until("the cluster is whole", async || {
                sees_all(node.port).await.unwrap_or(false)
            })
            .await;
        }
    }
}

/// # Errors
/// Of a node that does not listen yet.
async fn sees_all(port: u16) -> io::Result<bool> {
    let info = try_ask(port, &["CLUSTER", "INFO"]).await?;
    let role = try_ask(port, &["INFO", "replication"]).await?;
    let known = [
        ("cluster_state", "ok"),
        ("cluster_known_nodes", "6"),
        ("cluster_slots_ok", "16384"),
    ];
    let has_data = match role.field("role") {
        Some("master") => role.field("connected_slaves") == Some("1"),
        _ => role.field("master_link_status") == Some("up"),
    };
    Ok(has_data && known.iter().all(|(name, value)| info.field(name) == Some(value)))
}
