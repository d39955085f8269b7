//! Tells how a call ended.

use std::{borrow::Borrow, future::Future};

use auth_core::{Profile, User, UserId};

use super::UserManager;
use crate::{AuditEvent, EventKind, VetoError};

/// An error with a stable name for the log.
pub(super) trait Reason {
    fn why(&self) -> &'static str;

    /// The message of a veto.
    fn note(&self) -> Option<String> {
        None
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Waits for `work` on the user of `id`. If that is dropped before its end, it is told as `refused`.
    pub(super) async fn attended<T>(
        &self,
        id: Option<&Id>,
        refused: impl FnOnce(&'static str) -> EventKind,
        work: impl Future<Output = T>,
    ) -> T {
        let (abandoned, origin) = (refused("abandoned"), self.origin());
        self.audit.attended(abandoned, id, &origin, work).await
    }

    /// Tells the `outcome`: `done` or `refused`. `id` is that of the user, if it is known.
    pub(super) fn conclude<U: Borrow<User<Id, P>>, E: Reason>(
        &self,
        id: Option<&Id>,
        outcome: Result<U, E>,
        done: impl FnOnce() -> EventKind,
        refused: impl FnOnce(&'static str) -> EventKind,
    ) -> Result<U, E> {
        match &outcome {
            Ok(user) => self.record(done(), Some(&user.borrow().id)),
            Err(error) => {
                let kind = refused(error.why());
                let event = AuditEvent::new(kind, self.clock.now()).of(id, &self.origin());
                self.audit.tell(AuditEvent {
                    note: error.note(),
                    ..event
                });
            }
        }
        outcome
    }
}

/// The name of a veto's decision.
pub(super) fn why_vetoed(error: &VetoError) -> &'static str {
    match error {
        VetoError::Refused(_) => "vetoed",
        VetoError::Unavailable(_) => "unavailable",
    }
}

/// The message of a veto.
pub(super) fn note_of(error: &VetoError) -> Option<String> {
    match error {
        VetoError::Refused(message) => Some(message.clone()),
        VetoError::Unavailable(_) => None,
    }
}
