//! A near cache: what this process has read of log-ins and users, and may use again without asking Redis.
//!
//! A connection of its own hears which keys have changed, by [client tracking] in broadcast mode. What is remembered was read on
//! that very connection, so it is from the server whose changes are heard of. It is used only under a lease: the connection has
//! answered a moment ago, with all that the server had to say before. A thread of its own drives it, so that busy workers of the
//! application hold nothing up.
//!
//! [client tracking]: https://redis.io/docs/latest/develop/reference/client-side-caching/

mod beat;
mod follow;
mod lease;
mod memory;
mod settings;
mod tracker;

use std::{
    any::Any,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use auth_core::{
    ConfigError, LoadedUser, ShardTag, TokenDigest,
    metrics::{CACHE_DROPS, CACHE_LEASES_LOST, CACHE_LOOKUPS, Tally},
};
use fred::{
    error::Error,
    interfaces::ClientLike as _,
    types::{Value, client::Invalidation, config::Server},
    util::redis_keyslot,
};
use tokio::{
    runtime::Builder,
    sync::{oneshot, watch},
};

pub use self::settings::{NearCache, NearCacheStats};
use self::{
    follow::{follow, persist, watch_pool},
    memory::{Begun, Held, Memory, Name},
    tracker::Tracker,
};
use crate::{
    attempt::{Attempt, Reply},
    call::Limit,
    connection::Connections,
    key::Keys,
};

/// The least time between two lines in the log.
const QUIET: Duration = Duration::from_secs(10);

/// The near cache of a process, which ends with the last [`Redis`](crate::Redis) that has it.
pub(crate) struct Near {
    shared: Arc<Shared>,
    /// Ends the thread when it is dropped.
    _alive: oneshot::Sender<()>,
}

struct Shared {
    keys: Keys,
    is_cluster: bool,
    lease: Duration,
    memory: Memory,
    trackers: RwLock<Vec<(Option<Server>, Arc<Tracker>)>>,
    /// Changes each time that a connection of the pool is made anew.
    pool: watch::Sender<()>,
    log: Mutex<Told>,
    /// The log says that the server tells of changes.
    is_told: AtomicBool,
    counts: Counts,
}

#[derive(Default)]
struct Told {
    is_lost: bool,
    at: Option<Instant>,
}

/// What happened since the start.
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    invalidations: AtomicU64,
    losses: AtomicU64,
    /// The same for the recorder: hits, misses and invalidations.
    tallies: [Tally; 3],
}

impl Counts {
    fn new() -> Self {
        CACHE_LEASES_LOST.begin([]);
        let looked_up = |outcome: &'static str| CACHE_LOOKUPS.tally(["near".into(), outcome.into()]);
        Self {
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            invalidations: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            tallies: [
                looked_up("hit"),
                looked_up("miss"),
                CACHE_DROPS.tally(["near".into()]),
            ],
        }
    }
}

/// A read of a server, which may be remembered.
pub(crate) struct Read {
    pub(crate) reply: Value,
    begun: Begun,
}

impl Near {
    /// Begins to hear of the changes of the server that `connections` are to.
    pub(crate) fn start(
        settings: NearCache,
        keys: &Keys,
        connections: &Connections,
    ) -> Result<Self, ConfigError> {
        let clients = connections.clients();
        let client = connections.next().client.clone();
        let shared = Arc::new(Shared {
            keys: keys.clone(),
            is_cluster: client.is_clustered(),
            lease: settings.lease,
            memory: Memory::new(settings.bytes, keys.prefix()),
            trackers: RwLock::default(),
            pool: watch::Sender::new(()),
            log: Mutex::default(),
            is_told: AtomicBool::new(false),
            counts: Counts::new(),
        });
        let (alive, mut ended) = oneshot::channel::<()>();
        let failed = |problem: std::io::Error| {
            ConfigError::new("near cache", format_args!("it has no thread: {problem}"))
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let its = Arc::clone(&shared);
        thread::Builder::new()
            .name("portcullis-near".to_owned())
            .spawn(move || {
                persist(|| {
                    runtime.block_on(async {
                        tokio::select! {
                            _ended = &mut ended => {}
                            () = follow(&its, &client) => {}
                            () = watch_pool(&its, &clients) => {}
                        }
                    });
                });
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self {
            shared,
            _alive: alive,
        })
    }

    /// What is remembered of the log-in of `digest`.
    pub(crate) fn row<T: Send + Sync + 'static>(&self, digest: TokenDigest) -> Option<Arc<T>> {
        match self.get(Name::Row(digest))? {
            Held::Row(row) => row.downcast().ok(),
            Held::User(_) => None,
        }
    }

    /// The user that is remembered under `key`.
    pub(crate) fn user(&self, key: &str) -> Option<LoadedUser> {
        match self.get(Name::User(key))? {
            Held::User(user) => Some(user),
            Held::Row(_) => None,
        }
    }

    fn get(&self, name: Name<'_>) -> Option<Held> {
        let held = self.shared.memory.get(name, lease::now());
        let counts = &self.shared.counts;
        let (counter, tally) = match held {
            Some(_) => (&counts.hits, &counts.tallies[0]),
            None => (&counts.misses, &counts.tallies[1]),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        tally.add();
        held
    }

    /// Reads something of `key` on the connection that hears of its changes. `None` if that is not possible: then ask as if there
    /// were no near cache, and remember nothing.
    pub(crate) async fn read(
        &self,
        limit: Limit,
        tag: ShardTag,
        key: &str,
        read: impl FnOnce(Attempt) -> Reply,
    ) -> Option<Read> {
        let tracker = self.shared.tracker_of(key)?;
        let begun = self
            .shared
            .memory
            .begin(tag.get(), &tracker.lease, lease::now())?;
        // There must be time left to ask in the other way.
        let left = self.shared.lease.min(limit.left().ok()? / 2);
        match tracker.ask(left, read).await {
            Ok(reply) => Some(Read { reply, begun }),
            Err(problem) => {
                tracing::debug!(target: "portcullis::redis", %problem, "a near cache could not read");
                None
            }
        }
    }

    pub(crate) fn keep_row<T: Send + Sync + 'static>(
        &self,
        read: &Read,
        digest: TokenDigest,
        row: Arc<T>,
        bytes: usize,
    ) {
        let held = Held::Row(row as Arc<dyn Any + Send + Sync>);
        let name = Name::Row(digest);
        self.shared.memory.keep(&read.begun, name, held, bytes, u64::MAX);
    }

    /// Remembers a user for `left` at most.
    pub(crate) fn keep_user(&self, read: &Read, key: &str, user: LoadedUser, bytes: usize, left: Duration) {
        let left = u64::try_from(left.as_micros()).unwrap_or(u64::MAX);
        let until = lease::now().saturating_add(left);
        self.shared
            .memory
            .keep(&read.begun, Name::User(key), Held::User(user), bytes, until);
    }

    /// Forgets all of the user whose `key` this process has just changed, also what is still being read.
    pub(crate) fn forget(&self, key: &str) {
        self.shared.memory.end(key);
    }

    pub(crate) fn stats(&self) -> NearCacheStats {
        let (memory, counts) = (&self.shared.memory, &self.shared.counts);
        let (trackers, now) = (self.shared.trackers(), lease::now());
        let is_good = |tracker: &Arc<Tracker>| tracker.lease.number_at(now).is_some();
        NearCacheStats {
            is_used: !trackers.is_empty() && trackers.iter().all(is_good),
            entries: memory.entries(),
            bytes: memory.bytes(),
            hits: counts.hits.load(Ordering::Relaxed),
            misses: counts.misses.load(Ordering::Relaxed),
            invalidations: counts.invalidations.load(Ordering::Relaxed),
            losses: counts.losses.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn trackers(&self) -> Vec<Arc<Tracker>> {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        trackers.iter().map(|(_, tracker)| Arc::clone(tracker)).collect()
    }

    fn set(&self, trackers: Vec<(Option<Server>, Arc<Tracker>)>) {
        *self.trackers.write().unwrap_or_else(PoisonError::into_inner) = trackers;
    }

    fn tracker_of(&self, key: &str) -> Option<Arc<Tracker>> {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        let slot = redis_keyslot(key.as_bytes());
        let mut trackers = trackers.iter().map(|(_, tracker)| tracker);
        trackers.find(|tracker| tracker.has(slot)).cloned()
    }

    fn apply(&self, change: &Invalidation) {
        for key in &change.keys {
            self.counts.invalidations.fetch_add(1, Ordering::Relaxed);
            self.counts.tallies[2].add();
            if let Some(key) = key.as_str() {
                self.memory.invalidate(key);
            }
        }
    }

    /// A server does not tell of its changes, or not any more if a lease was held.
    fn lost(&self, problem: &Error, was_held: bool) {
        // What is void need not take memory.
        if !self.is_cluster {
            self.memory.clear();
        }
        if was_held {
            self.counts.losses.fetch_add(1, Ordering::Relaxed);
            CACHE_LEASES_LOST.count([]);
        }
        self.tell(true, || {
            let problem = problem.to_string();
            tracing::warn!(
                target: "portcullis::redis", problem,
                "the near cache is empty, and each request asks Redis, because the server does not tell of its changes: \
                 can it be reached, is it Redis 6.2 or later, and may this user run HELLO, CLIENT TRACKING and CLIENT TRACKINGINFO?"
            );
        });
    }

    /// A server tells of its changes.
    fn found(&self) {
        if self.is_told.load(Ordering::Relaxed) {
            return;
        }
        self.tell(false, || {
            tracing::info!(target: "portcullis::redis", "the near cache hears of changes");
        });
    }

    fn tell(&self, is_lost: bool, line: impl FnOnce()) {
        let mut told = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = told.at.is_none();
        let is_quiet = told.at.is_some_and(|at| at.elapsed() < QUIET);
        if is_first || (told.is_lost != is_lost && !is_quiet) {
            *told = Told {
                is_lost,
                at: Some(Instant::now()),
            };
            line();
        }
        self.is_told.store(!told.is_lost, Ordering::Relaxed);
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stats().fmt(f)
    }
}
