//! A Redis master with a replica, watched by three Sentinels, of a test's own.

use std::{fs, process::Command};

use tempfile::TempDir;

use super::{
    Server, free_port,
    redis::{Redis, Reply, answers, ask},
    shared,
};
use portcullis_support::until;

/// What the Sentinels call the master.
pub(crate) const NAME: &str = "main";

pub(crate) struct RedisSentinel {
    /// A master and its replica, whichever is which by now.
    pub(crate) servers: [Redis; 2],
    pub(crate) sentinels: Vec<Sentinel>,
}

pub(crate) struct Sentinel {
    pub(crate) server: Server,
    pub(crate) port: u16,
    _folder: TempDir,
}

impl RedisSentinel {
    pub(crate) async fn start() -> Self {
        let program = shared::program("redis-sentinel");
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        let master = Redis::start_with(&program, &durable);
        master.answers().await;
        let port = master.port.to_string();
        let follow = ["--replicaof", "127.0.0.1", &port];
        let replica = Redis::start_with(&program, &[&durable[..], &follow[..]].concat());
        until("the replica follows", async || is_replica(replica.port).await).await;
        // Only now: they ask a master for its replicas every ten seconds.
        let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::start(&program, master.port)).collect();
        for sentinel in &sentinels {
            answers(sentinel.port).await;
            until("the sentinel knows all", async || sentinel.knows_all().await).await;
        }
        Self {
            servers: [master, replica],
            sentinels,
        }
    }

    /// In the form that the program reads.
    pub(crate) fn url(&self) -> String {
        let others = self.sentinels[1..].iter();
        let others: String = others
            .map(|sentinel| format!("node=127.0.0.1:{}&", sentinel.port))
            .collect();
        format!(
            "redis-sentinel://127.0.0.1:{}?{others}sentinelServiceName={NAME}",
            self.sentinels[0].port
        )
    }

    /// Which server is the master, and which its replica.
    pub(crate) async fn roles(&self) -> (usize, usize) {
        match is_replica(self.servers[0].port).await {
            true => (1, 0),
            false => (0, 1),
        }
    }

    /// Waits until every Sentinel says that the master is this server, and it says so, too.
    pub(crate) async fn master_is(&self, server: usize) {
        let port = self.servers[server].port;
        for sentinel in &self.sentinels {
            until("the sentinels agree on the master", async || {
                let address = ask(sentinel.port, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).await;
                matches!(address, Reply::List(parts) if parts[1].text() == port.to_string())
            })
            .await;
        }
        until("the new master serves", async || {
            ask(port, &["INFO", "replication"]).await.field("role") == Some("master")
        })
        .await;
    }

    /// Waits until this server has the data of the other one, and every Sentinel could make it the master.
    pub(crate) async fn replica_is(&self, server: usize) {
        until("the old master follows", async || {
            is_replica(self.servers[server].port).await
        })
        .await;
        for sentinel in &self.sentinels {
            until("the sentinel knows all", async || sentinel.knows_all().await).await;
        }
    }
}

impl Sentinel {
    fn start(program: &str, master: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let file = folder.path().join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 1000\n"
        );
        fs::write(&file, settings).expect("its settings");
        let mut command = Command::new(program);
        command.arg(&file).arg("--sentinel");
        Self {
            server: Server::start(command, folder.path()),
            port,
            _folder: folder,
        }
    }

    async fn knows_all(&self) -> bool {
        let info = ask(self.port, &["INFO", "sentinel"]).await;
        info.text().contains(",slaves=1,sentinels=3") && info.text().contains("status=ok")
    }
}

/// Whether the server at `port` has its master's data.
pub(crate) async fn is_replica(port: u16) -> bool {
    super::redis::try_ask(port, &["INFO", "replication"])
        .await
        .is_ok_and(|info| info.field("master_link_status") == Some("up"))
}
