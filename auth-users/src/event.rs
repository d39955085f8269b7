//! Events: the application learns what happens to its users.

use std::{error::Error, fmt, future::Future, panic::AssertUnwindSafe};

use async_trait::async_trait;
use auth_core::User;
use futures_util::FutureExt as _;
use uuid::Uuid;

use crate::{LOG, UserManager};

/// An event in the life of a user. It never carries a password or a token.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a, Id = Uuid, P = ()> {
    /// The user was registered.
    #[non_exhaustive]
    Registered {
        /// The new user.
        user: &'a User<Id, P>,
    },
    /// The user was changed.
    #[non_exhaustive]
    Updated {
        /// The user after the change.
        user: &'a User<Id, P>,
        /// The fields that changed.
        changed: ChangedFields,
    },
    /// A mail to verify the e-mail was requested. Delivered after the answer: see [`EventHandler`].
    #[non_exhaustive]
    VerificationRequested {
        /// The user who will get the mail.
        user: &'a User<Id, P>,
    },
    /// A mail to confirm a new e-mail was requested. Delivered after the answer: see [`EventHandler`].
    #[non_exhaustive]
    EmailChangeRequested {
        /// The user, still with the old e-mail.
        user: &'a User<Id, P>,
    },
    /// The e-mail was verified.
    #[non_exhaustive]
    Verified {
        /// The user, now verified.
        user: &'a User<Id, P>,
    },
    /// A mail to reset the password was requested. Delivered after the answer: see [`EventHandler`].
    #[non_exhaustive]
    PasswordResetRequested {
        /// The user who will get the mail.
        user: &'a User<Id, P>,
    },
    /// The password was reset by a mailed token.
    #[non_exhaustive]
    PasswordReset {
        /// The user with the new password.
        user: &'a User<Id, P>,
    },
    /// The user has proved who they are, and a credential was issued. It was not sent yet.
    ///
    /// The log-in can still fail, if a handler returns an error or the old credential cannot be revoked. The new credential
    /// is then revoked and never sent. Expect more of these events than successful log-ins. Over HTTP, the log has one line
    /// for each log-in that succeeds, `a user logged in`.
    #[non_exhaustive]
    LoggedIn {
        /// The user.
        user: &'a User<Id, P>,
        /// The id of somebody else who [acts](crate::Identified::acting) as the user, if it was not the user.
        actor: Option<&'a Id>,
    },
    /// A refresh token was used again after its grace, so two clients have had it: it may have been stolen. The log-in has
    /// ended, with everything that was issued for it.
    ///
    /// An error of the handler is logged, and changes nothing.
    #[non_exhaustive]
    RefreshTokenReused {
        /// The user of the log-in.
        user: &'a User<Id, P>,
    },
    /// The user is about to be deleted. An error stops the deletion.
    #[non_exhaustive]
    Deleting {
        /// The user, who still exists.
        user: &'a User<Id, P>,
    },
    /// The user was deleted.
    #[non_exhaustive]
    Deleted {
        /// The deleted user.
        user: &'a User<Id, P>,
    },
}

// Derived, it would ask the same of the id and the profile.
impl<Id, P> Clone for Event<'_, Id, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Id, P> Copy for Event<'_, Id, P> {}

impl<'a, Id, P> Event<'a, Id, P> {
    /// The user of the event.
    #[must_use]
    pub fn user(&self) -> &'a User<Id, P> {
        match self {
            Self::Registered { user }
            | Self::Updated { user, .. }
            | Self::VerificationRequested { user }
            | Self::EmailChangeRequested { user }
            | Self::Verified { user }
            | Self::PasswordResetRequested { user }
            | Self::PasswordReset { user }
            | Self::LoggedIn { user, .. }
            | Self::RefreshTokenReused { user }
            | Self::Deleting { user }
            | Self::Deleted { user } => user,
        }
    }

    /// A stable name for logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "registered",
            Self::Updated { .. } => "updated",
            Self::VerificationRequested { .. } => "verification_requested",
            Self::EmailChangeRequested { .. } => "email_change_requested",
            Self::Verified { .. } => "verified",
            Self::PasswordResetRequested { .. } => "password_reset_requested",
            Self::PasswordReset { .. } => "password_reset",
            Self::LoggedIn { .. } => "logged_in",
            Self::RefreshTokenReused { .. } => "refresh_token_reused",
            Self::Deleting { .. } => "deleting",
            Self::Deleted { .. } => "deleted",
        }
    }
}

/// The parts of a user that an update changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedFields {
    /// The e-mail, even if only its case.
    pub email: bool,
    /// The password.
    pub password: bool,
    /// At least one field of the profile.
    pub profile: bool,
    /// The user was activated or deactivated.
    pub active: bool,
    /// The user became a superuser, or ceased to be one.
    pub superuser: bool,
    /// The e-mail became verified, or unverified.
    pub verified: bool,
    /// The roles.
    pub roles: bool,
}

impl ChangedFields {
    /// True if anything changed.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// The application's own reaction to what happens to its users.
///
/// When the handler is called, the change is in the store already, except for [`Event::Deleting`]. An error or a panic fails
/// the request but undoes nothing.
///
/// [`Event::VerificationRequested`], [`Event::EmailChangeRequested`] and [`Event::PasswordResetRequested`] are
/// delivered after the answer, so that its timing does not tell whether there is such a user. Their errors are logged.
/// They happen only if a mail is going to be sent, so not for a request past the [`MailBudget`](crate::MailBudget).
///
/// The handler is given the manager. What it does with it is an event, too: a handler that updates a user at each
/// [`Event::Updated`] never ends.
///
/// ```
/// use portcullis::{async_trait, users::{Event, EventHandler, EventHandlerError, UserManager}};
///
/// struct Invoices;
///
/// #[async_trait]
/// impl EventHandler for Invoices {
///     async fn handle(&self, event: Event<'_>, users: &UserManager) -> Result<(), EventHandlerError> {
///         match event {
///             Event::Registered { user, .. } => open_account(user.email.as_str()).map_err(EventHandlerError::new),
///             // After a change of the address, the user logs in again.
///             Event::Updated { user, changed, .. } if changed.email => {
///                 users.log_out_everywhere(&user.id).await.map_err(EventHandlerError::new)?;
///                 Ok(())
///             }
///             _ => Ok(()),
///         }
///     }
/// }
/// # fn open_account(_: &str) -> std::io::Result<()> { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` handles no events of users with ids `{Id}` and profiles `{P}`",
    label = "no handler of such events",
    note = "a handler is made for one type of ids and one of profiles: `impl EventHandler<Uuid, Member> for …`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait EventHandler<Id = Uuid, P = ()>: Send + Sync {
    /// Reacts to `event` of a user of `users`.
    ///
    /// # Errors
    /// [`EventHandlerError`] if the reaction failed: see [`EventHandler`].
    #[rustfmt::skip]
    async fn handle(&self, event: Event<'_, Id, P>, users: &UserManager<Id, P>) -> Result<(), EventHandlerError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}

/// An [`EventHandler`] failed or panicked. The source is logged and never reaches a client.
#[derive(Debug)]
pub struct EventHandlerError(Box<dyn Error + Send + Sync>);

impl EventHandlerError {
    /// A failure because of `source`. It is logged, so it must not hold a secret.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for EventHandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event handler failed: {}", self.0)
    }
}

impl Error for EventHandlerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Passes `event` of `users` to `handler`, if there is one. A panic becomes an error.
pub(crate) async fn emit<Id, P>(
    handler: Option<&dyn EventHandler<Id, P>>,
    event: Event<'_, Id, P>,
    users: &UserManager<Id, P>,
) -> Result<(), EventHandlerError>
where
    Id: fmt::Debug,
{
    let Some(handler) = handler else {
        return Ok(());
    };
    let (name, user_id) = (event.name(), &event.user().id);
    let reaction = caught(async move { handler.handle(event, users).await }).await;
    let error = match reaction {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(Panicked) => EventHandlerError::new("it panicked"),
    };
    let problem = error.0.to_string();
    tracing::error!(target: LOG, user = ?user_id, event = name, ?problem, "an event handler failed");
    Err(error)
}

/// The application's code panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs the application's `code`, and catches its panic.
pub(crate) async fn caught<T>(code: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(code)
        .catch_unwind()
        .await
        .map_err(|_payload| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_nothing_is_no_change() {
        assert!(!ChangedFields::default().any());
        let changed = ChangedFields {
            profile: true,
            ..ChangedFields::default()
        };
        assert!(changed.any());
    }

    #[tokio::test]
    async fn e5_a_panic_in_an_applications_code_is_caught() {
        let panicking = async { panic!("on purpose") };
        assert!(caught::<()>(panicking).await.is_err());
        assert_eq!(caught(async { 7 }).await.expect("no panic"), 7);
    }
}
