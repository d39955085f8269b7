use std::num::NonZeroU32;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{StoreError, User, UserStore};

/// A user store that can list its users, for maintenance such as [`outdated_emails`](crate::outdated_emails). No
/// request needs it.
#[async_trait]
pub trait ListUsers<Id = Uuid, P = ()>: UserStore<Id, P> {
    /// At most `limit` users after the id `after`, or from the beginning. Fewer than `limit` means that these are the last.
    ///
    /// They are ordered by id. Each store has its own order, which never changes.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn list(&self, after: Option<&Id>, limit: NonZeroU32) -> Result<Vec<User<Id, P>>, StoreError>;
}
