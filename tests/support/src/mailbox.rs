//! Where mails arrive.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis::{
    ExposeSecret as _,
    testing::Mailbox,
    users::{Mail, MailKind, UserManager},
};

use crate::Mails;

/// The mails that `users` send to `mailbox`.
pub struct Sent {
    pub users: Arc<UserManager>,
    pub mailbox: Arc<Mailbox>,
}

#[async_trait(?Send)]
impl Mails for Sent {
    async fn arrived(&self) -> Vec<Mail> {
        self.users.outbox().drained().await;
        self.mailbox.take()
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
