use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use auth_core::ExposeSecret as _;

use crate::{Mail, MailError, MailKind, Mailer};

/// A [`Mailer`] for tests, which keeps the mails instead of sending them.
///
/// Mails are sent in the background. Wait for [`Outbox::drained`](crate::Outbox::drained) before you look.
#[derive(Debug, Default)]
pub struct Mailbox(Mutex<Vec<Mail>>);

impl Mailbox {
    /// A mailbox without mails.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The mails that have arrived, the oldest first. They stay.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.lock().clone()
    }

    /// Removes the mails that have arrived and returns them, the oldest first.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.lock())
    }

    /// The token of the newest mail of this kind to `address`, if there is one.
    #[must_use]
    pub fn token(&self, kind: MailKind, address: &str) -> Option<String> {
        let mails = self.lock();
        let mut newest_first = mails.iter().rev();
        let mail = newest_first.find(|mail| mail.kind == kind && mail.to == address)?;
        Some(mail.token.expose_secret().to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.lock().push(mail.clone());
        Ok(())
    }
}
