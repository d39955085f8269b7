use std::sync::{Arc, PoisonError};

use auth_core::{Profile, RevocableStrategy, StoreError, User, UserId};

use super::UserManager;
use crate::{Event, HookError};

/// Why a user was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteUserError {
    /// The user is gone already.
    #[error("the user does not exist")]
    NotFound,
    /// The event handler failed: before the deletion, which then was not made, or after it.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// A store did not answer: that of the users, or one that holds credentials. The user may still be there.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Deletes `user` and every credential of the user, in each store. An error of the event handler at
    /// [`Event::Deleting`] stops it.
    ///
    /// The credentials go first. If one of their stores does not answer, the user stays and can be deleted by the next
    /// call, although some credentials may be gone by then. To shut a user out while a store is down, deactivate them.
    /// A credential that is issued during the deletion is rejected, since its user is gone.
    ///
    /// # Errors
    /// [`DeleteUserError`].
    pub async fn delete(&self, user: &User<Id, P>) -> Result<(), DeleteUserError> {
        let deleted = self.remove(user).await;
        match &deleted {
            Ok(()) => tracing::info!(target: "portcullis::users", user = ?user.id, "deleted"),
            Err(error) => {
                let why = match error {
                    DeleteUserError::NotFound => "not_found",
                    DeleteUserError::Hook(_) => "event_handler",
                    DeleteUserError::Unavailable(_) => "unavailable",
                };
                tracing::info!(target: "portcullis::users", user = ?user.id, why, "deletion refused");
            }
        }
        deleted?;
        self.emit(Event::Deleted { user }).await?;
        Ok(())
    }

    async fn remove(&self, user: &User<Id, P>) -> Result<(), DeleteUserError> {
        self.emit(Event::Deleting { user }).await?;
        self.revoke_all(&user.id).await?;
        if !self.store.delete(&user.id).await? {
            return Err(DeleteUserError::NotFound);
        }
        // Those that were issued in between. They are rejected already, as their user is gone.
        self.discard_credentials(&user.id).await;
        Ok(())
    }

    /// Lets `strategy` lose a user's credentials when the user is deleted, and when all of them are ended.
    ///
    /// The HTTP layer does this for each of its backends. A program that deletes users without it, or a strategy that is
    /// in no backend, needs this call: credentials of a deleted user are rejected either way, but their rows would stay
    /// until they expire or are presented.
    pub fn revoke_through(&self, strategy: Arc<dyn RevocableStrategy<Id>>) {
        let mut strategies = self.revocable.write().unwrap_or_else(PoisonError::into_inner);
        strategies.push(strategy);
    }

    /// Revokes every credential of the user.
    ///
    /// # Errors
    /// [`StoreError`] if a store does not answer.
    async fn revoke_all(&self, id: &Id) -> Result<(), StoreError> {
        let strategies = self
            .revocable
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for strategy in strategies {
            strategy.revoke_all(id).await?;
        }
        Ok(())
    }

    /// Removes what is left of credentials that have ended already. If that fails, they are rejected all the same, and
    /// their rows go when they expire or are presented.
    pub(super) async fn discard_credentials(&self, id: &Id) {
        if let Err(error) = self.revoke_all(id).await {
            let problem = error.to_string();
            tracing::warn!(
                target: "portcullis::users", user = ?id, store = error.store(), ?problem,
                "rows of ended credentials were not removed"
            );
        }
    }
}
