//! The connections of a pool, and how one that hangs is found and replaced.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fred::{
    clients::{Client, Pool},
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, ClusterInterface as _},
};
use tokio::time::{sleep, timeout};

use crate::clock::Clocks;

/// The time limit for replacing a connection that hangs.
const HEAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two attempts to replace one.
const HEAL_INTERVAL: Duration = Duration::from_secs(1);

/// Clients that take turns.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Inner>);

struct Inner {
    all: Vec<Arc<Connection>>,
    turn: AtomicUsize,
}

impl Connections {
    fn new(all: Vec<Arc<Connection>>) -> Self {
        Self(Arc::new(Inner {
            all,
            turn: AtomicUsize::new(0),
        }))
    }

    fn from_clients(clients: &[Client]) -> Self {
        let clocks = Arc::new(Clocks::new());
        let connection = |client: &Client| Arc::new(Connection::new(client.clone(), &clocks));
        Self::new(clients.iter().map(connection).collect())
    }

    /// Each connection as a pool of its own.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        self.0.all.iter().map(|one| Self::new(vec![Arc::clone(one)]))
    }

    pub(crate) fn clients(&self) -> Vec<Client> {
        self.0.all.iter().map(|one| one.client.clone()).collect()
    }

    /// The next connection that is up; any, if none is.
    pub(crate) fn next(&self) -> &Arc<Connection> {
        let (all, turn) = (&self.0.all, self.0.turn.fetch_add(1, Ordering::Relaxed));
        let in_turn = (0..all.len()).map(|step| &all[turn.wrapping_add(step) % all.len()]);
        in_turn
            .clone()
            .find(|connection| connection.client.is_connected())
            .unwrap_or(&all[turn % all.len()])
    }
}

impl From<&Client> for Connections {
    fn from(client: &Client) -> Self {
        Self::from_clients(std::slice::from_ref(client))
    }
}

impl From<&Pool> for Connections {
    fn from(pool: &Pool) -> Self {
        Self::from_clients(pool.clients())
    }
}

impl fmt::Debug for Connections {
    /// Prints the number of connections alone: a client would print its configuration, which has a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = self.0.all.iter().filter(|one| one.client.is_connected()).count();
        f.debug_struct("Connections")
            .field("all", &self.0.all.len())
            .field("connected", &connected)
            .finish()
    }
}

/// A client of fred's with its state of health.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Those of the servers, which all connections share.
    pub(crate) clocks: Arc<Clocks>,
    since: Instant,
    /// The time of the last reply, in milliseconds after `since`.
    replied: AtomicU64,
    healing: AtomicBool,
}

impl Connection {
    fn new(client: Client, clocks: &Arc<Clocks>) -> Self {
        Self {
            client,
            clocks: Arc::clone(clocks),
            since: Instant::now(),
            replied: AtomicU64::new(0),
            healing: AtomicBool::new(false),
        }
    }

    /// Notes that a reply came.
    pub(crate) fn replied(&self) {
        self.replied.store(self.clock(Instant::now()), Ordering::Relaxed);
    }

    /// Notes that a call sent at `start` had no reply in time. If no other reply came since, the connection hangs and is
    /// replaced. Meanwhile calls fail at once, so that none queues up behind it.
    ///
    /// fred has a check for this, too. Each command restarts its timer, so under load it never fires.
    pub(crate) fn not_answered(self: &Arc<Self>, start: Instant) {
        // Other nodes of a cluster may have replied meanwhile. After a failover, fred learns the new master only by asking.
        let hangs = self.client.is_clustered() || self.replied.load(Ordering::Relaxed) <= self.clock(start);
        if !hangs || !self.client.is_connected() || self.healing.swap(true, Ordering::AcqRel) {
            return;
        }
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let client = &connection.client;
            let heal = async {
                match client.is_clustered() {
                    true => client.sync_cluster().await,
                    false => client.force_reconnection().await,
                }
            };
            // fred does not answer if its task ends just then.
            let healed = timeout(HEAL_TIMEOUT, heal).await;
            let healed = healed.unwrap_or_else(|_elapsed| Err(Error::new(ErrorKind::Timeout, "no answer")));
            if let Err(problem) = healed {
                tracing::debug!(target: "portcullis::redis", %problem, "a connection that hangs could not be replaced");
            }
            sleep(HEAL_INTERVAL).await;
            connection.healing.store(false, Ordering::Release);
        });
    }

    fn clock(&self, at: Instant) -> u64 {
        let elapsed = at.saturating_duration_since(self.since).as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }
}
