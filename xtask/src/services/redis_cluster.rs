//! A Redis Cluster: three masters, each with a replica.

use std::process::Command;

use crate::services::server::{Process, Server};
use crate::services::service::Place;
use crate::services::{ports, redis};
use crate::{Fallible, process};

const NODES: usize = 6;

/// Starts six servers and joins them to a cluster.
pub(super) fn start(place: &Place) -> Fallible<Server> {
    let mut nodes = Vec::new();
    for number in 1..=NODES {
        // By default the bus is at the port + 10000, which may be taken.
        let more = format!(
            "cluster-enabled yes\ncluster-port {}\ncluster-node-timeout 2000\ncluster-allow-replica-migration no\n",
            ports::free()?
        );
        nodes.push(redis::begin(&place.folder.join(number.to_string()), &more)?);
    }
    for node in &nodes {
        node.until(|| redis::asks(node.port, "PING").is_ok_and(|answer| answer.contains("PONG")))?;
    }
    let client = redis::client().ok_or("no redis-cli")?;
    let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
    let mut create = Command::new(client);
    create
        .args(["--cluster", "create"])
        .args(addresses)
        .args(["--cluster-replicas", "1", "--cluster-yes"]);
    process::output(&mut create)?;
    for node in &nodes {
        node.until(|| is_whole(node))?;
    }
    nodes[0].until(|| replicas(&nodes) == NODES / 2)?;
    for node in &nodes {
        // Prevents failovers, for example by a slow disk. Tests that need one start their own servers.
        redis::asks(node.port, "CONFIG SET cluster-node-timeout 60000")?;
    }
    Ok(Server::new(url(&nodes), nodes))
}

/// True if `node` sees the whole cluster and, as a replica, has its master's data.
fn is_whole(node: &Process) -> bool {
    let told = redis::asks(node.port, "CLUSTER INFO").unwrap_or_default();
    let role = redis::asks(node.port, "INFO replication").unwrap_or_default();
    told.contains("cluster_state:ok")
        && told.contains("cluster_slots_ok:16384")
        && told.contains(&format!("cluster_known_nodes:{NODES}"))
        && (role.contains("role:master") || role.contains("master_link_status:up"))
}

fn replicas(nodes: &[Process]) -> usize {
    let is_replica = |node: &&Process| {
        redis::asks(node.port, "INFO replication")
            .is_ok_and(|answer| answer.contains("master_link_status:up"))
    };
    nodes.iter().filter(is_replica).count()
}

/// The URL in fred's form: one node as the host, the others as parameters.
fn url(nodes: &[Process]) -> String {
    let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
    let others = ports[1..].iter().map(|port| format!("node=127.0.0.1:{port}"));
    format!(
        "redis-cluster://127.0.0.1:{}?{}",
        ports[0],
        others.collect::<Vec<_>>().join("&")
    )
}
