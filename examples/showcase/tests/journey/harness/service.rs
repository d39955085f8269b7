//! The program, and its database.

use std::{fs, sync::Arc};

use async_trait::async_trait;
use portcullis::users::{Mail, MailKind};
use portcullis_support::{
    Client, Kind, Mails, Proxy, Site,
    outage::{Cut, Locked, Outage},
    until,
};
use serde_json::Value;

use super::{
    Place, Redis,
    database::{self, Database},
    process::Showcase,
};

const KINDS: [Kind; 3] = [Kind::JwtBearer, Kind::DbBearer, Kind::DbCookie];
const KINDS_OF_REDIS: [Kind; 2] = [Kind::RedisBearer, Kind::RedisCookie];
/// On Redis, if there is one.
const TRACKED: [Kind; 2] = [Kind::TrackedBearer, Kind::TrackedCookie];

/// A process on a database of its own. It ends when this is dropped.
pub(crate) struct Service {
    pub(crate) place: Place,
    pub(crate) verification: bool,
    pub(crate) database: Box<dyn Database>,
    pub(crate) site: Arc<Site>,
    process: Arc<Showcase>,
    /// How much of the log is of earlier tests.
    read: usize,
}

impl Service {
    pub(crate) async fn start(place: Place, verification: bool) -> Self {
        let database = database::create(place.store).await;
        let (url, proxy) = through_proxy(database.url()).await;
        let required = verification.to_string();
        let mut environment = vec![
            ("AUTH_SECRET", "a secret of the tests, of 32 bytes or more"),
            ("DATABASE_URL", &*url),
            ("OUTBOX_DIR", "mails"),
            ("REQUIRES_VERIFICATION", &required),
            // One process serves many tests, whose users have the same addresses.
            ("THROTTLE", "off"),
            ("TOKEN_LIFETIME", "3600"),
            ("ACCESS_TOKEN_LIFETIME", "3600"),
            ("WORKERS", "1"),
        ];
        let redis = place.redis.url();
        environment.extend(redis.as_deref().map(|url| ("REDIS_URL", url)));
        let process = Arc::new(Showcase::start(&environment).await);
        process.until_ready().await;
        let address = process.base_url().trim_start_matches("http://").parse();
        let mut kinds = KINDS.to_vec();
        if place.redis != Redis::Without {
            kinds.extend(KINDS_OF_REDIS);
        }
        kinds.extend(TRACKED);
        let outage: Box<dyn Outage> = match proxy {
            Some(proxy) => Box::new(Cut::new(proxy, process.url("/ready"))),
            None => Box::new(Locked::new(database.url().trim_start_matches("sqlite://"))),
        };
        let site = Site {
            client: Client::new(address.expect("an address")),
            kinds,
            users: Arc::clone(database.users()),
            clock: None,
            mails: Box::new(Outbox(Arc::clone(&process))),
            protected: |kind| format!("/protected/{}", kind.name()),
            outage: Some(outage),
        };
        Self {
            place,
            verification,
            database,
            site: Arc::new(site),
            process,
            read: 0,
        }
    }

    pub(crate) fn is_at(&self, place: Place, verification: bool) -> bool {
        (self.place, self.verification) == (place, verification)
    }

    /// Leaves nothing of the tests before: no mail, no user and so no token.
    pub(crate) async fn renew(&mut self) {
        self.site.mails().await;
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
    pub(crate) async fn end(self) {
        drop(self.site);
        drop(self.process);
        self.database.remove().await;
    }
}

/// `url` by way of a proxy, unless it names a file.
async fn through_proxy(url: &str) -> (String, Option<Proxy>) {
    if url.starts_with("sqlite:") {
        return (url.to_owned(), None);
    }
    let proxy = Proxy::before(url).await;
    (proxy.url(url), Some(proxy))
}

/// The folder in which the program puts its mails.
struct Outbox(Arc<Showcase>);

#[async_trait(?Send)]
impl Mails for Outbox {
    async fn arrived(&self) -> Vec<Mail> {
        until("every mail is sent", async || {
            let log = self.0.log();
            let requested = log.matches("verification requested").count()
                + log.matches("password reset requested").count();
            requested == log.matches("a mail was written").count()
        })
        .await;
        let mails = self.0.mails();
        for mail in fs::read_dir(self.0.outbox()).expect("the outbox") {
            fs::remove_file(mail.expect("a mail").path()).expect("it is gone");
        }
        mails.iter().map(parsed).collect()
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
