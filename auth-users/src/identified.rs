//! The proof of a user's identity at a log-in.

use std::fmt;

use auth_core::User;
use uuid::Uuid;

/// The proof of a user's identity at a log-in. Only a [`UserManager`](crate::UserManager) makes one, for example after
/// it has checked a password. A log-in consumes it.
///
/// # Security
/// If the user's credentials are ended between the proof and the log-in, for example by a change of the password, the
/// log-in is refused. Keep no proof for longer than one request.
pub struct Identified<Id = Uuid, P = ()> {
    user: User<Id, P>,
    bound: bool,
    label: Option<String>,
}

impl<Id, P> Identified<Id, P> {
    /// A proof of `user` by something that is valid under the present epoch.
    pub(crate) fn by_proof(user: User<Id, P>) -> Self {
        Self {
            user,
            bound: true,
            label: None,
        }
    }

    /// A proof on the word of the application, whatever happened to the credentials since `user` was read.
    pub(crate) fn without_proof(user: User<Id, P>) -> Self {
        Self {
            user,
            bound: false,
            label: None,
        }
    }

    /// The user, as read when the proof was made.
    #[must_use]
    pub fn user(&self) -> &User<Id, P> {
        &self.user
    }

    /// The user, without the proof.
    #[must_use]
    pub fn into_user(self) -> User<Id, P> {
        self.user
    }

    /// The same proof, of the user as `stored` now. `None` if it does not hold any more: the credentials that made it were ended.
    #[must_use]
    pub fn renewed(self, stored: User<Id, P>) -> Option<Self> {
        let holds = !self.bound || stored.security_epoch == self.user.security_epoch;
        holds.then_some(Self { user: stored, ..self })
    }

    /// Sets the name of the log-in in the list of the user's log-ins, for example the user's device.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The name of the log-in in the list of the user's log-ins.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

impl<Id: fmt::Debug, P> fmt::Debug for Identified<Id, P> {
    /// Prints none of the user's private data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identified")
            .field("user", &self.user.id)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
