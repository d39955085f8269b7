//! Work that nobody may wait for to its end.

use std::future::Future;

use auth_core::UserId;

use crate::{Audit, EventKind, Origin};

impl<Id: UserId> Audit<Id> {
    /// Waits for `work`. If that is dropped before its end, as when the client goes away, it tells that `abandoned` happened to
    /// `user`. `work` tells of its own end, as the last thing that it does.
    pub async fn attended<T>(
        &self,
        abandoned: EventKind,
        user: Option<&Id>,
        origin: &Origin<Id>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut attendant = Attendant {
            audit: self,
            abandoned: Some(abandoned),
            user,
            origin,
        };
        let done = work.await;
        attendant.abandoned = None;
        done
    }
}

struct Attendant<'a, Id: UserId> {
    audit: &'a Audit<Id>,
    /// `None` once the work has ended.
    abandoned: Option<EventKind>,
    user: Option<&'a Id>,
    origin: &'a Origin<Id>,
}

impl<Id: UserId> Drop for Attendant<'_, Id> {
    fn drop(&mut self) {
        if let Some(abandoned) = self.abandoned.take() {
            self.audit.record(abandoned, self.user, self.origin);
        }
    }
}
