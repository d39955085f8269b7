//! Tells the log and the event handler how a call ended.

use std::borrow::Borrow;

use auth_core::{Profile, User, UserId};
use tracing::field::debug;

use super::UserManager;
use crate::{Event, EventHandlerError, LOG, event::emit};

/// An error with a stable name for the log.
pub(super) trait Reason: From<EventHandlerError> {
    fn why(&self) -> &'static str;
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Writes the line of the log about `outcome`. After a success it also tells the event handler.
    ///
    /// `action` names what was tried, and `id` the user, if that is known.
    pub(super) async fn conclude<U: Borrow<User<Id, P>>, E: Reason>(
        &self,
        action: &'static str,
        id: Option<&Id>,
        outcome: Result<U, E>,
        event: impl for<'a> FnOnce(&'a User<Id, P>) -> Event<'a, Id, P>,
    ) -> Result<U, E> {
        let done = match outcome {
            Ok(done) => done,
            Err(error) => {
                let (user, why) = (id.map(debug), error.why());
                tracing::info!(target: LOG, user, why, "{action} refused");
                return Err(error);
            }
        };
        let event = event(done.borrow());
        let (user, what) = (&event.user().id, event.name().replace('_', " "));
        let changed = match event {
            Event::Updated { changed, .. } => Some(changed),
            _ => None,
        };
        tracing::info!(target: LOG, ?user, changed = changed.map(debug), "{what}");
        if changed.is_none_or(|changed| changed.any()) {
            self.emit(event).await?;
        }
        Ok(done)
    }

    pub(super) async fn emit(&self, event: Event<'_, Id, P>) -> Result<(), EventHandlerError> {
        emit(self.events.as_deref(), event, self).await
    }
}
