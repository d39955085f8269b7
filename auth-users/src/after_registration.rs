//! What the answer to a registration waits for.

use std::{error::Error, fmt};

use async_trait::async_trait;
use auth_core::User;
use uuid::Uuid;

use crate::UserManager;

/// The application's own part of a registration: what has to be there when the client gets its answer, such as a workspace.
///
/// An [`Observer`](crate::Observer) hears of a registration after the answer. This is called before it, and only this: the
/// `on_after_register` of FastAPI Users. The user is in the store already, and a mail to verify the e-mail in the outbox. **An error, a
/// panic, or more than 30 seconds is a 500, and undoes nothing**: the user exists, and
/// [`EventKind::Registered`](crate::EventKind::Registered) was told. If the client leaves, it is cut off at an await.
///
/// ```
/// use portcullis::{User, async_trait, users::{AfterRegistration, AfterRegistrationError, UserManager}};
///
/// struct Workspaces;
///
/// #[async_trait]
/// impl AfterRegistration for Workspaces {
///     async fn registered(&self, user: &User, _users: &UserManager) -> Result<(), AfterRegistrationError> {
///         open_workspace(&user.id.to_string()).map_err(AfterRegistrationError::new)
///     }
/// }
/// # fn open_workspace(_: &str) -> std::io::Result<()> { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot follow the registration of users with ids `{Id}` and profiles `{P}`",
    label = "not for such users",
    note = "it is made for one type of ids and one of profiles: `impl AfterRegistration<Uuid, Member> for …`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait AfterRegistration<Id = Uuid, P = ()>: Send + Sync {
    /// `user` was registered with `users`.
    ///
    /// # Errors
    /// [`AfterRegistrationError`] if it failed. The client gets a 500.
    #[rustfmt::skip]
    async fn registered(&self, user: &User<Id, P>, users: &UserManager<Id, P>) -> Result<(), AfterRegistrationError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}

/// An [`AfterRegistration`] failed or panicked. The source is logged and never reaches a client.
#[derive(Debug)]
pub struct AfterRegistrationError(Box<dyn Error + Send + Sync>);

impl AfterRegistrationError {
    /// A failure because of `source`. It is logged, so it must not hold a secret.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for AfterRegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what follows a registration failed: {}", self.0)
    }
}

impl Error for AfterRegistrationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
