//! Where mails arrive.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis::{
    ExposeSecret as _, testing,
    users::{Mail, MailError, MailKind, Mailer, UserManager},
};

use crate::Mails;

/// Keeps the mails that were sent, to be shared with the service that sends them.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<testing::Mailbox>);

impl Mailbox {
    /// The mails that arrived since the last call.
    pub fn empty(&self) -> Vec<Mail> {
        self.0.take()
    }

    /// The same, once `users` have sent all.
    pub fn of(&self, users: &Arc<UserManager>) -> Box<dyn Mails> {
        Box::new(Sent {
            users: Arc::clone(users),
            mailbox: self.clone(),
        })
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.send(mail).await
    }
}

struct Sent {
    users: Arc<UserManager>,
    mailbox: Mailbox,
}

#[async_trait(?Send)]
impl Mails for Sent {
    async fn arrived(&self) -> Vec<Mail> {
        self.users.outbox().drained().await;
        self.mailbox.empty()
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
