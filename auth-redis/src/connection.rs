//! The connections of a pool, and which of them hang.

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

    fn of(clients: &[Client]) -> Self {
        let all = clients.iter().cloned().map(Connection::new).map(Arc::new);
        Self::new(all.collect())
    }

    /// Each of them alone.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        self.0.all.iter().map(|one| Self::new(vec![Arc::clone(one)]))
    }

    /// The next one that is connected; if none is, any.
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
        Self::of(std::slice::from_ref(client))
    }
}

impl From<&Pool> for Connections {
    fn from(pool: &Pool) -> Self {
        Self::of(pool.clients())
    }
}

impl fmt::Debug for Connections {
    /// How many there are: a client prints its configuration, and that has a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = self.0.all.iter().filter(|one| one.client.is_connected()).count();
        f.debug_struct("Connections")
            .field("all", &self.0.all.len())
            .field("connected", &connected)
            .finish()
    }
}

/// A client of fred's and what is known of its health.
pub(crate) struct Connection {
    pub(crate) client: Client,
    since: Instant,
    /// When the last reply came, in milliseconds after `since`.
    replied: AtomicU64,
    healing: AtomicBool,
}

impl Connection {
    fn new(client: Client) -> Self {
        Self {
            client,
            since: Instant::now(),
            replied: AtomicU64::new(0),
            healing: AtomicBool::new(false),
        }
    }

    /// A reply came.
    pub(crate) fn replied(&self) {
        self.replied.store(self.clock(Instant::now()), Ordering::Relaxed);
    }

    /// A call that was sent at `start` was not answered in time. Where nothing else was answered since, the connection
    /// hangs, and is made anew: calls fail at once meanwhile, so that nothing piles up behind it.
    ///
    /// fred's own check for this starts anew at each command, and so never ends under load.
    pub(crate) fn not_answered(self: &Arc<Self>, start: Instant) {
        // The other nodes of a cluster may well have answered. That it moved on from a node is learnt by asking.
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
            // fred does not answer where its task ends just then.
            let healed = timeout(PATIENCE, heal).await;
            let healed = healed.unwrap_or_else(|_elapsed| Err(Error::new(ErrorKind::Timeout, "no answer")));
            if let Err(problem) = healed {
                tracing::debug!(target: "portcullis::redis", %problem, "a connection that hangs was not made anew");
            }
            sleep(PAUSE).await;
            connection.healing.store(false, Ordering::Release);
        });
    }

    fn clock(&self, at: Instant) -> u64 {
        let elapsed = at.saturating_duration_since(self.since).as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }
}

/// For an attempt to make a connection anew.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two of them.
const PAUSE: Duration = Duration::from_secs(1);
