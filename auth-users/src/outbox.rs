//! What is done after the answer: mails, and the events that go with them.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use auth_core::{ConfigError, ExposeSecret as _};
use tokio::{runtime::Handle, sync::Notify};

use crate::{
    Mail, MailError, Mailer,
    event::{Panicked, caught},
};

/// How long one attempt to send a mail may take.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(10);
/// The waits between the attempts: one more attempt than there are waits.
const BACKOFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// A bounded queue of mails and the worker that sends them, one after the other.
///
/// Nothing that is put into it waits. Where it is full, a mail is dropped, counted and logged; the user asks again.
/// The worker runs on the Tokio runtime of whoever put something into an empty outbox.
pub struct Outbox {
    mailer: Option<Arc<dyn Mailer>>,
    queue: Arc<Queue>,
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Queue {
    capacity: usize,
    state: Mutex<State>,
    idle: Notify,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    working: bool,
}

impl Outbox {
    pub(crate) fn new(mailer: Option<Arc<dyn Mailer>>, capacity: usize) -> Result<Self, ConfigError> {
        if capacity == 0 {
            return Err(ConfigError::new("outbox_capacity", "is 0; at least 1 is needed"));
        }
        let queue = Queue {
            capacity,
            state: Mutex::default(),
            idle: Notify::new(),
            dropped: AtomicU64::new(0),
        };
        Ok(Self {
            mailer,
            queue: Arc::new(queue),
        })
    }

    /// How many mails were dropped because the outbox was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// How many mails wait for the worker, the one in its hands not counted.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().jobs.len()
    }

    /// Waits until everything that was put into the outbox is sent or given up: for an orderly shutdown.
    pub async fn drained(&self) {
        loop {
            let mut idle = std::pin::pin!(self.queue.idle.notified());
            idle.as_mut().enable();
            self.queue.wake();
            {
                let state = self.queue.lock();
                if !state.working && state.jobs.is_empty() {
                    return;
                }
            }
            idle.await;
        }
    }

    /// Puts in `first`, and after it the mail that `write` makes. Neither runs before the worker gets to it.
    pub(crate) fn push(
        &self,
        first: impl Future<Output = ()> + Send + 'static,
        write: impl FnOnce() -> Mail + Send + 'static,
    ) {
        let mailer = self.mailer.clone();
        self.queue.push(Box::pin(async move {
            if tokio::time::timeout(ATTEMPT_DEADLINE, first).await.is_err() {
                tracing::error!(target: "portcullis::users", "an event handler ran past its deadline");
            }
            deliver(mailer.as_deref(), &write()).await;
        }));
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("capacity", &self.queue.capacity)
            .field("waiting", &self.waiting())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// A panic elsewhere leaves the queue whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, job: Job) {
        let mut state = self.lock();
        if state.jobs.len() >= self.capacity {
            drop(state);
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(target: "portcullis::users", dropped, "the outbox is full: a mail was dropped");
            return;
        }
        state.jobs.push_back(job);
        drop(state);
        self.wake();
    }

    /// Starts the worker where there is work, none works yet, and a runtime is at hand.
    fn wake(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut state = self.lock();
        if state.working || state.jobs.is_empty() {
            return;
        }
        state.working = true;
        drop(state);
        runtime.spawn(Worker(Some(Arc::clone(self))).run());
    }
}

/// Holds `State::working`, and gives it back even where its runtime ends under it.
struct Worker(Option<Arc<Queue>>);

impl Worker {
    async fn run(mut self) {
        while let Some(job) = self.next() {
            if let Err(Panicked) = caught(job).await {
                tracing::error!(target: "portcullis::users", "a job of the outbox panicked");
            }
        }
    }

    /// The next job. Without one the worker ends under the same lock, so that no job is left behind.
    fn next(&mut self) -> Option<Job> {
        let queue = self.0.as_ref()?;
        let mut state = queue.lock();
        let job = state.jobs.pop_front();
        if job.is_none() {
            state.working = false;
            drop(state);
            queue.idle.notify_waiters();
            self.0 = None;
        }
        job
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.lock().working = false;
            queue.idle.notify_waiters();
        }
    }
}

async fn deliver(mailer: Option<&dyn Mailer>, mail: &Mail) {
    let (kind, to) = (mail.kind.name(), mail.to.as_str());
    let Some(mailer) = mailer else {
        tracing::warn!(target: "portcullis::users", kind, ?to, "no mailer is configured: a mail was dropped");
        return;
    };
    let mut waits = BACKOFF.into_iter();
    loop {
        let Err(error) = attempt(mailer, mail).await else {
            tracing::debug!(target: "portcullis::users", kind, ?to, "a mail was sent");
            return;
        };
        let problem = error
            .to_string()
            .replace(mail.token.expose_secret(), "[REDACTED]");
        let Some(wait) = waits.next() else {
            tracing::error!(target: "portcullis::users", kind, ?to, ?problem, "a mail was given up");
            return;
        };
        tracing::warn!(target: "portcullis::users", kind, ?to, ?problem, "a mail is tried again");
        tokio::time::sleep(wait).await;
    }
}

async fn attempt(mailer: &dyn Mailer, mail: &Mail) -> Result<(), MailError> {
    match tokio::time::timeout(ATTEMPT_DEADLINE, caught(async { mailer.send(mail).await })).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(Panicked)) => Err(MailError::new("the mailer panicked")),
        Err(_elapsed) => Err(MailError::new(format!("no answer within {ATTEMPT_DEADLINE:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::MailKind;

    /// Notes what it is to send; fails, panics or hangs as often as it is told.
    #[derive(Default)]
    struct Moody {
        attempts: Mutex<Vec<String>>,
        fails: AtomicU64,
        panics: AtomicU64,
        hangs: AtomicU64,
    }

    impl Moody {
        fn attempts(&self) -> Vec<String> {
            self.attempts.lock().expect("lock").clone()
        }
    }

    fn one_less(counter: &AtomicU64) -> bool {
        counter
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }

    #[async_trait]
    impl Mailer for Moody {
        async fn send(&self, mail: &Mail) -> Result<(), MailError> {
            self.attempts.lock().expect("lock").push(mail.to.clone());
            if one_less(&self.hangs) {
                std::future::pending::<()>().await;
            }
            assert!(!one_less(&self.panics), "on purpose");
            if one_less(&self.fails) {
                return Err(MailError::new("no route to host"));
            }
            Ok(())
        }
    }

    fn outbox(mailer: &Arc<Moody>, capacity: usize) -> Outbox {
        Outbox::new(Some(Arc::clone(mailer) as Arc<dyn Mailer>), capacity).expect("capacity")
    }

    fn push(outbox: &Outbox, to: &'static str) {
        outbox.push(async {}, move || Mail::new(MailKind::Verify, to, "token".into()));
    }

    #[test]
    fn an_outbox_without_room_is_refused_and_the_setting_named() {
        let error = Outbox::new(None, 0).expect_err("no room");
        assert_eq!(error.setting(), "outbox_capacity");
    }

    #[tokio::test(start_paused = true)]
    async fn mails_are_sent_in_order() {
        let mailer = Arc::new(Moody::default());
        let outbox = outbox(&mailer, 8);
        outbox.drained().await;
        for to in ["one", "two", "three"] {
            push(&outbox, to);
        }
        outbox.drained().await;
        push(&outbox, "four");
        outbox.drained().await;
        assert_eq!(mailer.attempts(), ["one", "two", "three", "four"]);
        assert_eq!((outbox.waiting(), outbox.dropped()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_outbox_drops_and_counts_and_never_waits() {
        let mailer = Arc::new(Moody::default());
        let outbox = outbox(&mailer, 2);
        for to in ["one", "two", "three", "four", "five"] {
            push(&outbox, to);
        }
        assert_eq!((outbox.waiting(), outbox.dropped()), (2, 3));
        outbox.drained().await;
        assert_eq!(mailer.attempts(), ["one", "two"]);
        push(&outbox, "six");
        outbox.drained().await;
        assert_eq!(mailer.attempts(), ["one", "two", "six"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_mailer_is_tried_three_times_and_then_given_up() {
        let mailer = Arc::new(Moody::default());
        let outbox = outbox(&mailer, 8);
        mailer.fails.store(2, Ordering::SeqCst);
        push(&outbox, "late");
        outbox.drained().await;
        assert_eq!(mailer.attempts(), ["late"; 3]);
        mailer.fails.store(3, Ordering::SeqCst);
        push(&outbox, "never");
        push(&outbox, "next");
        outbox.drained().await;
        assert_eq!(mailer.attempts()[3..], ["never", "never", "never", "next"]);
    }

    #[tokio::test(start_paused = true)]
    async fn e5_a_mailer_that_panics_or_hangs_does_not_end_the_worker() {
        let mailer = Arc::new(Moody::default());
        let outbox = outbox(&mailer, 8);
        mailer.panics.store(3, Ordering::SeqCst);
        push(&outbox, "panics");
        outbox.drained().await;
        assert_eq!(mailer.attempts(), ["panics"; 3]);
        mailer.hangs.store(1, Ordering::SeqCst);
        push(&outbox, "hangs");
        outbox.drained().await;
        assert_eq!(mailer.attempts()[3..], ["hangs", "hangs"]);
        outbox.push(std::future::pending(), || {
            Mail::new(MailKind::Reset, "a handler hangs", "token".into())
        });
        outbox.push(async { panic!("on purpose") }, || {
            Mail::new(MailKind::Reset, "lost", "token".into())
        });
        push(&outbox, "last");
        outbox.drained().await;
        assert_eq!(mailer.attempts()[5..], ["a handler hangs", "last"]);
    }

    #[test]
    fn a_runtime_that_ends_takes_no_more_than_the_mail_in_hand_with_it() {
        let mailer = Arc::new(Moody::default());
        let outbox = outbox(&mailer, 8);
        push(&outbox, "before any runtime");
        mailer.hangs.store(1, Ordering::SeqCst);
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("runtime")
        };
        let first = runtime();
        first.block_on(async {
            push(&outbox, "in hand");
            while mailer.attempts().is_empty() {
                tokio::task::yield_now().await;
            }
        });
        drop(first);
        runtime().block_on(async {
            push(&outbox, "after");
            let drained = tokio::time::timeout(Duration::from_secs(30), outbox.drained());
            drained.await.expect("another worker took over");
        });
        assert_eq!(mailer.attempts(), ["before any runtime", "in hand", "after"]);
    }
}
