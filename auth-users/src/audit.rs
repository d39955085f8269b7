//! The one place where outcomes are told.

mod count;
mod line;
mod watcher;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use auth_core::{Clock, UserId};
use uuid::Uuid;

use crate::{AuditEvent, EventKind, Origin};
use watcher::Watcher;

/// Learns what happens to users and their credentials, after it has happened.
///
/// An observer can neither fail a request nor hold it up. Each has a queue of its own with 1,024 places, and a task of its own that
/// tells it one event after the other, in their order. So a slow one holds up no other. If its queue is full, the newest event is
/// dropped, counted in [`Audit::dropped`], and logged at most once a minute. For refusals, which anybody can cause, it is full at
/// 768, so that they cannot push out a theft. A panic is caught and logged. An event that takes longer than 30 seconds is given up.
///
/// **Queues are in memory.** What is in them ends with the process: see [`Audit::drained`]. If the runtime of the task ends, as with
/// a worker of actix-web, the next event on another runtime goes on, and the event in hand may be told twice.
///
/// An event has ids, and no user. Look the user up in [`UserManager::store`](crate::UserManager::store) if you need more. An observer
/// that is to change users holds a [`Weak`](std::sync::Weak) of an `Arc` of the [`UserManager`](crate::UserManager), as the manager
/// holds the observer: with a clone of it, neither would ever be freed. What it does is an event, too: an observer that updates a user
/// at each update never ends.
///
/// Like other code of a task, it must not block its thread, which also serves requests.
///
/// ```
/// use std::sync::Arc;
///
/// use portcullis::{async_trait, store::UserStore, users::{AuditEvent, EventKind, Observer, UserManager}};
///
/// struct Thieves {
///     users: Arc<dyn UserStore>,
/// }
///
/// #[async_trait]
/// impl Observer for Thieves {
///     async fn observe(&self, event: &AuditEvent) {
///         if let (EventKind::RefreshTokenReused, Some(id)) = (&event.kind, &event.user)
///             && let Ok(Some(user)) = self.users.find(id).await
///         {
///             warn(user.email.as_str());
///         }
///     }
/// }
/// # fn warn(_: &str) {}
///
/// fn watch(users: &UserManager) {
///     users.audit().observe(Arc::new(Thieves { users: Arc::clone(users.store()) }));
/// }
/// # let _ = watch;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` observes no events of users with ids `{Id}`",
    label = "no observer of such events",
    note = "an observer is made for one type of ids: `impl Observer<i64> for …`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait Observer<Id = Uuid>: Send + Sync + 'static {
    /// Learns of `event`.
    async fn observe(&self, event: &AuditEvent<Id>); // Needs `#[portcullis::async_trait]` above the `impl`.
}

/// Tells each [`AuditEvent`] to the log, the metrics and the observers. It is cheap to clone, and a clone is the same.
///
/// In the log an event is a line of the target `portcullis::audit` with the fields `event`, `user`, `actor`, `backend`, `client` and
/// `why`, as far as they are known.
pub struct Audit<Id = Uuid>(Arc<Shared<Id>>);

struct Shared<Id> {
    clock: Arc<dyn Clock>,
    watchers: RwLock<Vec<Arc<Watcher<Id>>>>,
}

impl<Id> Clone for Audit<Id> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Id: UserId> Audit<Id> {
    /// An audit without observers, which takes the time from `clock`. A [`UserManager`](crate::UserManager) has one of its own:
    /// [`UserManager::audit`](crate::UserManager::audit).
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            clock,
            watchers: RwLock::default(),
        }))
    }

    /// Tells `observer` of every event from now on. There can be any number of observers.
    pub fn observe(&self, observer: Arc<dyn Observer<Id>>) {
        let mut watchers = self.0.watchers.write().unwrap_or_else(PoisonError::into_inner);
        watchers.push(Arc::new(Watcher::new(observer)));
    }

    /// Tells that `kind` happened to `user`, now. `origin` is who asked for it.
    pub fn record(&self, kind: EventKind, user: Option<&Id>, origin: &Origin<Id>) {
        self.tell(AuditEvent::new(kind, self.0.clock.now()).of(user, origin));
    }

    /// The same of a whole event, for one that has a [`note`](field@AuditEvent::note) or happened before.
    pub fn tell(&self, event: AuditEvent<Id>) {
        count::count(&event);
        line::write(&event);
        let watchers = self.0.watchers.read().unwrap_or_else(PoisonError::into_inner);
        if watchers.is_empty() {
            return;
        }
        let event = Arc::new(event);
        for watcher in &*watchers {
            watcher.push(&event);
        }
    }

    /// The number of events that were dropped since the start because the queue of an observer was full. An event that two observers
    /// miss counts twice.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.watchers().iter().map(|watcher| watcher.dropped()).sum()
    }

    /// The number of events that are in queues or in the hands of observers.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.watchers().iter().map(|watcher| watcher.waiting()).sum()
    }

    /// Waits until the observers have learnt of every event so far. What happens meanwhile, as by an observer, is later.
    ///
    /// For an orderly shutdown, call it when the server has stopped, and limit the wait: an observer that hangs has 30 seconds for
    /// each event.
    ///
    /// ```
    /// # use portcullis::users::UserManager;
    /// # async fn stop(users: UserManager) {
    /// let wait = std::time::Duration::from_secs(10);
    /// if tokio::time::timeout(wait, users.audit().drained()).await.is_err() {
    ///     eprintln!("{} events were not told", users.audit().waiting());
    /// }
    /// # }
    /// # let _ = stop;
    /// ```
    pub async fn drained(&self) {
        let watchers = self.watchers();
        let so_far: Vec<_> = watchers.iter().map(|watcher| watcher.so_far()).collect();
        for (watcher, number) in watchers.iter().zip(so_far) {
            watcher.has_told(number).await;
        }
    }

    fn watchers(&self) -> Vec<Arc<Watcher<Id>>> {
        let watchers = self.0.watchers.read().unwrap_or_else(PoisonError::into_inner);
        watchers.clone()
    }
}

impl<Id> fmt::Debug for Audit<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watchers = self.0.watchers.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Audit")
            .field("observers", &watchers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
