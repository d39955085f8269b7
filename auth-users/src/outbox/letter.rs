//! A mail to write and send.

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
    /// The expiry of the token. After that the mail is useless.
    pub(crate) expires_at: OffsetDateTime,
    /// Sends the event to the application's handler, before the first attempt.
    pub(crate) tell: Option<BoxFuture<'static, ()>>,
    /// Issues the token.
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
