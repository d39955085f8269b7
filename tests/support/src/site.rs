//! A service that listens, whatever it is made of: what the sentences of the contract are said of.

use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;
use portcullis::{
    User,
    store::{Clock as _, NormalizedEmail, SystemClock, UserStore},
    testing::ManualClock,
    users::{Mail, MailKind},
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{Client, Kind, Sample, mailbox::only_token, outage::Outage};

/// A client of the service, and what stands behind it.
pub struct Site {
    pub client: Client,
    /// The service's backends, in the order in which a request's credentials are tried.
    pub kinds: Vec<Kind>,
    /// The service's users, past its rules.
    pub users: Arc<dyn UserStore>,
    /// The service's clock, if it is the test that sets it.
    pub clock: Option<Arc<ManualClock>>,
    pub mails: Box<dyn Mails>,
    /// The path of the application's own route that accepts this backend alone.
    pub protected: fn(Kind) -> String,
    /// Takes a store away. A service in memory has none that could go.
    pub outage: Option<Box<dyn Outage>>,
}

/// Where a service's mails arrive.
#[async_trait(?Send)]
pub trait Mails: Send + Sync {
    /// Every mail since the last call, once all have been sent.
    async fn arrived(&self) -> Vec<Mail>;
}

impl Deref for Site {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Site {
    pub fn users(&self) -> &Arc<dyn UserStore> {
        &self.users
    }

    /// A route of the application's own that accepts this backend alone.
    pub fn protected(&self, kind: Kind) -> String {
        (self.protected)(kind)
    }

    pub fn now(&self) -> OffsetDateTime {
        self.clock
            .as_ref()
            .map_or_else(|| SystemClock.now(), |clock| clock.now())
    }

    /// # Panics
    /// If the service's clock is the system's.
    pub fn advance(&self, span: Duration) {
        self.clock.as_ref().expect("a clock to be set").advance(span);
    }

    /// Puts a user into the store.
    pub async fn seed(&self, sample: Sample) -> User {
        let user = sample.into_new(self.now());
        self.users.insert(user).await.expect("inserted")
    }

    /// The user as it stands in the store.
    pub async fn stored(&self, email: &str) -> Option<User> {
        let email = NormalizedEmail::from_typed(email).expect("an e-mail");
        let found = self.users.find_by_email(&email).await;
        found.expect("the store answers")
    }

    /// Changes the user in the store, past every rule.
    pub async fn set(&self, email: &str, change: impl FnOnce(&mut User)) {
        let mut user = self.stored(email).await.expect("the user");
        change(&mut user);
        self.users.update(&user).await.expect("written");
    }

    /// Every mail since the last call, once all have been sent.
    pub async fn mails(&self) -> Vec<Mail> {
        self.mails.arrived().await
    }

    /// Asks for a mail to verify `email`, and takes the token out of it.
    pub async fn verify_token(&self, email: &str) -> String {
        self.mailed("/auth/request-verify-token", MailKind::Verify, email)
            .await
    }

    /// Asks for a mail to reset the password of `email`, and takes the token out of it.
    pub async fn reset_token(&self, email: &str) -> String {
        self.mailed("/auth/forgot-password", MailKind::Reset, email).await
    }

    async fn mailed(&self, path: &str, kind: MailKind, email: &str) -> String {
        self.mails().await;
        let answer = self.post_json(path, json!({ "email": email })).await;
        answer.is(202, "null");
        only_token(&self.mails().await, kind, email)
    }
}
