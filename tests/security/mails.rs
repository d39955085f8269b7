//! V8: mails have a budget, and nobody keeps another's mail out.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use portcullis::{
    testing::Mailbox,
    users::{Mail, MailError, MailKind, Mailer},
};
use serde_json::json;

use crate::harness::{Answer, Blueprint, Kind, Service, Store, address, person};

/// More than the outbox takes in.
const FLOOD: usize = 1500;

/// A mail server that never answers for Mordred.
struct HangsForMordred(Arc<Mailbox>);

#[async_trait]
impl Mailer for HangsForMordred {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        if mail.to == address("mordred") {
            std::future::pending::<()>().await;
        }
        self.0.send(mail).await
    }
}

async fn asked(service: &Service, path: &str, name: &str) -> Answer {
    service.post_json(path, json!({ "email": address(name) })).await
}

#[test]
fn b5_v8_a_flood_of_mails_for_one_account_keeps_no_other_mail_out() {
    let mailbox = Arc::new(Mailbox::new());
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.store = Store::Memory;
    blueprint.mailer = Some(Arc::new(HangsForMordred(mailbox.clone())));
    blueprint.run(async |service: &Service| {
        for name in ["mordred", "arthur"] {
            service.seed(person(name)).await;
        }
        let flood = stream::iter(0..FLOOD)
            .map(|_| asked(service, "/auth/request-verify-token", "mordred"))
            .buffer_unordered(16);
        flood.for_each(async |answer| answer.is(202, "null")).await;
        asked(service, "/auth/forgot-password", "arthur")
            .await
            .is(202, "null");
        let arrives = async {
            loop {
                if let Some(mail) = mailbox.take().pop() {
                    return mail;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Less than a mail server is given for an answer.
        let mail = tokio::time::timeout(Duration::from_secs(8), arrives).await;
        let mail = mail.expect("Arthur's mail arrives");
        assert_eq!((mail.kind, mail.to), (MailKind::Reset, address("arthur")));
    });
}

#[test]
fn b5_v8_past_three_mails_an_hour_the_answer_is_the_same_and_no_mail_goes_out() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("arthur")).await;
        for path in ["/auth/request-verify-token", "/auth/forgot-password"] {
            let unknown = asked(service, path, "nobody").await;
            for hour in 1..=2 {
                for _ in 0..5 {
                    let answer = asked(service, path, "arthur").await;
                    answer.is(202, "null");
                    assert_eq!(answer.visible(), unknown.visible());
                }
                assert_eq!(service.mails().await.len(), 3, "{path}, hour {hour}");
                service.clock.advance(time::Duration::HOUR);
            }
        }
        let patch = |address: &str| {
            let update = json!({ "email": address });
            service.patch("/users/me").json(&update)
        };
        let pass = service.pass(Kind::DbBearer, &address("arthur")).await;
        let mut mails = 0;
        for name in ["lancelot", "galahad", "arthur"] {
            patch(&address(name)).with(&pass).send().await;
            for _ in 0..2 {
                asked(service, "/auth/request-verify-token", name)
                    .await
                    .is(202, "null");
            }
            mails += service.mails().await.len();
        }
        assert_eq!(mails, 3, "another address has no fresh budget");
    });
}
