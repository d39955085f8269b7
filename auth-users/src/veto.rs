//! The application's right to refuse.

use std::{error::Error, fmt, time::Duration};

use async_trait::async_trait;
use auth_core::{Email, Profile, StoreError, User, UserId};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    Origin, UserManager,
    caught::{Panicked, caught},
};

/// How long a veto may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What is about to happen, and can be refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum Intent<'a, Id = Uuid, P = ()> {
    /// The user has proved who they are, and is to be logged in. Nothing is issued yet.
    #[non_exhaustive]
    LogIn {
        /// The user.
        user: &'a User<Id, P>,
    },
    /// A user is to be made. The password is not checked yet, and the e-mail may be taken.
    #[non_exhaustive]
    Registration {
        /// The e-mail.
        email: &'a Email,
        /// The application's own fields.
        profile: &'a P,
    },
    /// The user is to be deleted. Nothing is removed yet.
    #[non_exhaustive]
    Deletion {
        /// The user.
        user: &'a User<Id, P>,
    },
}

impl<'a, Id, P> Intent<'a, Id, P> {
    /// A log-in of `user`.
    #[must_use]
    pub fn log_in(user: &'a User<Id, P>) -> Self {
        Self::LogIn { user }
    }

    /// A registration of somebody with `email` and `profile`.
    #[must_use]
    pub fn registration(email: &'a Email, profile: &'a P) -> Self {
        Self::Registration { email, profile }
    }

    /// The deletion of `user`.
    #[must_use]
    pub fn deletion(user: &'a User<Id, P>) -> Self {
        Self::Deletion { user }
    }
}

// Derived, it would ask the same of the id and the profile.
impl<Id, P> Clone for Intent<'_, Id, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Id, P> Copy for Intent<'_, Id, P> {}

/// The application's veto, asked before a log-in, a registration and a deletion. They wait for it.
///
/// A refusal is 403 to the client, without the message, which the [event](crate::AuditEvent) has. A veto that fails or panics, or
/// takes longer than 10 seconds, is no consent: nothing happens, and the answer is a 5xx.
///
/// Every log-in asks: by password, by `Auth::log_in`, through a session, and the one that takes the place of another, as after
/// `log_out_elsewhere`. A refresh is no log-in. A log-in that is refused has issued nothing.
///
/// ```
/// use portcullis::{async_trait, users::{Intent, Origin, UserManager, Veto, VetoError}};
///
/// struct Rules;
///
/// #[async_trait]
/// impl Veto for Rules {
///     async fn check(&self, intent: Intent<'_>, _origin: &Origin, _users: &UserManager) -> Result<(), VetoError> {
///         match intent {
///             Intent::Registration { email, .. } if !email.as_str().ends_with("@camelot.example") => {
///                 Err(VetoError::refused("not one of us"))
///             }
///             Intent::Deletion { user, .. } if user.is_superuser => Err(VetoError::refused("the last superuser stays")),
///             _ => Ok(()),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no veto for users with ids `{Id}` and profiles `{P}`",
    label = "no veto for such users",
    note = "a veto is made for one type of ids and one of profiles: `impl Veto<Uuid, Member> for …`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait Veto<Id = Uuid, P = ()>: Send + Sync {
    /// Consents to `intent`, which `origin` asks of `users`, or refuses it.
    ///
    /// # Errors
    /// [`VetoError::Refused`] to refuse it, [`VetoError::Unavailable`] if it is not known.
    #[rustfmt::skip]
    async fn check(&self, intent: Intent<'_, Id, P>, origin: &Origin<Id>, users: &UserManager<Id, P>) -> Result<(), VetoError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}

/// The reason that a [`Veto`] did not consent.
#[derive(Debug)]
#[non_exhaustive]
pub enum VetoError {
    /// It refuses. The message is in the event and the log, and never reaches a client.
    Refused(String),
    /// It did not decide.
    Unavailable(StoreError),
}

impl VetoError {
    /// A refusal. The `message` is for the log, so it must not hold a secret.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}

impl fmt::Display for VetoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) => write!(f, "refused by a veto: {message}"),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

impl Error for VetoError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Unavailable(error) => Some(error),
        }
    }
}

impl From<StoreError> for VetoError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// True if there is a [`Veto`].
    #[must_use]
    pub fn has_veto(&self) -> bool {
        self.veto.is_some()
    }

    /// Asks the [`Veto`], if there is one.
    ///
    /// The library asks it at each log-in of its own. Call it if you issue a credential by yourself.
    ///
    /// # Errors
    /// [`VetoError`] if it did not consent.
    pub async fn ask_veto(&self, intent: Intent<'_, Id, P>) -> Result<(), VetoError> {
        let Some(veto) = &self.veto else {
            return Ok(());
        };
        let origin = self.origin();
        let asked = caught(async { veto.check(intent, &origin, self).await });
        match timeout(DEADLINE, asked).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(Panicked)) => Err(StoreError::internal("veto", "it panicked").into()),
            Err(_elapsed) => Err(StoreError::timeout("veto", DEADLINE).into()),
        }
    }
}
