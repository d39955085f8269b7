//! Whom somebody means who logs in.

use async_trait::async_trait;
use auth_core::{StoreError, User};
use uuid::Uuid;

use crate::UserManager;

/// Turns what was typed at a log-in into a user: for log-in by user name or number instead of, or beside, the e-mail.
///
/// ```
/// use auth_core::{StoreError, User, async_trait};
/// use auth_users::{UserLookup, UserManager};
/// use uuid::Uuid;
/// # struct Cards;
/// # impl Cards { async fn holder(&self, _: &str) -> Result<Option<Uuid>, StoreError> { Ok(None) } }
///
/// struct ByCardNumber {
///     cards: Cards, // Your own table.
/// }
///
/// #[async_trait]
/// impl UserLookup for ByCardNumber {
///     async fn find(&self, typed: &str, users: &UserManager) -> Result<Option<User>, StoreError> {
///         if typed.contains('@') {
///             return users.find_by_email(typed).await;
///         }
///         // Read even if there is no such card, so that it takes as long.
///         let holder = self.cards.holder(typed).await?;
///         let found = users.find(&holder.unwrap_or_default()).await?;
///         Ok(found.filter(|_| holder.is_some()))
///     }
/// }
/// ```
///
/// # Security
/// The manager takes as long for nobody as for somebody: it hashes the password in either case. So must the lookup: let it
/// make the same calls whether or not there is such a user. It returns the user as stored now, and exactly one user for what
/// was typed: who may choose the name of another user could otherwise lock them out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` looks up no users with ids `{Id}` and profiles `{P}`",
    label = "no lookup of such users",
    note = "a lookup is made for one type of ids and one of profiles: `impl UserLookup<Uuid, Member> for …`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait UserLookup<Id = Uuid, P = ()>: Send + Sync {
    /// The user of `users` who is meant by `typed`, which is anything of at most 1024 bytes without a NUL.
    ///
    /// # Errors
    /// [`StoreError`] if a store does not answer. A panic is answered like one.
    #[rustfmt::skip]
    async fn find(&self, typed: &str, users: &UserManager<Id, P>) -> Result<Option<User<Id, P>>, StoreError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}
