//! A mail that is to be written and sent.

use std::fmt;

use auth_core::SecretString;
use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use crate::{Mail, MailKind};

/// A mail to be made. It is cheap, because the request waits for it.
pub(crate) struct Letter {
    pub(crate) kind: MailKind,
    /// The id of the user.
    pub(crate) user: String,
    /// The address, as the user typed it.
    pub(crate) to: String,
    /// When the token ends. After that the mail is of no use.
    pub(crate) expires_at: OffsetDateTime,
    /// Tells the application's handler of it, before the first attempt.
    pub(crate) tell: Option<BoxFuture<'static, ()>>,
    /// Makes the token.
    pub(crate) sign: Box<dyn Fn() -> SecretString + Send>,
}

impl Letter {
    pub(super) fn write(&self) -> Mail {
        let mut mail = Mail::new(self.kind, &*self.to, (self.sign)());
        mail.user_id = Some(self.user.clone());
        mail
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("kind", &self.kind)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
