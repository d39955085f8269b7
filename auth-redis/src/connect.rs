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

/// For a connection to be made, and for each thing that is asked before it is used.
const PATIENCE: Duration = Duration::from_secs(2);

/// The wait before an attempt in milliseconds: twice as long each time, and something by chance on top. fred also waits
/// before the very first one, while every call fails.
const DELAY: RangeInclusive<u32> = 10..=1000;
const JITTER: u32 = 50;

/// The wait before a client that gave up begins anew.
const REST: Duration = Duration::from_secs(5);

/// The same where it gave up for nothing.
const BLINK: Duration = Duration::from_millis(20);

/// A connection whose peer is gone without a word is given up after about this.
const DEAD_PEER: Duration = Duration::from_secs(10);

/// A pool of connections to the server at `url`, which is not waited for: the pool connects in the background, and again
/// whenever it must, for ever. Until then every call fails at once. To fail at start, [`ping`](crate::Redis::ping).
///
/// | server | `url` |
/// |---|---|
/// | one | `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]` |
/// | behind Sentinel | `redis-sentinel://[[USER]:PASSWORD@]SENTINEL[:PORT][/DATABASE]?sentinelServiceName=NAME&node=SENTINEL:PORT` |
/// | a cluster | `redis-cluster://[[USER]:PASSWORD@]HOST[:PORT]?node=HOST:PORT` |
///
/// `node` may be repeated, and need not name every node. Sentinels that ask for credentials of their own have them in
/// `sentinelUsername` and `sentinelPassword`. `rediss…` is the same over TLS, with the root certificates of the machine;
/// for others, make a [`Pool`] with a TLS configuration of your own. `valkey` may stand for `redis`. Characters with a
/// meaning in a URL are percent-encoded in a password.
///
/// It warns where the server's eviction policy could drop sessions, if that may be asked, and writes an event when the
/// server cannot be reached and when it can again. Call it within a Tokio runtime, which drives the connections; `quit` of [`ClientLike`] ends them.
///
/// [`ClientLike`]: crate::ClientLike
///
/// # Errors
/// [`ConfigError`] naming `Redis URL` if the URL is none of these, or the machine has no root certificates for TLS.
pub async fn connect(url: &str) -> Result<Pool, ConfigError> {
    let config = config_of(url).map_err(|problem| ConfigError::new(SETTING, problem))?;
    let address = address(&config);
    let policy = ReconnectPolicy::Exponential {
        attempts: 0,
        max_attempts: 0,
        min_delay: *DELAY.start(),
        max_delay: *DELAY.end(),
        base: 2,
        jitter: JITTER,
    };
    let pool = Pool::new(config, None, Some(connection()), Some(policy), CONNECTIONS)
        .map_err(|problem| ConfigError::new(SETTING, problem.details()))?;
    // Listens before there is anything to hear.
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

/// Nothing of the URL stands in the problem: it may hold a password.
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
    // fred would look for a TLS provider of the whole process, of which there may be two.
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
        // The node that the URL names may be the one that went down.
        *policy = ClusterDiscoveryPolicy::UseCache;
    }
    config.fail_fast = false;
    config.tls = secure.then(tls::config).transpose()?;
    Ok(config)
}

/// Whether the password in what follows the scheme goes on behind what a reader takes for the host, as with a `/` in it that is
/// not percent-encoded. Its pieces would be hosts, ports and databases then, and stand in messages.
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
        connection_timeout: PATIENCE,
        internal_command_timeout: PATIENCE,
        // To follow an `ASK`, fred takes the next reply on the connection, whosever it is, for that to its `ASKING`: from
        // then on everybody has another's. The call makes a second attempt of its own.
        max_redirections: 0,
        reconnect_on_auth_error: true,
        // The queue is not bounded (`max_command_buffer_len`): where it is full, fred cannot even order a reconnection,
        // and gives up. Calls bound it: they fail at once while there is no connection, and one that hangs is dropped.
        tcp: TcpConfig {
            nodelay: Some(true),
            keepalive: Some(
                TcpKeepalive::new()
                    .with_time(DEAD_PEER)
                    .with_interval(DEAD_PEER / 5),
            ),
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            user_timeout: Some(DEAD_PEER),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    }
}

/// Lets `client` connect until it is told to quit. fred gives up where it takes an error for final; but a server that is
/// set up wrongly is set right while we run.
async fn keep_connected(client: Client, address: ServerAddress) {
    loop {
        let mut rest = REST;
        match client.connect().await {
            Ok(Ok(())) => return,
            // A slot of the cluster moves: fred goes to the wrong node with what it was asked to take to the other one,
            // and takes the second `ASK` for the end.
            Ok(Err(problem)) if *problem.kind() == ErrorKind::Routing => rest = BLINK,
            Ok(Err(problem)) => {
                let problem = address.problem(watch::reason(&problem), problem);
                tracing::error!(target: "portcullis::redis", problem, "the client gave up, and begins anew");
            }
            Err(ended) if ended.is_cancelled() => return,
            Err(_panic) => {
                tracing::error!(target: "portcullis::redis", "the client panicked, and begins anew")
            }
        }
        tokio::time::sleep(rest).await;
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
