//! A mail to write and send.

use std::fmt;

use auth_core::SecretString;
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
    /// Tells why the mail is lost, and the last problem.
    pub(crate) given_up: Box<dyn Fn(&'static str, Option<String>) + Send + Sync>,
    /// Issues the token.
    pub(crate) sign: Box<dyn Fn() -> SecretString + Send + Sync>,
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
