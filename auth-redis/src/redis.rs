use std::{sync::Arc, time::Duration};

use auth_core::{ConfigError, DEFAULT_DEADLINE, StoreError, checked_deadline};
use fred::{
    bytes::Bytes,
    clients::{Client, Pool, WithOptions},
    interfaces::{ClientLike as _, ClusterInterface as _},
    types::{FromValue, Key, Value, config::Options},
};
use tokio::time::sleep;

use crate::{
    attempt::{Attempt, Reply},
    call::{Limit, STORE, call, read, unconnected},
    connection::Connections,
    key::Keys,
    near::{Near, NearCache, NearCacheStats},
    replicas::Replicas,
    script::Script,
};

/// The time between two checks for a connection.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The settings that stores share: connections, the deadline of each call and the prefix of keys.
///
/// It runs on the pool of [`connect`](crate::connect), or on a [`Client`] or [`Pool`] of fred's that you made. Run no
/// blocking command on that: calls share connections, and would wait behind it.
///
/// A call fails at once while there is no connection, and at the deadline if the server does not reply. A connection that
/// hangs is closed and replaced.
///
/// A server that stalled gets to some calls after their deadline, when their callers have given up. It then inserts and changes
/// nothing, so the caller can come again with the same token. What ends a log-in or a session is carried out however late. The
/// clocks of server and service need not agree. To learn the server's, the first such call takes one round trip more, and so
/// does one after that clock was set.
///
/// If only the reply is late or lost, the call may have been carried out all the same.
///
/// # A client of your own
///
/// - Give fred a `ReconnectPolicy` without a maximum of attempts, and a `connection_timeout` and an
///   `internal_command_timeout` of a few seconds.
/// - If its connection task ends all the same, connect again.
///
/// # Security
///
/// On a cluster set `max_redirections` to 0. When fred 10 follows the `ASK` of a slot that moves, it gives callers each
/// other's replies. Calls of this crate prevent that, but other commands on the same connections would not.
#[derive(Clone, Debug)]
pub struct Redis {
    pub(crate) connections: Connections,
    pub(crate) deadline: Duration,
    pub(crate) keys: Keys,
    pub(crate) replicas: Option<Replicas>,
    pub(crate) near: Option<Arc<Near>>,
}

impl Redis {
    /// Runs calls on `pool`, each with a deadline of 2 seconds. Keys begin with `portcullis:`.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self::on(Connections::from(&pool))
    }

    fn on(connections: Connections) -> Self {
        Self {
            connections,
            deadline: DEFAULT_DEADLINE,
            keys: Keys::default(),
            replicas: None,
            near: None,
        }
    }

    /// Sets the deadline of each call, which includes a second attempt and a second round trip.
    ///
    /// # Errors
    /// [`ConfigError`] naming `deadline` if `limit` is zero.
    pub fn deadline(mut self, limit: Duration) -> Result<Self, ConfigError> {
        self.deadline = checked_deadline(limit)?;
        Ok(self)
    }

    /// Sets the beginning of every key. Services that share a server need one each.
    ///
    /// # Errors
    /// [`ConfigError`] naming `prefix` if it has a `{` or a `}`: a cluster places keys by those. Also if there is a
    /// [near cache](Self::near_cache) already, which hears of the keys with another prefix.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        if self.near.is_some() {
            return Err(ConfigError::new(
                "prefix",
                "there is a near cache already: set the prefix first",
            ));
        }
        self.keys = Keys::new(prefix)?;
        Ok(self)
    }

    /// Keeps what this process reads of log-ins and [cached users](crate::RedisUserCache) in its memory, and uses it again without
    /// asking the server. Set the [prefix](Self::prefix) first.
    ///
    /// ```no_run
    /// use portcullis::redis::{self, NearCache, Redis};
    ///
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = redis::connect("redis://127.0.0.1:6379").await?;
    /// let redis = Redis::new(pool).near_cache(NearCache::new(64 << 20)?)?;
    /// # drop(redis);
    /// # Ok(()) }
    /// ```
    ///
    /// **A log-in that ended on another node is refused here a few milliseconds later**, and at the latest after the
    /// [lease](NearCache::lease) of a second. On the node that ended it, it is refused at once. The same holds for users.
    ///
    /// The server tells a connection of its own about every key with this prefix that changes. What is kept is used only if that
    /// connection has answered within the lease. If it is lost, is silent, or was given up by the server, if the server was
    /// emptied, or became a replica, all is forgotten, and each request asks the server until it tells of changes again. Nobody
    /// is logged out by what is kept: whoever would be is looked up on the server first.
    ///
    /// It needs Redis 6.2 or later, or Valkey, and a thread. On a cluster there is one such connection for each master. Clones of
    /// this value and the stores that are made of it share it. Tokens of another system, and sessions with data, are not kept.
    ///
    /// # Errors
    /// [`ConfigError`] naming `near cache` if the system refuses a thread.
    pub fn near_cache(mut self, settings: NearCache) -> Result<Self, ConfigError> {
        self.near = Some(Arc::new(Near::start(settings, &self.keys, &self.connections)?));
        Ok(self)
    }

    /// What the [near cache](Self::near_cache) has done so far. `None` if there is none.
    #[must_use]
    pub fn near_cache_stats(&self) -> Option<NearCacheStats> {
        self.near.as_ref().map(|near| near.stats())
    }

    /// Waits until every connection is open, then sends a `PING` to the server, or to each master of a cluster.
    ///
    /// Call it at start if the service should not run without Redis, and later to answer readiness checks.
    ///
    /// # Errors
    /// [`StoreError`] if there is no connection or no answer by the deadline.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let limit = self.limit();
        for connection in self.connections.each() {
            let client = &connection.next().client;
            while !client.is_connected() {
                let none = |_passed| unconnected(client, format_args!("none within {:?}", self.deadline));
                let left = limit.left().map_err(none)?;
                sleep(POLL_INTERVAL.min(left)).await;
            }
            let state = client.cached_cluster_state();
            let mut nodes: Vec<_> = state.map_or_else(Vec::new, |state| state.unique_primary_nodes());
            // `None` sends the command to any node.
            let last = nodes.pop();
            for node in nodes.into_iter().map(Some).chain([last]) {
                let ping = |attempt: Attempt| {
                    let options = Options {
                        cluster_node: node.clone(),
                        ..attempt.client.options().clone()
                    };
                    pinged(client.with_options(&options))
                };
                call(&connection, limit, &ping).await?;
            }
        }
        Ok(())
    }

    /// The limit of a call that begins now.
    pub(crate) fn limit(&self) -> Limit {
        Limit::new(self.deadline)
    }

    /// Runs a call that is safe to carry out twice.
    pub(crate) async fn call<T: FromValue>(
        &self,
        limit: Limit,
        body: &(dyn Fn(Attempt) -> Reply + Send + Sync),
    ) -> Result<T, StoreError> {
        read(call(&self.connections, limit, body).await?)
    }

    /// Runs a `script` that is safe to run twice. One that is [in time](Script::is_in_time) does nothing once the deadline is over:
    /// what its caller was told must stay true.
    pub(crate) async fn run<T: FromValue>(
        &self,
        limit: Limit,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<Value>,
    ) -> Result<T, StoreError> {
        self.call(limit, &|attempt| attempt.run(script, keys.clone(), args.clone()))
            .await
    }

    /// Makes the near cache forget all of the user whose `key` has just changed.
    pub(crate) fn forget(&self, key: &str) {
        if let Some(near) = &self.near {
            near.forget(key);
        }
    }

    /// The value of `key`, if there is one.
    pub(crate) async fn get<T: FromValue>(&self, limit: Limit, key: String) -> Result<Option<T>, StoreError> {
        let key = Key::from(key);
        self.call(limit, &|attempt| attempt.get(key.clone())).await
    }
}

fn pinged(client: WithOptions<Client>) -> Reply {
    Box::pin(async move { client.ping(None).await })
}

/// The value to store that `written` is.
pub(crate) fn value(written: Result<Vec<u8>, postcard::Error>) -> Result<Value, StoreError> {
    let written = written.map_err(|error| StoreError::internal(STORE, error))?;
    Ok(Bytes::from(written).into())
}

/// The error for stored data that this crate did not write.
pub(crate) fn unreadable(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::invalid_data(STORE, problem)
}

impl From<Pool> for Redis {
    fn from(pool: Pool) -> Self {
        Self::new(pool)
    }
}

impl From<&Pool> for Redis {
    fn from(pool: &Pool) -> Self {
        Self::on(pool.into())
    }
}

impl From<Client> for Redis {
    fn from(client: Client) -> Self {
        Self::from(&client)
    }
}

impl From<&Client> for Redis {
    fn from(client: &Client) -> Self {
        Self::on(client.into())
    }
}

impl From<&Self> for Redis {
    fn from(redis: &Self) -> Self {
        redis.clone()
    }
}
