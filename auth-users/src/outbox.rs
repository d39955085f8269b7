//! Mails that are sent after the answer.
//!
//! The queue is not a channel. A channel gives the mail that came first. Here the next one is the first that is due and whose
//! address has none in flight. A new mail must also see the others: it keeps to its share, and may take the place of one in a
//! pause. A channel would also end with the runtime of its receiver, and so would its mails.

mod flight;
mod letter;
mod queue;
#[cfg(test)]
mod tests;
mod worker;

use std::{
    fmt,
    hash::RandomState,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use auth_core::{Clock, ConfigError, NormalizedEmail, metrics::MAILS_GIVEN_UP};
use tokio::{sync::Notify, time::Instant};

use crate::{
    MailBudget, MailKind, Mailer,
    desk::staff,
    mail_budget::{Addressee, Ledger},
};

pub(crate) use letter::Letter;
pub use queue::DroppedMails;
pub(crate) use queue::NotMailed;
use queue::Queue;

const LONGEST_RETRY: Duration = Duration::from_secs(86_400);

/// A bounded queue of mails, and the worker that sends several of them at once.
///
/// A request never waits for it. A mail is put in at once, or dropped and counted in [`DroppedMails`].
///
/// **The mails are in memory.** They end with the process.
///
/// **It is fair.** At most 8 mails of one account, and 8 for one address, wait or are in flight, so neither fills the
/// queue. One address has one mail in flight, so a mailbox whose server hangs takes one place. For one address, first
/// attempts are made in the order in which the mails were asked for.
///
/// **It is patient.** A mail that could not be sent is tried again after a pause that grows. Meanwhile others are sent.
/// If the outbox is full, a mail in such a pause makes room for a new one. A mail is given up after the last attempt,
/// and when its token has expired.
///
/// The worker runs on the Tokio runtime of the call that put a mail into an empty outbox. If that runtime is shut down,
/// another takes over at the next mail or call of [`drained`](Self::drained). A mail that was in flight is then tried again,
/// and may arrive twice.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

/// The settings of an [`Outbox`].
pub(crate) struct OutboxSettings {
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budget: MailBudget,
    pub(crate) capacity: usize,
    pub(crate) in_flight: usize,
    pub(crate) retries: Vec<Duration>,
}

struct Shared {
    settings: OutboxSettings,
    hasher: RandomState,
    queue: Mutex<Queue>,
    /// Wakes the worker when there may be work.
    changed: Notify,
    /// Tells [`Outbox::drained`] that a mail, or the worker, is gone.
    gone: Notify,
}

impl Outbox {
    pub(crate) fn new(settings: OutboxSettings) -> Result<Self, ConfigError> {
        for (setting, value) in [
            ("outbox_capacity", settings.capacity),
            ("mails_in_flight", settings.in_flight),
        ] {
            if value == 0 {
                return Err(ConfigError::new(setting, "is 0; at least 1 is needed"));
            }
        }
        if settings.retries.iter().any(|pause| *pause > LONGEST_RETRY) {
            return Err(ConfigError::new("mail_retries", "has a pause of more than a day"));
        }
        for mail in MailKind::ALL {
            for why in ["failed", "expired", "no_mailer", "outbox_full"] {
                MAILS_GIVEN_UP.begin([mail.name().into(), why.into()]);
            }
        }
        let queue = Queue::new(settings.capacity, Ledger::new(settings.budget));
        Ok(Self(Arc::new(Shared {
            settings,
            hasher: RandomState::new(),
            queue: Mutex::new(queue),
            changed: Notify::new(),
            gone: Notify::new(),
        })))
    }

    /// The number of dropped mails since the start, by reason.
    #[must_use]
    pub fn dropped(&self) -> DroppedMails {
        self.0.lock().dropped()
    }

    /// How many mails wait for their first attempt or another one. Those in flight are not counted.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting()
    }

    /// The number of mails that are being sent now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.lock().in_flight()
    }

    /// Ends all pauses: every mail that waits is tried as soon as there is a place in flight.
    ///
    /// Call it for an orderly shutdown, or when the mail server is back.
    pub fn retry_now(&self) {
        self.0.lock().end_pauses(Instant::now());
        self.0.wake();
    }

    /// Waits until everything that was put into the outbox is sent or dropped.
    ///
    /// **While the mail server is down, this takes as long as the retries**, 40 to 50 minutes by default. For an
    /// orderly shutdown, end the pauses and limit the wait:
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{SigningSecret, testing::memory::MemoryUserStore, users::UserManager};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = SigningSecret::generate()?;
    /// # let users: UserManager = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret).build()?;
    /// let outbox = users.outbox();
    /// outbox.retry_now();
    /// if tokio::time::timeout(Duration::from_secs(10), outbox.drained()).await.is_err() {
    ///     eprintln!("{} mails were not sent", outbox.waiting() + outbox.in_flight());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn drained(&self) {
        loop {
            let mut gone = std::pin::pin!(self.0.gone.notified());
            gone.as_mut().enable();
            self.0.wake();
            if self.0.lock().is_empty() {
                return;
            }
            gone.await;
        }
    }

    /// Puts in `letter` if budget, shares and capacity allow it. Without a letter it does the same work.
    pub(crate) fn push(
        &self,
        kind: MailKind,
        account: &str,
        address: &NormalizedEmail,
        letter: Result<Letter, NotMailed>,
    ) -> Result<(), NotMailed> {
        let to = Addressee::new(&self.0.hasher, account, address);
        let now = self.0.settings.clock.now();
        let pushed = self.0.lock().push(kind, to, letter, now);
        self.0.wake();
        if let Some(letter) = pushed? {
            (letter.given_up)("outbox_full", None);
        }
        Ok(())
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.0.settings;
        f.debug_struct("Outbox")
            .field("budget", &settings.budget)
            .field("capacity", &settings.capacity)
            .field("mails_in_flight", &settings.in_flight)
            .field("retries", &settings.retries)
            .field("waiting", &self.waiting())
            .field("in_flight", &self.in_flight())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Ignores poisoning: a panic elsewhere leaves the queue intact.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the worker to look. If there is work and no worker yet, it starts one, provided that there is a runtime.
    fn wake(self: &Arc<Self>) {
        self.changed.notify_one();
        staff(self);
    }
}
