use std::num::NonZeroU32;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{StoreError, User, UserStore};

/// A user store that can be gone through, for upkeep such as [`outdated_emails`](crate::outdated_emails). No request
/// needs it.
#[async_trait]
pub trait ListUsers<Id = Uuid, P = ()>: UserStore<Id, P> {
    /// The users after the one of the id `after`, or the first ones: at most `limit`, in an order by id that is the store's
    /// own and never changes. Fewer than `limit` are the last ones.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn list(&self, after: Option<&Id>, limit: NonZeroU32) -> Result<Vec<User<Id, P>>, StoreError>;
}
