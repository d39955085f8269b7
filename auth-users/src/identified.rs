//! The proof of who logs in.

use std::{fmt, ops::Deref};

use auth_core::User;
use uuid::Uuid;

/// The proof of who logs in. Only a [`UserManager`](crate::UserManager) makes one, after it has checked a password, for
/// example. A log-in consumes it.
///
/// # Security
/// It stands for the user's credentials as they were when it was made. If these are ended before the log-in, by a
/// change of the password for example, then the log-in is refused. Keep no proof for longer than one request.
pub struct Identified<Id = Uuid, P = ()> {
    user: User<Id, P>,
    bound: bool,
    label: Option<String>,
}

impl<Id, P> Identified<Id, P> {
    /// `user` has shown who they are, with what is valid under the present epoch.
    pub(crate) fn by_proof(user: User<Id, P>) -> Self {
        Self {
            user,
            bound: true,
            label: None,
        }
    }

    /// The application says that it is `user`, whatever happened to the credentials since `user` was read.
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

    /// True if the proof still holds for `stored`, the same user as stored now.
    #[must_use]
    pub fn holds_for(&self, stored: &User<Id, P>) -> bool {
        !self.bound || stored.security_epoch == self.user.security_epoch
    }

    /// Names the log-in in a list of the user's log-ins, after the user's device for example.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The name that the log-in has in a list of the user's log-ins.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

impl<Id, P> Deref for Identified<Id, P> {
    type Target = User<Id, P>;

    fn deref(&self) -> &User<Id, P> {
        &self.user
    }
}

impl<Id: fmt::Debug, P> fmt::Debug for Identified<Id, P> {
    /// Without what the user keeps to themselves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identified")
            .field("user", &self.user.id)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
