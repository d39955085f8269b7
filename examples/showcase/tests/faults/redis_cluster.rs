//! A Redis Cluster.

use futures_util::future::join_all;

use crate::{
    crowd::{Crowd, is_not_ready, is_replicated},
    process::{Showcase, until},
    server::{
        redis::{Redis, Reply, ask, is_ok},
        redis_cluster::RedisCluster,
    },
    stage::start,
};

async fn program(cluster: &RedisCluster) -> Showcase {
    start(&[("REDIS_URL".to_owned(), cluster.url())]).await
}

async fn scene() -> (RedisCluster, Showcase, Crowd) {
    let cluster = RedisCluster::start().await;
    let showcase = program(&cluster).await;
    showcase.until_ready().await;
    let crowd = Crowd::gather(&showcase).await;
    for master in cluster.masters() {
        is_replicated(master.port).await;
    }
    (cluster, showcase, crowd)
}

async fn is_master(node: &Redis) -> bool {
    ask(node.port, &["INFO", "replication"]).await.field("role") == Some("master")
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_master_that_is_killed_is_503_until_its_replica_took_over() {
    let (mut cluster, showcase, mut crowd) = scene().await;
    cluster.nodes[0].server.kill().await;
    let replica = &cluster.nodes[3];
    crowd
        .meanwhile(until("the replica takes over", async || is_master(replica).await))
        .await;
    crowd.is_as_before().await;
    showcase.until_ready().await;

    cluster.nodes[0].server.start_again();
    crowd.meanwhile(cluster.is_whole()).await;
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_master_that_hangs_is_503_by_the_deadline_and_replaced_and_does_not_come_back_as_one() {
    let (cluster, _showcase, mut crowd) = scene().await;
    cluster.nodes[0].server.pause();
    let replica = &cluster.nodes[3];
    crowd
        .meanwhile(until("the replica takes over", async || is_master(replica).await))
        .await;
    crowd.is_as_before().await;
    cluster.nodes[0].server.resume();
    crowd.meanwhile(cluster.is_whole()).await;
    assert!(!is_master(&cluster.nodes[0]).await);
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn an_ordered_failover_of_every_master_is_at_most_503_meanwhile() {
    let (cluster, _showcase, mut crowd) = scene().await;
    let everything = async {
        for replica in &cluster.nodes[3..] {
            is_ok(&replica.ask(&["CLUSTER", "FAILOVER"]).await);
            until("the replica takes over", async || is_master(replica).await).await;
        }
        cluster.is_whole().await;
    };
    crowd.meanwhile(everything).await;
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn slots_that_move_to_another_master_are_at_most_503_meanwhile() {
    let (cluster, _showcase, mut crowd) = scene().await;
    let [from, to] = [&cluster.nodes[0], &cluster.nodes[1]];
    let moved = async {
        for slot in slots_in_use(from).await {
            move_slot(&cluster, from, to, &slot).await;
        }
    };
    crowd.meanwhile(moved).await;
    crowd.is_as_before().await;
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
    assert!(!slots.is_empty(), "nobody is on this node");
    slots.iter().map(i64::to_string).collect()
}

/// Moves a slot key by key, so that for a while some of its keys are here and some are there.
async fn move_slot(cluster: &RedisCluster, from: &Redis, to: &Redis, slot: &str) {
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
    for node in [to, from] {
        is_ok(
            &node
                .ask(&["CLUSTER", "SETSLOT", slot, "NODE", target.text()])
                .await,
        );
    }
    let other = &cluster.nodes[2];
    is_ok(
        &other
            .ask(&["CLUSTER", "SETSLOT", slot, "NODE", target.text()])
            .await,
    );
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn without_their_scripts_the_masters_serve_everything() {
    let (cluster, _showcase, mut crowd) = scene().await;
    for master in cluster.masters() {
        is_ok(&master.ask(&["SCRIPT", "FLUSH"]).await);
    }
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_cluster_that_hangs_as_a_whole_is_503_by_the_deadline_and_then_as_before() {
    let (cluster, showcase, mut crowd) = scene().await;
    for node in &cluster.nodes {
        node.server.pause();
    }
    is_not_ready(&showcase).await;
    for node in &cluster.nodes {
        node.server.resume();
    }
    crowd.meanwhile(cluster.is_whole()).await;
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn without_its_cluster_the_program_starts_and_finds_it_by_itself() {
    let mut cluster = RedisCluster::start().await;
    join_all(cluster.nodes.iter_mut().map(|node| node.server.kill())).await;
    let showcase = program(&cluster).await;
    is_not_ready(&showcase).await;
    for node in &mut cluster.nodes {
        node.server.start_again();
    }
    cluster.is_whole().await;
    showcase.until_ready().await;
    Crowd::gather(&showcase).await.is_as_before().await;
}
