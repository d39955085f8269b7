//! One server, and the connection that hears of changes there.
//!
//! fred tells nobody when it has reconnected by itself, and the new connection hears nothing. So this client has no policy to
//! reconnect: if its connection is lost, all that was read from the server is void, and another client begins anew. fred also
//! drops the message that everything was flushed. So each beat asks for a marker, which is gone then.

use std::{
    borrow::Cow,
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, TrackingInterface as _},
    types::{
        ConnectHandle, RespVersion, Value,
        config::{Config, ConnectionConfig, Options, PerformanceConfig},
    },
};
use tokio::{
    select,
    sync::broadcast::error::TryRecvError,
    time::{sleep, timeout},
};

use super::{
    Shared,
    beat::{Beat, Marker, Slots, slots_of},
    lease::{Lease, now},
};
use crate::{
    attempt::{Attempt, Reply},
    connection::{Connection, Connections},
};

/// How long a server may take for a connection, and for what is asked on it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pauses before a new connection: the first one, and the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// This many beats fall into a lease, and there is one each second.
const BEATS: u32 = 4;
const LONGEST_BEAT: Duration = Duration::from_secs(1);

/// How often the life of the marker is prolonged.
const PROLONGED: Duration = Duration::from_secs(3600);

/// How many messages may wait. If there are more, everything is dropped.
const WAITING: usize = 1024;

/// A server whose changes are heard of.
pub(super) struct Tracker {
    pub(super) lease: Arc<Lease>,
    config: Config,
    connection: ConnectionConfig,
    live: RwLock<Option<Live>>,
}

/// A connection that hears of changes.
#[derive(Clone)]
struct Live {
    connection: Arc<Connection>,
    /// The slots that the server has, if it is a node of a cluster.
    slots: Option<Slots>,
}

impl Live {
    fn has(&self, slot: u16) -> bool {
        let within = |(first, last): &(u16, u16)| (*first..=*last).contains(&slot);
        self.slots.as_ref().is_none_or(|slots| slots.iter().any(within))
    }
}

impl Tracker {
    pub(super) fn new(mut config: Config, connection: ConnectionConfig) -> Self {
        config.version = RespVersion::RESP3;
        config.fail_fast = true;
        Self {
            lease: Arc::default(),
            config,
            connection,
            live: RwLock::new(None),
        }
    }

    fn live(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_live(&self, live: Option<Live>) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }

    /// True if the server has `slot`, as far as is known.
    pub(super) fn has(&self, slot: u16) -> bool {
        self.live().is_some_and(|live| live.has(slot))
    }

    /// Asks the server on the connection that hears of its changes.
    pub(super) async fn ask(
        &self,
        left: Duration,
        read: impl FnOnce(Attempt) -> Reply,
    ) -> Result<Value, Error> {
        let lost = || Error::new(ErrorKind::Canceled, "there is no connection");
        let connection = self.live().ok_or_else(lost)?.connection;
        let options = Options {
            max_attempts: Some(1),
            timeout: Some(left),
            fail_fast: true,
            ..Options::default()
        };
        let attempt = Attempt {
            client: connection.client.with_options(&options),
            repeated: false,
            whole_script: false,
            connection,
            start: Instant::now(),
            left,
        };
        let reply = timeout(left, read(attempt)).await;
        reply.unwrap_or_else(|_elapsed| Err(silent()))
    }

    /// Connects again and again, until it is dropped.
    pub(super) async fn run(&self, shared: &Shared) -> Infallible {
        let mut pause = PAUSE;
        loop {
            let ended = self.session(shared, &mut pause).await;
            let was_held = self.lease.end();
            self.set_live(None);
            shared.lost(&ended, was_held);
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// One connection, until it is lost or cannot be relied on.
    async fn session(&self, shared: &Shared, pause: &mut Duration) -> Error {
        match self.begin_session(shared, pause).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn begin_session(&self, shared: &Shared, pause: &mut Duration) -> Result<Infallible, Error> {
        let performance = PerformanceConfig {
            broadcast_channel_capacity: WAITING,
            ..PerformanceConfig::default()
        };
        let client = Client::new(
            self.config.clone(),
            Some(performance),
            Some(self.connection.clone()),
            None,
        );
        let mut heard = client.invalidation_rx();
        let mut pool = shared.pool.subscribe();
        // Before anything is waited for: whoever gives up must not leave the connection behind.
        let mut connection = Ended(client.connect());
        in_time(client.wait_for_connect()).await?;
        let begin = async {
            let prefix = shared.keys.prefix().to_owned();
            client.start_tracking(prefix, true, false, false, false).await?;
            let slots = match shared.is_cluster {
                true => Some(slots_of(&client).await?),
                false => None,
            };
            let marker = Marker::on(&client, &shared.keys, slots.as_ref()).await?;
            let first = Beat::of(&client, &marker, slots.is_some()).await?;
            Ok((slots, marker, first))
        };
        let (slots, marker, first) = in_time(begin).await?;
        first.check(&marker, &shared.keys)?;
        let mut prolonged = Instant::now();
        self.set_live(Some(Live {
            connection: Arc::clone(Connections::from(&client).next()),
            slots: slots.clone(),
        }));
        loop {
            let sent = now();
            let beat = in_time(Beat::of(&client, &marker, slots.is_some()));
            tokio::pin!(beat);
            let beat = loop {
                select! {
                    beat = &mut beat => break beat?,
                    change = heard.recv() => shared.apply(&change?),
                }
            };
            // What the server said before its reply, fred has put here before the reply.
            for _message in 0..heard.len() {
                match heard.try_recv() {
                    Ok(change) => shared.apply(&change),
                    Err(TryRecvError::Empty) => break,
                    Err(problem) => return Err(unreliable(problem.to_string())),
                }
            }
            beat.check(&marker, &shared.keys)?;
            if !beat.is_of_the_same_connection_as(&first) {
                return Err(unreliable(
                    "the connection is another one, or the server has other slots",
                ));
            }
            self.lease.renew(sent, shared.lease);
            shared.found();
            *pause = PAUSE;
            if prolonged.elapsed() >= PROLONGED {
                in_time(marker.prolong(&client)).await?;
                prolonged = Instant::now();
            }
            let next = sleep(LONGEST_BEAT.min(shared.lease / BEATS));
            tokio::pin!(next);
            loop {
                select! {
                    () = &mut next => break,
                    change = heard.recv() => shared.apply(&change?),
                    _ended = &mut connection.0 => return Err(unreliable("the connection was lost")),
                    // It may be to another server now, which knows of changes that this one does not.
                    _changed = pool.changed() => return Err(unreliable("another connection was made anew")),
                }
            }
        }
    }
}

/// Ends the task of a client with its session.
struct Ended(ConnectHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let answer = timeout(PATIENCE, asked).await;
    answer.unwrap_or_else(|_elapsed| Err(silent()))
}

fn unreliable(problem: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unknown, problem)
}

fn silent() -> Error {
    Error::new(ErrorKind::Timeout, "no answer")
}
