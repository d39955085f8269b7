//! The servers that the environment names, and those that a test starts for itself.
//!
//! Nothing here waits without a limit: a server that goes away may leave a client of fred's without an answer for ever.

mod process;

use std::{env, time::Duration};

use auth_redis::{
    Client, ClientLike as _, Redis,
    fred::{
        error::{Error, ErrorKind},
        types::{Builder, ClusterHash, ConnectHandle, CustomCommand, Value, config::Config},
    },
};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

pub(crate) use process::Server;

/// The longest wait for anything: on the slowest machine nothing takes as long, unless it never ends.
const LIMIT: Duration = Duration::from_secs(60);

/// The same for one answer of a server that is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// The URL of the server that `variable` names.
pub(crate) fn url(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|problem| panic!("{variable}: {problem}"))
}

/// A connected store on the server at `url`, with keys of its own, and a deadline that a busy machine keeps.
pub(crate) async fn redis(url: &str) -> Redis {
    redis_with(url, &prefix()).await
}

/// The same with keys that begin with `prefix`.
pub(crate) async fn redis_with(url: &str, prefix: &str) -> Redis {
    let redis = unconnected(url, prefix).await;
    until("a connection", async || redis.ping().await.is_ok()).await;
    redis
}

/// The same, which is not connected yet.
pub(crate) async fn unconnected(url: &str, prefix: &str) -> Redis {
    let pool = auth_redis::connect(url).await.expect("a pool");
    let redis = Redis::new(pool).prefix(prefix).expect("a prefix");
    redis.deadline(PATIENCE).expect("a deadline")
}

/// The beginning of keys that no other test has.
pub(crate) fn prefix() -> String {
    format!("test:{}:", Uuid::new_v4())
}

/// A plain client of the server at `url`, which may take a moment until it is one.
pub(crate) async fn client(url: &str) -> Client {
    connected(url).await.0
}

async fn connected(url: &str) -> (Client, ConnectHandle) {
    within(&format!("a connection to {url}"), async {
        loop {
            if let Some(connected) = reached(url).await {
                return connected;
            }
            sleep(PAUSE).await;
        }
    })
    .await
}

/// A client of the server at `url`, if that lets itself be connected to just now.
async fn reached(url: &str) -> Option<(Client, ConnectHandle)> {
    let client = Builder::from_config(Config::from_url(url).expect("a URL")).build();
    let client = client.expect("a client");
    let connection = timeout(PATIENCE, client.init()).await.ok()?.ok()?;
    Some((client, connection))
}

/// What the server of `client` answers to `command`.
pub(crate) async fn ask(client: &Client, command: &[&str]) -> Result<Value, Error> {
    let (name, words) = command.split_first().expect("a command");
    let custom = CustomCommand::new(*name, ClusterHash::Random, false);
    let answer = timeout(PATIENCE, client.custom(custom, words.to_vec())).await;
    answer.unwrap_or_else(|_elapsed| Err(Error::new(ErrorKind::Timeout, format!("{command:?}"))))
}

/// What the server at `url` answers to `command`, over a connection of its own.
pub(crate) async fn tell(url: &str, command: &[&str]) -> Value {
    let (client, connection) = connected(url).await;
    let answer = ask(&client, command).await;
    // A `QUIT` may be left without an answer.
    connection.abort();
    answer.unwrap_or_else(|problem| panic!("{url}: {command:?}: {problem}"))
}

/// The same of a server that may be gone just now, or may go away.
pub(crate) async fn look(url: &str, command: &[&str]) -> Option<Value> {
    let (client, connection) = reached(url).await?;
    let answer = ask(&client, command).await;
    connection.abort();
    answer.ok()
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    within(what, async {
        while !condition().await {
            sleep(PAUSE).await;
        }
    })
    .await;
}

/// What `future` comes to, if it does.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let ended = timeout(LIMIT, future).await;
    ended.unwrap_or_else(|_elapsed| panic!("{what}: not within {LIMIT:?}"))
}
