use std::{ops::RangeInclusive, time::Duration};

use auth_core::{ConfigError, ServerAddress, unreadable_url};
use fred::{
    clients::{Client, Pool},
    error::ErrorKind,
    interfaces::ClientLike as _,
    types::config::{
        ClusterDiscoveryPolicy, Config, ConnectionConfig, ReconnectPolicy, ServerConfig, TcpConfig,
    },
};

use socket2::TcpKeepalive;

use crate::{tls, watch};

/// The name of the URL in errors and logs.
const SETTING: &str = "Redis URL";

/// Each carries any number of calls at a time.
const CONNECTIONS: usize = 2;

/// The time limit for opening a connection, and for each command that fred sends before it is used.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The delay before fred connects again, doubled each time, with a random part on top. fred also waits before the very first
/// attempt, while every call fails.
const RECONNECT_DELAY_MS: RangeInclusive<u32> = 10..=1000;
const RECONNECT_JITTER_MS: u32 = 50;

/// The delay before a client that gave up is started again.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// The same if it gave up because a slot of the cluster moved.
const SLOT_MOVED_DELAY: Duration = Duration::from_millis(20);

/// A connection is given up after about this time without a sign of its peer.
const DEAD_PEER_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes a pool of connections to the server at `url`. It connects in the background and does not wait for the server.
///
/// While there is no connection, every call fails at once, and the pool keeps trying to connect. To fail at start instead,
/// call [`ping`](crate::Redis::ping).
///
/// | server | `url` |
/// |---|---|
/// | one | `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]` |
/// | behind Sentinel | `redis-sentinel://[[USER]:PASSWORD@]SENTINEL[:PORT][/DATABASE]?sentinelServiceName=NAME&node=SENTINEL:PORT` |
/// | a cluster | `redis-cluster://[[USER]:PASSWORD@]HOST[:PORT]?node=HOST:PORT` |
///
/// - `node` may be repeated, and need not name every node.
/// - If the Sentinels have credentials of their own, give them as `sentinelUsername` and `sentinelPassword`.
/// - `rediss…` uses TLS with the root certificates of the machine. For other certificates, make a [`Pool`] with your own TLS
///   configuration.
/// - You may write `valkey` for `redis`.
/// - In a password, percent-encode the characters that have a meaning in a URL.
///
/// The log gets a warning if the server's eviction policy could drop sessions (and the ACL lets us ask), and an event
/// when the server becomes unreachable and when it is back.
///
/// Call it within a Tokio runtime, which drives the connections. `quit` of [`ClientLike`] closes them.
///
/// [`ClientLike`]: crate::ClientLike
///
/// # Errors
/// [`ConfigError`] naming `Redis URL` if the URL has none of these forms, or the machine has no root certificates for TLS.
pub async fn connect(url: &str) -> Result<Pool, ConfigError> {
    begin(url)
}

/// A plain function, so that what it spawns, most of fred, is compiled here and not again in each application.
fn begin(url: &str) -> Result<Pool, ConfigError> {
    let config = config_of(url).map_err(|problem| ConfigError::new(SETTING, problem))?;
    let address = address(&config);
    let policy = ReconnectPolicy::Exponential {
        attempts: 0,
        max_attempts: 0,
        min_delay: *RECONNECT_DELAY_MS.start(),
        max_delay: *RECONNECT_DELAY_MS.end(),
        base: 2,
        jitter: RECONNECT_JITTER_MS,
    };
    let pool = Pool::new(config, None, Some(connection()), Some(policy), CONNECTIONS)
        .map_err(|problem| ConfigError::new(SETTING, problem.details()))?;
    // Before the clients connect, so that it misses no event.
    tokio::spawn(watch::watch(&pool, address.clone()));
    for client in pool.clients() {
        tokio::spawn(keep_connected(client.clone(), address.clone()));
    }
    Ok(pool)
}

fn address(config: &Config) -> ServerAddress {
    let mut address = ServerAddress::new(SETTING, config.server.hosts());
    if let Some(number) = config.database {
        address = address.database(number);
    }
    match &config.username {
        Some(name) => address.user(name),
        None => address,
    }
}

/// The problem never repeats a part of the URL, which may hold a password.
fn config_of(url: &str) -> Result<Config, String> {
    let (scheme, rest) = url.split_once("://").ok_or("is not a URL")?;
    let (server, kind) = scheme.split_once('-').unwrap_or((scheme, ""));
    let (server, secure) = match server {
        "redis" | "valkey" => (server, false),
        "rediss" => ("redis", true),
        "valkeys" => ("valkey", true),
        _ => {
            return Err(
                "does not begin with redis:// or rediss://, or such with -sentinel or -cluster".to_owned(),
            );
        }
    };
    // For TLS, fred would ask for the process-wide crypto provider. With two linked in, there is no default.
    let plain = match kind {
        "" if !scheme.contains('-') => format!("{server}://{rest}"),
        "cluster" | "sentinel" => format!("{server}-{kind}://{rest}"),
        _ => return Err("is of a kind of server that is neither -sentinel nor -cluster".to_owned()),
    };
    let unreadable = || {
        unreadable_url(
            "lacks a host, sentinelServiceName or HOST:PORT of a node, or has a port or database that is not one",
        )
    };
    if are_cut_short(rest) {
        return Err(unreadable());
    }
    let mut config = Config::from_url(&plain).map_err(|_secret| unreadable())?;
    if config.username.is_some() && config.password.is_none() {
        return Err("has a user but no password".to_owned());
    }
    if let ServerConfig::Clustered { policy, .. } = &mut config.server {
        // By default fred asks the node of the URL again, which may be the one that is down.
        *policy = ClusterDiscoveryPolicy::UseCache;
    }
    config.fail_fast = false;
    config.tls = secure.then(tls::config).transpose()?;
    Ok(config)
}

/// True if the password goes on behind what a parser takes for the host, because it has a `/`, `?` or `#` that is not
/// percent-encoded. Its pieces would then be read as hosts, ports or databases, and appear in messages. `rest` is the URL
/// without its scheme.
fn are_cut_short(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (path, parameters) = rest[end..].split_once('?').unwrap_or((&rest[end..], ""));
    let may_hold_an_at = |parameter: &&str| {
        ["sentinelUsername=", "sentinelPassword="]
            .iter()
            .any(|name| parameter.starts_with(name))
    };
    rest.contains('#')
        || path.contains('@')
        || parameters
            .split('&')
            .filter(|parameter| !may_hold_an_at(parameter))
            .any(|parameter| parameter.contains('@'))
}

fn connection() -> ConnectionConfig {
    ConnectionConfig {
        connection_timeout: CONNECT_TIMEOUT,
        internal_command_timeout: CONNECT_TIMEOUT,
        // fred would mix up replies: after an `ASK` it takes the next reply on the connection, even another caller's, for
        // the reply to its `ASKING`. Instead, `call` makes a second attempt.
        max_redirections: 0,
        reconnect_on_auth_error: true,
        // `max_command_buffer_len` stays unlimited: with a full queue fred cannot even request a reconnection, and gives
        // up. Calls bound the queue: they fail at once while there is no connection, and a connection that hangs is
        // dropped.
        tcp: TcpConfig {
            nodelay: Some(true),
            keepalive: Some(
                TcpKeepalive::new()
                    .with_time(DEAD_PEER_TIMEOUT)
                    .with_interval(DEAD_PEER_TIMEOUT / 5),
            ),
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            user_timeout: Some(DEAD_PEER_TIMEOUT),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    }
}

/// Keeps `client` connected until it is told to quit. fred gives up after an error that it takes for final, such as a wrong
/// password. But an operator can correct the server's set-up while we run.
async fn keep_connected(client: Client, address: ServerAddress) {
    loop {
        let mut delay = RESTART_DELAY;
        match client.connect().await {
            Ok(Ok(())) => return,
            // A slot of the cluster is moving: fred asks the wrong node, and takes the second `ASK` for a final error.
            Ok(Err(problem)) if *problem.kind() == ErrorKind::Routing => delay = SLOT_MOVED_DELAY,
            Ok(Err(problem)) => {
                let problem = address.problem(watch::reason(&problem), problem);
                tracing::error!(target: "portcullis::redis", problem, "the client gave up, and is started again");
            }
            Err(ended) if ended.is_cancelled() => return,
            Err(_panic) => {
                tracing::error!(target: "portcullis::redis", "the client panicked, and is started again")
            }
        }
        tokio::time::sleep(delay).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_server_has_its_url() {
        let config = config_of("redis://ada:p%40ss@example.com:7000/3").expect("a server");
        assert!(config.server.is_centralized() && config.tls.is_none() && !config.fail_fast);
        assert_eq!(config.server.hosts()[0].to_string(), "example.com:7000");
        assert_eq!(config.username.as_deref(), Some("ada"));
        assert_eq!(config.password.as_deref(), Some("p@ss"));
        assert_eq!(config.database, Some(3));
        let config = config_of("valkey://:secret@example.com").expect("a server");
        assert_eq!(
            (config.username, config.password.as_deref()),
            (None, Some("secret"))
        );
        let config = config_of("redis-cluster://a:7000?node=b:7001&node=c:7002").expect("a cluster");
        assert!(config.server.is_clustered() && config.server.hosts().len() == 3);
        let config =
            config_of("valkey-sentinel://a?sentinelServiceName=main&node=b:26380&sentinelPassword=s")
                .expect("Sentinel");
        assert!(config.server.is_sentinel() && config.server.hosts().len() == 2);
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_a_word_of_it() {
        for url in [
            "",
            "127.0.0.1:6379",
            "http://hunter2@example.com",
            "redisss://:hunter2@example.com",
            "redis-replica://:hunter2@example.com",
            "redis-://:hunter2@example.com",
            "redis+unix://:hunter2@host/path",
            "redis://",
            "redis://:hunter2@",
            "redis://:hunter2@example.com:port",
            "redis://:hunter2@example.com/sessions",
            "redis://:hunter2@example.com/256",
            "redis://hunter2@example.com",
            "redis-cluster://example.com?node=x:hunter2@other",
            "redis-sentinel://:hunter2@example.com",
        ] {
            let problem = config_of(url).expect_err(url);
            assert!(
                !problem.contains("hunter2") && !problem.contains("example"),
                "{url}: {problem}"
            );
        }
    }

    #[tokio::test]
    async fn the_setting_is_named_where_the_url_cannot_be_used() {
        let refused = connect("http://example.com").await.expect_err("no URL of Redis");
        assert_eq!(refused.setting(), "Redis URL");
    }

    #[test]
    fn n10_no_piece_of_a_password_becomes_a_host_or_a_port() {
        for url in [
            "redis://:Pa@ss#word@localhost:6379/0",
            "redis://:Pa@ss?word@localhost:6379/0",
            "redis://:Pa@ss/word@localhost:6379/0",
            "redis://ada:12#34@localhost/0",
            "redis://ada:12?34@localhost/0",
            "redis-cluster://ada:12/34@localhost:7000",
        ] {
            let problem = config_of(url).expect_err(url);
            assert!(problem.contains("percent-encode"), "{problem}");
            assert!(
                !problem.contains("localhost") && !problem.contains("ada"),
                "{problem}"
            );
        }
        let sentinel = "redis-sentinel://localhost:26379?sentinelServiceName=main&sentinelPassword=p@ss";
        assert!(config_of(sentinel).is_ok(), "as it has always been read");
    }
}
