//! The user who is meant at a log-in.

use async_trait::async_trait;
use auth_core::{StoreError, User};
use uuid::Uuid;

use crate::UserManager;

/// Turns what was typed at a log-in into a user. With it, users log in by a name or a number, instead of the e-mail or
/// beside it.
///
/// ```
/// use portcullis::{StoreError, User, async_trait, users::{UserLookup, UserManager}};
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
///         // Read the user even if there is no such card, so that both take the same time.
///         let holder = self.cards.holder(typed).await?;
///         let found = users.find(&holder.unwrap_or_default()).await?;
///         Ok(found.filter(|_| holder.is_some()))
///     }
/// }
/// ```
///
/// # Security
/// - Make the same calls whether or not there is such a user, so that the time does not tell. The manager does so, too: it
///   hashes the password in either case.
/// - Return the user as stored now. A cached one may have an old password.
/// - Names must be unique. If a user can take a name that is also another user's e-mail, one of them is locked out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` looks up no users with ids `{Id}` and profiles `{P}`",
    label = "no lookup of such users",
    note = "a lookup is made for one type of ids and one of profiles: `impl UserLookup<Uuid, Member> for …`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait UserLookup<Id = Uuid, P = ()>: Send + Sync {
    /// The user of `users` who is meant by `typed`. That can be any text of at most 1024 bytes without a NUL.
    ///
    /// # Errors
    /// [`StoreError`] if a store does not answer. The log-in then fails with 503, and with 500 after a panic.
    #[rustfmt::skip]
    async fn find(&self, typed: &str, users: &UserManager<Id, P>) -> Result<Option<User<Id, P>>, StoreError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}
