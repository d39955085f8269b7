//! The servers that the environment names, and those that a test starts for itself.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use auth_redis::{
    Client, ClientLike as _, Redis,
    fred::{
        error::Error,
        types::{Builder, ClusterHash, CustomCommand, Value, config::Config},
    },
};
use tempfile::TempDir;
use tokio::time::sleep;
use uuid::Uuid;

/// The URL of the server that `variable` names.
pub(crate) fn url(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|problem| panic!("{variable}: {problem}"))
}

/// A connected store on the server at `url`, with keys of its own.
pub(crate) async fn redis(url: &str) -> Redis {
    let pool = auth_redis::connect("URL", url).await.expect("a pool");
    let redis = Redis::new(pool).prefix(&prefix()).expect("a prefix");
    redis.ping().await.expect("a connection");
    redis
}

/// The beginning of keys that no other test has.
pub(crate) fn prefix() -> String {
    format!("test:{}:", Uuid::new_v4())
}

/// A plain client of the server at `url`, which may take a moment until it is one.
pub(crate) async fn client(url: &str) -> Client {
    let config = Config::from_url(url).expect("a URL");
    for _attempt in 0..100 {
        let client = Builder::from_config(config.clone()).build().expect("a client");
        if client.init().await.is_ok() {
            return client;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{url}: no connection");
}

/// What the server of `client` answers to `command`.
pub(crate) async fn ask(client: &Client, command: &[&str]) -> Result<Value, Error> {
    let (name, words) = command.split_first().expect("a command");
    let custom = CustomCommand::new(*name, ClusterHash::Random, false);
    client.custom(custom, words.to_vec()).await
}

/// What the server at `url` answers to `command`, over a connection of its own.
pub(crate) async fn tell(url: &str, command: &[&str]) -> Value {
    let client = client(url).await;
    let answer = ask(&client, command).await;
    client.quit().await.expect("closed");
    answer.unwrap_or_else(|problem| panic!("{command:?}: {problem}"))
}

/// A server of the test's own, whose settings it may change.
pub(crate) struct Server {
    pub(crate) port: u16,
    process: Child,
    arguments: Vec<String>,
    _folder: TempDir,
}

impl Server {
    /// Starts one that keeps nothing over a restart, and waits until it answers.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let fixed = ["--save", "", "--repl-diskless-sync-delay", "0"];
        let settings = fixed
            .into_iter()
            .chain(settings.iter().copied())
            .map(str::to_owned);
        Self::begin(|_folder| settings.collect()).await
    }

    /// A Sentinel of the master on `port`, which it calls `main`.
    pub(crate) async fn sentinel(port: u16) -> Self {
        Self::begin(|folder| {
            let settings = folder.join("sentinel.conf");
            let lines = format!(
                "sentinel monitor main 127.0.0.1 {port} 1\n\
                 sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\n"
            );
            fs::write(&settings, lines).expect("written");
            vec![settings.display().to_string(), "--sentinel".to_owned()]
        })
        .await
    }

    async fn begin(settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut arguments = settings(folder.path());
        let fixed = [
            "--port",
            &port.to_string(),
            "--dir",
            &folder.path().display().to_string(),
        ];
        arguments.extend(fixed.map(str::to_owned));
        let server = Self {
            port,
            process: spawn(&arguments),
            arguments,
            _folder: folder,
        };
        server.ready().await;
        server
    }

    async fn ready(&self) {
        until("the server answers", async || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
        .await;
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
            let info = tell(&self.url(), &["INFO", "replication"]).await;
            info.as_string()
                .is_some_and(|info| info.contains("master_link_status:up"))
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
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

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    for _look in 0..1500 {
        if condition().await {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: not within 30 seconds");
}
