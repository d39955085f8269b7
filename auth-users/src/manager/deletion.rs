use auth_core::{Profile, StoreError, User, UserId};

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
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Deletes `user`. An error of the event handler at [`Event::Deleting`] stops it.
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
        if self.store.delete(&user.id).await? {
            Ok(())
        } else {
            Err(DeleteUserError::NotFound)
        }
    }
}
