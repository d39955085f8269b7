//! The thread of a near cache: a tracker for each server, and what happens to the pool's connections.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use fred::{
    clients::Client,
    interfaces::{ClientLike as _, ClusterInterface as _, EventInterface as _},
    types::config::{Config, ConnectionConfig, Server, ServerConfig},
};
use tokio::{sync::broadcast::error::RecvError, task::JoinHandle, time::sleep};

use super::{Shared, tracker::Tracker};

/// The time between two looks for new nodes of a cluster, and the pause after a panic.
const DISCOVERY: Duration = Duration::from_secs(1);

/// Does `work`, and does it again if it panics. Meanwhile nobody renews a lease.
pub(super) fn persist(mut work: impl FnMut()) {
    while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
        tell_of_panic();
        thread::sleep(DISCOVERY);
    }
}

fn tell_of_panic() {
    tracing::error!(target: "portcullis::redis", "the near cache panicked, which is a bug of this library, and begins anew");
}

/// Tells the trackers of each connection of the pool that is made anew.
pub(super) async fn watch_pool(shared: &Arc<Shared>, clients: &[Client]) {
    let watch = |client: Client| {
        let shared = Arc::clone(shared);
        async move {
            let mut anew = client.reconnect_rx();
            while !matches!(anew.recv().await, Err(RecvError::Closed)) {
                shared.pool.send_replace(());
            }
            // A client that has quit makes none anew.
            std::future::pending::<()>().await;
        }
    };
    let tasks: Vec<_> = clients
        .iter()
        .map(|client| tokio::spawn(watch(client.clone())))
        .collect();
    for task in tasks {
        let _never = task.await;
    }
}

/// Keeps a tracker for the server, or for each master of a cluster.
pub(super) async fn follow(shared: &Arc<Shared>, client: &Client) {
    let (config, connection) = (client.client_config(), client.connection_config().clone());
    if !shared.is_cluster {
        let tracker = Arc::new(Tracker::new(config, connection));
        shared.set(vec![(None, Arc::clone(&tracker))]);
        match tracker.run(shared).await {}
    }
    let mut tasks: HashMap<Server, Task> = HashMap::new();
    loop {
        let nodes = client.cached_cluster_state();
        let nodes = nodes.map_or_else(Vec::new, |nodes| nodes.unique_primary_nodes());
        tasks.retain(|node, task| nodes.contains(node) && !task.has_panicked());
        for node in nodes {
            tasks
                .entry(node.clone())
                .or_insert_with(|| Task::begin(shared, node_config(&config, node), &connection));
        }
        let trackers = tasks
            .iter()
            .map(|(node, task)| (Some(node.clone()), Arc::clone(&task.tracker)));
        shared.set(trackers.collect());
        sleep(DISCOVERY).await;
    }
}

/// The settings for a node of a cluster alone.
fn node_config(config: &Config, server: Server) -> Config {
    Config {
        server: ServerConfig::Centralized { server },
        ..config.clone()
    }
}

struct Task {
    tracker: Arc<Tracker>,
    task: JoinHandle<()>,
}

impl Task {
    fn begin(shared: &Arc<Shared>, config: Config, connection: &ConnectionConfig) -> Self {
        let tracker = Arc::new(Tracker::new(config, connection.clone()));
        let (its, shared) = (Arc::clone(&tracker), Arc::clone(shared));
        let task = tokio::spawn(async move { match its.run(&shared).await {} });
        Self { tracker, task }
    }

    /// It ends in no other way.
    fn has_panicked(&self) -> bool {
        let is_over = self.task.is_finished();
        if is_over {
            tell_of_panic();
        }
        is_over
    }
}

/// A node that is gone has nothing more to say.
impl Drop for Task {
    fn drop(&mut self) {
        self.task.abort();
        self.tracker.lease.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_is_done_again_until_it_ends() {
        let mut times = 0;
        persist(|| {
            times += 1;
            assert!(times > 1, "once");
        });
        assert_eq!(times, 2);
    }
}
