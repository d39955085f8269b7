use std::{future::Future, time::Duration};

use auth_core::{ConfigError, DEFAULT_DEADLINE, StoreError, checked_deadline};
use fred::{
    clients::{Client, Pool},
    error::Error,
    interfaces::{ClientLike as _, ClusterInterface as _},
    types::{FromValue, config::Options},
};
use tokio::time::sleep;

use crate::{
    call::{Attempt, Limit, STORE, call},
    connection::Connections,
    key::Keys,
    replicas::Replicas,
    script::Script,
};

/// Between two looks whether a connection is there.
const PAUSE: Duration = Duration::from_millis(10);

/// What stores share: connections, the deadline of each call, and how keys begin.
///
/// It runs on a [`Client`] or a [`Pool`] of fred's that the caller made, or on the pool that [`connect`](crate::connect)
/// makes. Give it one on which no blocking command runs: calls share connections, and would wait behind it. For a client
/// of your own, set fred's `ReconnectPolicy` to try for ever, and a `connection_timeout` and an
/// `internal_command_timeout` of a few seconds; and have it connect again where its connection task ends all the same. On
/// a cluster set `max_redirections` to 0: where fred 10 follows an `ASK` of a slot that moves, it gives callers each
/// other's replies. Calls of this crate never let it, but other commands on the same connections would.
///
/// A call fails at once while there is no connection, and at the deadline where the server does not answer. A connection
/// on which nothing is answered is closed and made anew.
#[derive(Clone, Debug)]
pub struct Redis {
    pub(crate) connections: Connections,
    pub(crate) deadline: Duration,
    pub(crate) keys: Keys,
    pub(crate) replicas: Option<Replicas>,
}

impl Redis {
    /// Calls on `pool`, each with a deadline of 2 seconds, on keys that begin with `portcullis:`.
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
        }
    }

    /// Gives each call `limit`, whatever it does: a second attempt and a second round trip included.
    ///
    /// # Errors
    /// [`ConfigError`] naming `deadline` if `limit` is zero.
    pub fn deadline(mut self, limit: Duration) -> Result<Self, ConfigError> {
        self.deadline = checked_deadline(limit)?;
        Ok(self)
    }

    /// Lets every key begin with `prefix`: services that share a server have one each.
    ///
    /// # Errors
    /// [`ConfigError`] naming `prefix` if it has a `{` or a `}`, by which a cluster places keys.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        self.keys = Keys::new(prefix)?;
        Ok(self)
    }

    /// Waits until every connection is there, and asks the server, or each master of a cluster, whether it answers: at
    /// start, for a service that had rather fail than run without; later, to say whether it is ready.
    ///
    /// # Errors
    /// [`StoreError`] if there is no connection or no answer by the deadline.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let limit = self.limit();
        for connection in self.connections.each() {
            while !connection.next().client.is_connected() {
                sleep(PAUSE.min(limit.left()?)).await;
            }
            let client = &connection.next().client;
            let state = client.cached_cluster_state();
            let mut nodes: Vec<_> = state.map_or_else(Vec::new, |state| state.unique_primary_nodes());
            // Without a name of a node, the command goes to any.
            let last = nodes.pop();
            for node in nodes.into_iter().map(Some).chain([last]) {
                let ping = |attempt: Attempt| {
                    let options = Options {
                        cluster_node: node.clone(),
                        ..attempt.client.options().clone()
                    };
                    let client = client.with_options(&options);
                    async move { client.ping::<()>(None).await }
                };
                call(&connection, limit, ping).await?;
            }
        }
        Ok(())
    }

    /// The limit of a call that begins now.
    pub(crate) fn limit(&self) -> Limit {
        Limit::of(self.deadline)
    }

    /// Makes a call that may be carried out twice.
    pub(crate) async fn call<T, F>(&self, limit: Limit, body: impl Fn(Attempt) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        call(&self.connections, limit, body).await
    }

    /// Runs a `script` that may be run twice.
    pub(crate) async fn run<T: FromValue>(
        &self,
        limit: Limit,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<String>,
    ) -> Result<T, StoreError> {
        self.call(limit, |attempt| {
            let (keys, args) = (keys.clone(), args.clone());
            async move { attempt.run(script, keys, args).await }
        })
        .await
    }
}

/// What is stored and is not what this crate writes.
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
