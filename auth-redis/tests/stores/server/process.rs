use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use tempfile::TempDir;

use super::{look, tell, until, url};

/// A server of the test's own, whose settings it may change.
pub(crate) struct Server {
    pub(crate) port: u16,
    process: Child,
    arguments: Vec<String>,
    _folder: TempDir,
}

impl Server {
    /// Starts one that keeps nothing over a restart, unless `settings` say so, and waits until it answers.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let fixed = ["--save", "", "--repl-diskless-sync-delay", "0"];
        let settings = fixed
            .into_iter()
            .chain(settings.iter().copied())
            .map(str::to_owned);
        Self::begin(|_folder| settings.collect()).await
    }

    /// A Sentinel of the master on `port`, which it calls `main`. By itself it takes a minute to act.
    pub(crate) async fn sentinel(port: u16) -> Self {
        Self::begin(|folder| {
            let settings = folder.join("sentinel.conf");
            let lines = format!(
                "sentinel monitor main 127.0.0.1 {port} 1\n\
                 sentinel down-after-milliseconds main 60000\nsentinel failover-timeout main 3000\n"
            );
            fs::write(&settings, lines).expect("written");
            vec![settings.display().to_string(), "--sentinel".to_owned()]
        })
        .await
    }

    async fn begin(settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let mut arguments = settings(folder.path());
        let fixed = [
            "--port",
            &port.to_string(),
            "--dir",
            &folder.path().display().to_string(),
        ];
        arguments.extend(fixed.map(str::to_owned));
        let mut server = Self {
            port,
            process: spawn(&arguments),
            arguments,
            _folder: folder,
        };
        server.ready().await;
        server
    }

    async fn ready(&mut self) {
        until("the server answers", async || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
        .await;
        let ended = self.process.try_wait().expect("the state of the server");
        assert_eq!(ended, None, "{:?} ended", self.arguments);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }

    pub(crate) async fn restart(&mut self) {
        self.process = spawn(&self.arguments);
        self.ready().await;
    }

    /// Lets it stand still, or go on.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status();
        assert!(sent.expect("a signal").success());
    }

    /// Makes it a replica of `master`, and waits until it follows.
    pub(crate) async fn follow(&self, master: &Self) {
        tell(&self.url(), &["REPLICAOF", "127.0.0.1", &master.port.to_string()]).await;
        self.follows().await;
    }

    pub(crate) async fn follows(&self) {
        until("the replica follows", async || {
            self.replication("master_link_status").await.as_deref() == Some("up")
        })
        .await;
    }

    /// Waits until it has all that `master` wrote.
    pub(crate) async fn has_all_of(&self, master: &Self) {
        until("the replica has all", async || {
            let written = master.replication("master_repl_offset").await;
            written.is_some() && written == self.replication("slave_repl_offset").await
        })
        .await;
    }

    pub(crate) async fn becomes(&self, role: &str) {
        until(&format!("the server is a {role}"), async || {
            self.replication("role").await.as_deref() == Some(role)
        })
        .await;
    }

    /// What `INFO replication` says of `name`.
    async fn replication(&self, name: &str) -> Option<String> {
        let info = look(&self.url(), &["INFO", "replication"]).await?.as_string()?;
        let mut lines = info.lines().filter_map(|line| line.trim_end().split_once(':'));
        let (_, value) = lines.find(|(found, _)| *found == name)?;
        Some(value.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A port that is free, and so is the one 10,000 above, which a node of a cluster takes.
///
/// It is none of those that systems hand to outgoing connections, one of which could take it while a server is restarted.
fn free_port() -> u16 {
    const FIRST: u16 = 11_000;
    const COUNT: u16 = 9_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Two processes begin elsewhere.
    let offset = u16::try_from(process::id() % u32::from(COUNT) * 97 % u32::from(COUNT)).expect("small");
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        assert!(tried < COUNT, "no port is free");
        let port = FIRST + (offset + tried) % COUNT;
        if [port, port + 10_000]
            .iter()
            .all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        {
            return port;
        }
    }
}

fn spawn(arguments: &[String]) -> Child {
    let services = fs::read_to_string(url("TEST_SERVICES")).expect("TEST_SERVICES names a file");
    let services: serde_json::Value = serde_json::from_str(&services).expect("JSON");
    let program = &services["redis"]["processes"][0]["command"][0];
    Command::new(program.as_str().expect("the program of the server"))
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .expect("a server")
}
