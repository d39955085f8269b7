use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use auth_core::UserId;
use uuid::Uuid;

use crate::{AuditEvent, Observer};

/// An [`Observer`] for tests, which keeps the events.
///
/// Events are told in the background. Wait for [`Audit::drained`](crate::Audit::drained) before you look.
#[derive(Debug)]
pub struct Journal<Id = Uuid>(Mutex<Vec<AuditEvent<Id>>>);

// Derived, it would ask the same of the id.
impl<Id> Default for Journal<Id> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Id: Clone> Journal<Id> {
    /// A journal without events.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events so far, the oldest first. They stay.
    #[must_use]
    pub fn events(&self) -> Vec<AuditEvent<Id>> {
        self.lock().clone()
    }

    /// Removes the events so far and returns them, the oldest first.
    pub fn take(&self) -> Vec<AuditEvent<Id>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AuditEvent<Id>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<Id: UserId> Observer<Id> for Journal<Id> {
    async fn observe(&self, event: &AuditEvent<Id>) {
        self.lock().push(event.clone());
    }
}
