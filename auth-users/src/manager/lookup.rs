use auth_core::{NormalizedEmail, Profile, StoreError, User, UserId};

use super::UserManager;
use crate::caught::{Panicked, caught};

/// A longer text is never a name.
const MAX_TYPED_BYTES: usize = 1024;

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// The user whose e-mail is `typed`, in any case. `None` if `typed` is not an e-mail.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    pub async fn find_by_email(&self, typed: &str) -> Result<Option<User<Id, P>>, StoreError> {
        match NormalizedEmail::from_typed(typed) {
            Some(email) => self.store.find_by_email(&email).await,
            None => Ok(None),
        }
    }

    /// The user who is meant by `typed` at a log-in.
    pub(super) async fn find_typed(&self, typed: &str) -> Result<Option<User<Id, P>>, StoreError> {
        let Some(lookup) = &self.lookup else {
            return self.find_by_email(typed).await;
        };
        if typed.len() > MAX_TYPED_BYTES || typed.contains('\0') {
            return Ok(None);
        }
        caught(async { lookup.find(typed, self).await })
            .await
            .unwrap_or_else(|Panicked| Err(StoreError::internal("user lookup", "it panicked")))
    }
}
