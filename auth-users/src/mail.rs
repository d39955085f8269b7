//! Mails with a one-time token.

use std::{error::Error, fmt};

use async_trait::async_trait;
use auth_core::SecretString;

/// A mail to be written and sent by the application's [`Mailer`].
///
/// Build the link in it from the application's own configuration, never from a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mail {
    /// Its purpose.
    pub kind: MailKind,
    /// The address as it is shown: the local part as the user typed it, and the domain in Unicode. If your server does not
    /// support SMTPUTF8, convert the domain to its ASCII form.
    pub to: String,
    /// The one-time token. It is URL-safe.
    pub token: SecretString,
    /// The id of the user, as text, for a look-up of their name or language. Every mail of a
    /// [`UserManager`](crate::UserManager) has one.
    pub user_id: Option<String>,
}

impl Mail {
    /// A mail of `kind` with `token` for the address `to`.
    pub fn new(kind: MailKind, to: impl Into<String>, token: SecretString) -> Self {
        Self {
            kind,
            to: to.into(),
            token,
            user_id: None,
        }
    }
}

/// The purpose of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MailKind {
    /// To verify the e-mail.
    Verify,
    /// To reset the password.
    Reset,
    /// To set the first password of an invited user. The token is used like that of a reset, and verifies the e-mail, too.
    Invite,
    /// To confirm a new e-mail. It goes to the new address, and the token is used like that of a verification.
    ChangeEmail,
    /// To tell the old address that a new e-mail was asked for. The token resets the password: offer that to a user who
    /// did not ask.
    EmailChangeNotice,
}

impl MailKind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Verify,
        Self::Reset,
        Self::Invite,
        Self::ChangeEmail,
        Self::EmailChangeNotice,
    ];

    /// A stable name: `verify`, `reset`, `invite`, `change_email` or `email_change_notice`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Invite => "invite",
            Self::ChangeEmail => "change_email",
            Self::EmailChangeNotice => "email_change_notice",
        }
    }

    /// What the mail is for, in the log.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Verify => "verification",
            Self::Reset => "password reset",
            Self::Invite => "invitation",
            Self::ChangeEmail => "change of e-mail",
            Self::EmailChangeNotice => "notice of a change of e-mail",
        }
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes and sends mails. It is called after the answer, so its failure and its slowness never reach a request.
///
/// It is called for several mails at once, each for another address. It must not block the thread, on which requests
/// may run, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` sends no mails",
    label = "no `Mailer`",
    note = "`FolderMailer` writes them into a folder; for your mail server implement `Mailer`, which has one function",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends `mail`. A call that takes longer than 10 s is dropped. After a failure, `mail` is sent again, so the user
    /// can get it several times: see [`Outbox`](crate::Outbox).
    ///
    /// # Errors
    /// [`MailError`] if the mail was not sent.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}

/// The mail could not be sent. The text is logged, with the mail's token redacted.
#[derive(Debug)]
pub struct MailError(Box<dyn Error + Send + Sync>);

impl MailError {
    /// A failure because of `source`.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mail was not sent: {}", self.0)
    }
}

impl Error for MailError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
