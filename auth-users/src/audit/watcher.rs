//! An observer, and the events that wait for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use auth_core::{UserId, metrics::EVENTS_DROPPED};
use time::OffsetDateTime;
use tokio::{sync::Notify, task::yield_now, time::timeout};

use super::Observer;
use crate::{
    AuditEvent, EventKind,
    caught::{Panicked, caught},
    desk::{Desk, staff},
};

const LOG: &str = "portcullis::audit";

/// The number of events that wait at most.
pub(super) const CAPACITY: usize = 1024;

/// The number from which no refusal is put in any more. Anybody can cause refusals, and cheaply; the rest is left to what has happened.
pub(super) const FOR_REFUSALS: usize = CAPACITY / 4 * 3;

/// How long an observer may take for an event.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// How often it is logged at most that events are dropped, and that the observer fails.
const PAUSE: time::Duration = time::Duration::MINUTE;

pub(super) struct Watcher<Id> {
    observer: Arc<dyn Observer<Id>>,
    queue: Mutex<Queue<Id>>,
    /// Tells [`has_told`](Self::has_told) that an event, or the task, is gone.
    gone: Notify,
}

struct Queue<Id> {
    waiting: VecDeque<Arc<AuditEvent<Id>>>,
    /// The event that the observer is being told. It is told again if the task is cut off.
    in_hand: Option<Arc<AuditEvent<Id>>>,
    /// The number of events that the observer was told.
    told: u64,
    has_worker: bool,
    drops: Mishaps,
    failures: Mishaps,
}

/// How often something went wrong.
#[derive(Default)]
struct Mishaps {
    number: u64,
    /// When it was last logged, and how many there were.
    logged: Option<(OffsetDateTime, u64)>,
}

impl Mishaps {
    /// Counts one. Returns the number since the last line of the log if another one is due.
    fn count(&mut self, now: OffsetDateTime) -> Option<u64> {
        self.number += 1;
        let (at, before) = self.logged.unwrap_or((OffsetDateTime::UNIX_EPOCH, 0));
        // The clock may have stepped back.
        let is_due = self.logged.is_none() || (now - at).abs() >= PAUSE;
        is_due.then(|| {
            self.logged = Some((now, self.number));
            self.number - before
        })
    }
}

impl<Id> Queue<Id> {
    fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            in_hand: None,
            told: 0,
            has_worker: false,
            drops: Mishaps::default(),
            failures: Mishaps::default(),
        }
    }

    fn waiting(&self) -> usize {
        self.waiting.len() + usize::from(self.in_hand.is_some())
    }

    /// The observer was told the event in hand.
    fn put_down(&mut self) {
        self.in_hand = None;
        self.told += 1;
    }
}

impl<Id: UserId> Watcher<Id> {
    pub(super) fn new(observer: Arc<dyn Observer<Id>>) -> Self {
        EVENTS_DROPPED.begin([]);
        Self {
            observer,
            queue: Mutex::new(Queue::new()),
            gone: Notify::new(),
        }
    }

    /// Puts in `event`, or drops it if there is no room. It never waits.
    pub(super) fn push(self: &Arc<Self>, event: &Arc<AuditEvent<Id>>) {
        let dropped = {
            let mut queue = self.lock();
            if queue.waiting.len() < room_for(&event.kind) {
                queue.waiting.push_back(Arc::clone(event));
                None
            } else {
                EVENTS_DROPPED.count([]);
                queue.drops.count(event.at)
            }
        };
        if let Some(number) = dropped {
            tracing::error!(target: LOG, number, "an observer is too slow: events were dropped");
        }
        staff(self);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().drops.number
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// The number of events so far, told or not.
    pub(super) fn so_far(&self) -> u64 {
        let queue = self.lock();
        queue.told + queue.waiting() as u64
    }

    /// Waits until the observer was told the first `number` of events.
    pub(super) async fn has_told(self: &Arc<Self>, number: u64) {
        loop {
            let mut gone = std::pin::pin!(self.gone.notified());
            gone.as_mut().enable();
            staff(self);
            if self.lock().told >= number {
                return;
            }
            gone.await;
        }
    }

    /// Ignores poisoning: a panic elsewhere leaves the queue intact.
    fn lock(&self) -> MutexGuard<'_, Queue<Id>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event. If there is none, no task is left.
    fn next(&self) -> Option<Arc<AuditEvent<Id>>> {
        let mut queue = self.lock();
        let next = queue.waiting.pop_front();
        queue.has_worker = next.is_some();
        queue.in_hand.clone_from(&next);
        next
    }

    async fn tell(&self, event: &AuditEvent<Id>) {
        let told = caught(timeout(DEADLINE, async { self.observer.observe(event).await })).await;
        let problem = match told {
            Ok(Ok(())) => return,
            Ok(Err(_elapsed)) => "it took too long",
            Err(Panicked) => "it panicked",
        };
        let failed = self.lock().failures.count(event.at);
        if let Some(number) = failed {
            tracing::error!(target: LOG, event = event.kind.name(), problem, number, "an observer failed");
        }
    }
}

impl<Id: UserId> Desk for Watcher<Id> {
    fn hire(&self) -> bool {
        let mut queue = self.lock();
        let hired = !queue.has_worker && !queue.waiting.is_empty();
        queue.has_worker |= hired;
        hired
    }

    fn dismiss(&self) {
        let mut queue = self.lock();
        queue.has_worker = false;
        if let Some(event) = queue.in_hand.take() {
            queue.waiting.push_front(event);
        }
        drop(queue);
        self.gone.notify_waiters();
    }

    async fn work(self: Arc<Self>) {
        while let Some(event) = self.next() {
            self.tell(&event).await;
            self.lock().put_down();
            self.gone.notify_waiters();
            // An observer that never waits must not keep the thread for all that is in its queue.
            yield_now().await;
        }
    }
}

/// How many events may wait before one of this `kind`.
fn room_for(kind: &EventKind) -> usize {
    match kind {
        // It has a reason, and is no refusal.
        EventKind::MailGivenUp { .. } => CAPACITY,
        EventKind::Forbidden { .. } => FOR_REFUSALS,
        refusal if refusal.why().is_some() => FOR_REFUSALS,
        _ => CAPACITY,
    }
}

/// The seconds at which a line of the log is due, and its number, if something goes wrong at each of `seconds`.
#[cfg(test)]
pub(super) fn logged_at(seconds: &[i64]) -> Vec<(i64, u64)> {
    let mut mishaps = Mishaps::default();
    let at = |second: i64| OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second);
    let lines = seconds
        .iter()
        .filter_map(|&second| Some((second, mishaps.count(at(second))?)));
    lines.collect()
}
