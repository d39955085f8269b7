//! A Redis master with a replica, watched by three Sentinels.

use std::fs;
use std::path::Path;

use crate::Fallible;
use crate::services::server::{Process, Server};
use crate::services::service::Place;
use crate::services::{ports, redis};

/// The Sentinels' name for the master.
const NAME: &str = "main";

const SENTINELS: usize = 3;

/// Starts the five servers. The URL names the Sentinels.
pub(super) fn start(place: &Place) -> Fallible<Server> {
    let master = redis::begin(&place.folder.join("master"), "")?;
    let follow = format!("replicaof 127.0.0.1 {}\n", master.port);
    let replica = redis::begin(&place.folder.join("replica"), &follow)?;
    replica.until(|| {
        redis::asks(replica.port, "INFO replication")
            .is_ok_and(|answer| answer.contains("master_link_status:up"))
    })?;
    let mut sentinels = Vec::new();
    for number in 1..=SENTINELS {
        let folder = place.folder.join(format!("sentinel-{number}"));
        sentinels.push(watch(&folder, master.port)?);
    }
    for sentinel in &sentinels {
        sentinel.until(|| knows_all(sentinel.port))?;
    }
    let url = url(&sentinels.iter().map(|sentinel| sentinel.port).collect::<Vec<_>>());
    let mut processes = vec![master, replica];
    processes.extend(sentinels);
    Ok(Server::new(url, processes))
}

fn watch(folder: &Path, master: u16) -> Fallible<Process> {
    fs::create_dir_all(folder)?;
    let port = ports::free()?;
    let file = folder.join("sentinel.conf");
    // Prevents failovers, for example by a slow disk. Tests that need one start their own servers.
    let text = format!(
        "port {port}\nbind 127.0.0.1\nprotected-mode no\ndaemonize no\nset-proc-title no\ndir \"{}\"\n\
         sentinel monitor {NAME} 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds {NAME} 60000\n\
         sentinel failover-timeout {NAME} 5000\n\
         sentinel parallel-syncs {NAME} 1\n",
        folder.display()
    );
    fs::write(&file, text)?;
    let command = vec![
        redis::program_path()?,
        file.display().to_string(),
        "--sentinel".to_owned(),
    ];
    Process::start(command, folder, port)
}

/// True if this Sentinel can take part in a failover.
fn knows_all(port: u16) -> bool {
    let line = format!("name={NAME},status=ok,address=127.0.0.1:");
    redis::asks(port, "INFO sentinel").is_ok_and(|answer| {
        answer.contains(&line) && answer.contains(&format!(",slaves=1,sentinels={SENTINELS}"))
    })
}

/// The URL in fred's form.
fn url(ports: &[u16]) -> String {
    let others = ports[1..].iter().map(|port| format!("node=127.0.0.1:{port}&"));
    format!(
        "redis-sentinel://127.0.0.1:{}?{}sentinelServiceName={NAME}",
        ports[0],
        others.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_names_every_sentinel_and_the_master() {
        assert_eq!(
            url(&[1, 2, 3]),
            "redis-sentinel://127.0.0.1:1?node=127.0.0.1:2&node=127.0.0.1:3&sentinelServiceName=main"
        );
    }
}
