//! The program, and its database.

use std::{cell::Cell, fs, ops::Deref, sync::Arc};

use portcullis::{
    Clock as _, NormalizedEmail, SystemClock, User, UserStore,
    users::{Mail, MailKind},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Client, Kind, Place, Sample, Setting,
    database::{self, Database},
    mailbox::only_token,
    process::{Showcase, until},
};

/// A process on a database of its own. It ends when it is dropped.
pub(crate) struct Service {
    pub(crate) place: Place,
    setting: Setting,
    pub(crate) database: Box<dyn Database>,
    process: Showcase,
    client: Client,
    /// How many mails were looked at.
    seen: Cell<usize>,
    /// How much of the log is of earlier tests.
    read: usize,
}

impl Deref for Service {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Service {
    pub(crate) async fn start(place: Place, setting: Setting) -> Self {
        let database = database::create(place.store).await;
        let verification = setting.verification.to_string();
        let mut environment = vec![
            ("AUTH_SECRET", "a secret of the tests, of 32 bytes or more"),
            ("DATABASE_URL", database.url()),
            ("OUTBOX_DIR", "mails"),
            ("REQUIRES_VERIFICATION", &verification),
            // One process serves many tests, whose users have the same addresses.
            ("THROTTLE", "off"),
            ("TOKEN_LIFETIME", "3600"),
            ("WORKERS", "1"),
        ];
        let redis = place.redis.url();
        environment.extend(redis.as_deref().map(|url| ("REDIS_URL", url)));
        let process = Showcase::start(&environment).await;
        let address = process.base_url().trim_start_matches("http://").parse();
        let service = Self {
            place,
            setting,
            database,
            process,
            client: Client::new(address.expect("an address")),
            seen: Cell::new(0),
            read: 0,
        };
        service.process.until_ready().await;
        service
    }

    pub(crate) fn is_at(&self, place: Place, setting: Setting) -> bool {
        (self.place, self.setting) == (place, setting)
    }

    /// Leaves nothing of the tests before: no mail, no user and so no token.
    pub(crate) async fn renew(&mut self) {
        self.mails().await;
        for mail in fs::read_dir(self.process.outbox()).expect("the outbox") {
            fs::remove_file(mail.expect("a mail").path()).expect("it is gone");
        }
        self.seen.set(0);
        self.database.clear().await;
        self.read = self.process.log().len();
    }

    /// Prints what the process has logged for this test.
    #[expect(clippy::print_stderr, reason = "a test that fails shows the log")]
    pub(crate) fn show_log(&self) {
        eprintln!(
            "the log of the process:\n{}",
            self.process.log().split_off(self.read)
        );
    }

    /// Ends the process, and removes its database.
    pub(crate) async fn end(mut self) {
        self.process.kill();
        self.database.remove().await;
    }

    /// The backends that there are.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        let redis = self.place.redis.url().is_some();
        Kind::ALL
            .into_iter()
            .filter(move |kind| redis || !kind.needs_redis())
    }

    pub(crate) fn users(&self) -> &Arc<dyn UserStore> {
        self.database.users()
    }

    /// A route that accepts this backend alone.
    pub(crate) fn protected(&self, kind: Kind) -> String {
        format!("/protected/{}", kind.name())
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        SystemClock.now()
    }

    /// Puts a user into the store.
    pub(crate) async fn seed(&self, sample: Sample) -> User {
        let user = sample.into_new(self.now());
        self.users().insert(user).await.expect("inserted")
    }

    /// The user as it stands in the store.
    pub(crate) async fn stored(&self, email: &str) -> Option<User> {
        let email = NormalizedEmail::of(email).expect("an e-mail");
        let found = self.users().find_by_email(&email).await;
        found.expect("the store answers")
    }

    /// Changes the user in the store, past every rule.
    pub(crate) async fn set(&self, email: &str, change: impl FnOnce(&mut User)) {
        let mut user = self.stored(email).await.expect("the user");
        change(&mut user);
        self.users().update(&user).await.expect("written");
    }

    /// Every mail since the last call, once all have been sent.
    pub(crate) async fn mails(&self) -> Vec<Mail> {
        until("every mail is sent", async || {
            let log = self.process.log();
            let requested = log.matches("verification requested").count()
                + log.matches("password reset requested").count();
            requested == log.matches("a mail was written").count()
        })
        .await;
        let all = self.process.mails();
        all[self.seen.replace(all.len())..].iter().map(parsed).collect()
    }

    /// Asks for a mail to verify `email`, and takes the token out of it.
    pub(crate) async fn verify_token(&self, email: &str) -> String {
        self.mailed("/auth/request-verify-token", MailKind::Verify, email)
            .await
    }

    /// Asks for a mail to reset the password of `email`, and takes the token out of it.
    pub(crate) async fn reset_token(&self, email: &str) -> String {
        self.mailed("/auth/forgot-password", MailKind::Reset, email).await
    }

    async fn mailed(&self, path: &str, kind: MailKind, email: &str) -> String {
        self.mails().await;
        let answer = self.post_json(path, json!({ "email": email })).await;
        answer.is(202, "null");
        only_token(&self.mails().await, kind, email)
    }
}

fn parsed(mail: &Value) -> Mail {
    let text = |field| mail[field].as_str().expect("text");
    let kind = match text("kind") {
        "verify" => MailKind::Verify,
        "reset" => MailKind::Reset,
        other => panic!("a mail of no known kind: {other}"),
    };
    Mail::new(kind, text("to"), text("token").into())
}
