//! Where mails arrive.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use portcullis::{
    ExposeSecret as _,
    users::{Mail, MailError, MailKind, Mailer},
};

/// Keeps the mails that were sent.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Arc<Mutex<Vec<Mail>>>);

impl Mailbox {
    /// The mails that arrived since the last call.
    pub(crate) fn empty(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mail.clone());
        Ok(())
    }
}

/// The token of the only mail, which is of `kind` and for `to`.
#[track_caller]
pub(crate) fn only_token(mails: &[Mail], kind: MailKind, to: &str) -> String {
    let [mail] = mails else {
        panic!("{} mails instead of one", mails.len())
    };
    assert_eq!((mail.kind, mail.to.as_str()), (kind, to));
    mail.token.expose_secret().to_owned()
}
