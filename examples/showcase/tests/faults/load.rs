//! Many clients at once, who remember what they were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::sleep;

use portcullis_support::until;

use crate::{
    process::Showcase,
    site::{Answer, Call, Credential, PASSWORD, Site, address},
};

/// How many register, log in, read and log out all the time.
const CLIENTS: usize = 8;

/// How many of them change their password all the time, instead.
const CHANGERS: usize = 2;

/// How long a client waits that was told to come again: hashes go last, and would never have their turn.
const PAUSE: Duration = Duration::from_millis(100);

/// What the clients do, by name.
pub(crate) const VISITS: &[&str] = &["register", "log in", "read", "log out", "change"];

/// The clients, and what they remember.
pub(crate) struct Load {
    /// Where the program is now: it may be started again elsewhere.
    site: Mutex<Site>,
    ended: AtomicBool,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Who was told that they are registered.
    registered: Vec<String>,
    /// Who may be there.
    attempted: Vec<String>,
    live: Vec<(String, Credential)>,
    revoked: Vec<Credential>,
    changed: Vec<Changer>,
    seen: BTreeMap<(&'static str, u16), usize>,
}

/// Someone who changes their password.
struct Changer {
    email: String,
    /// The password that was acknowledged last.
    password: String,
    /// One that was not acknowledged, and may have been set.
    uncertain: Option<String>,
    /// Issued under `password`.
    credential: Option<Credential>,
    /// Issued under earlier passwords.
    dead: Vec<Credential>,
}

impl Load {
    pub(crate) fn on(site: Site) -> Self {
        Self {
            site: Mutex::new(site),
            ended: AtomicBool::new(false),
            memory: Mutex::default(),
        }
    }

    /// The program was started again.
    pub(crate) fn moved(&self, showcase: &Showcase) {
        *self.site.lock().unwrap_or_else(PoisonError::into_inner) = Site::new(showcase);
    }

    /// Runs every client until [`end`](Self::end).
    pub(crate) async fn run(&self, backend: &'static str) {
        let visitors = (0..CLIENTS).map(|n| self.visit(backend, n));
        let changers = (0..CHANGERS).map(|n| self.change(backend, n));
        tokio::join!(join_all(visitors), join_all(changers));
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Waits until calls of these kinds have succeeded since, 30 times in all.
    pub(crate) async fn gets_on(&self, kinds: &[&str]) {
        self.sees(kinds, 30, |status| status < 300).await;
    }

    /// Waits until a call of each of these kinds was told to come again since.
    pub(crate) async fn is_put_off(&self, kinds: &[&str]) {
        let each = kinds
            .chunks(1)
            .map(|kind| self.sees(kind, 1, |status| status == 503));
        join_all(each).await;
    }

    /// Waits for so many answers of this status to calls of these kinds.
    async fn sees(&self, kinds: &[&str], count: usize, is_meant: impl Fn(u16) -> bool) {
        let seen = || {
            let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = memory.seen.iter();
            let meant = seen.filter(|((kind, status), _)| kinds.contains(kind) && is_meant(*status));
            meant.map(|(_, count)| count).sum::<usize>()
        };
        let before = seen();
        until("the clients are answered", async || seen() >= before + count).await;
    }

    /// A new user of this name, who is one of those that were told so, and the e-mail.
    pub(crate) async fn person(&self, name: &str) -> String {
        let email = self.site().person(name).await;
        self.remember(|memory| {
            memory.attempted.push(email.clone());
            memory.registered.push(email.clone());
        });
        email
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn site(&self) -> Site {
        self.site.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, what: impl FnOnce(&mut Memory)) {
        what(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The answer to `call`, whose status is one of `allowed` or 503; none where the program was killed meanwhile.
    pub(crate) async fn answer(&self, what: &'static str, call: Call, allowed: &[u16]) -> Option<Answer> {
        let answer = match call.attempt().await {
            Ok(answer) => answer,
            Err(_) => {
                sleep(PAUSE).await;
                return None;
            }
        };
        self.remember(|memory| *memory.seen.entry((what, answer.status)).or_default() += 1);
        if answer.status == 503 {
            // Who waits for a hash may wait longer than for the store.
            answer.is_unavailable();
            sleep(PAUSE).await;
            return None;
        }
        assert!(allowed.contains(&answer.status), "{what}: {answer:?}");
        Some(answer)
    }

    /// Two clients each register the same people.
    async fn visit(&self, backend: &'static str, n: usize) {
        let mut round = 0;
        while self.goes_on() {
            round += 1;
            let email = address(&format!("visitor-{}-{round}", n / 2));
            self.remember(|memory| memory.attempted.push(email.clone()));
            let registered = self
                .answer("register", self.site().register(&email), &[201, 400])
                .await;
            let is_there = match &registered {
                Some(answer) if answer.status == 400 => {
                    assert_eq!(answer.body, r#"{"detail":"REGISTER_USER_ALREADY_EXISTS"}"#);
                    true
                }
                Some(_) => {
                    self.remember(|memory| memory.registered.push(email.clone()));
                    true
                }
                None => false,
            };
            let allowed: &[u16] = if is_there { &[200] } else { &[200, 400] };
            let log_in = self.site().log_in(backend, &email, PASSWORD);
            let Some(answer) = self.answer("log in", log_in, allowed).await else {
                continue;
            };
            if answer.status == 400 {
                continue;
            }
            let credential = Credential::issued(backend, &answer);
            // Let in, or told to come again: nobody was logged out.
            self.answer("read", self.site().read(&credential), &[200]).await;
            if round % 2 == 0 {
                self.remember(|memory| memory.live.push((email, credential)));
                continue;
            }
            if self
                .answer("log out", self.site().log_out(&credential), &[204])
                .await
                .is_some()
            {
                self.remember(|memory| memory.revoked.push(credential));
            }
        }
    }

    /// Changes the password of one user after the other, until a change is not acknowledged.
    async fn change(&self, backend: &'static str, n: usize) {
        let mut life = 0;
        while self.goes_on() {
            life += 1;
            let email = address(&format!("changer-{n}-{life}"));
            self.remember(|memory| memory.attempted.push(email.clone()));
            let register = self.site().register(&email);
            if self.answer("register", register, &[201]).await.is_some() {
                let mut changer = Changer::new(email);
                self.change_again_and_again(backend, &mut changer).await;
                self.remember(|memory| memory.changed.push(changer));
            }
        }
    }

    async fn change_again_and_again(&self, backend: &'static str, changer: &mut Changer) {
        let mut round = 0;
        while self.goes_on() && changer.uncertain.is_none() {
            round += 1;
            let log_in = self.site().log_in(backend, &changer.email, &changer.password);
            let Some(answer) = self.answer("log in", log_in, &[200]).await else {
                continue;
            };
            let credential = Credential::issued(backend, &answer);
            changer.credential = Some(credential.clone());
            let next = format!("{PASSWORD}, {round}");
            let change = self.site().change_password(&credential, &next);
            if self.answer("change", change, &[200]).await.is_some() {
                changer.password = next;
                changer.credential = None;
                changer.dead.push(credential);
            } else {
                changer.uncertain = Some(next);
            }
        }
    }

    /// Everything that was acknowledged holds. `emails` is everybody in the database.
    pub(crate) async fn holds(self, emails: Option<Vec<String>>, backend: &'static str) {
        let site = self.site();
        let memory = self.memory.into_inner().unwrap_or_else(PoisonError::into_inner);
        let enough = |what| memory.seen.get(what).is_some_and(|count| *count > 3);
        assert!(
            enough(&("register", 201)) && enough(&("log in", 200)) && enough(&("log out", 204)),
            "too little was done to tell: {:?}",
            memory.seen
        );
        let registered: BTreeSet<_> = memory.registered.iter().collect();
        assert_eq!(
            registered.len(),
            memory.registered.len(),
            "somebody was registered twice"
        );
        if let Some(emails) = emails {
            let there: BTreeSet<_> = emails.iter().collect();
            assert_eq!(there.len(), emails.len(), "somebody is there twice: {emails:?}");
            assert!(there.is_superset(&registered), "somebody is lost: {there:?}");
            let made_up = there.iter().find(|email| !memory.attempted.contains(email));
            assert_eq!(made_up, None);
        }
        for (email, credential) in &memory.live {
            let answer = site.read(credential).send().await;
            answer.is(200);
            assert_eq!(answer.json()["email"], **email);
        }
        for credential in &memory.revoked {
            site.read(credential).send().await.is(401);
        }
        // A hash each: some will do.
        for email in memory.registered.iter().rev().take(10) {
            site.log_in(backend, email, PASSWORD).send().await.is(200);
        }
        for changer in &memory.changed {
            changer.holds(&site, backend).await;
        }
    }
}

impl Changer {
    fn new(email: String) -> Self {
        Self {
            email,
            password: PASSWORD.to_owned(),
            uncertain: None,
            credential: None,
            dead: Vec::new(),
        }
    }

    async fn holds(&self, site: &Site, backend: &'static str) {
        let passes = async |password: &str| {
            let answer = site.log_in(backend, &self.email, password).send().await;
            assert!([200, 400].contains(&answer.status), "{answer:?}");
            answer.status == 200
        };
        let is_old = passes(&self.password).await;
        let is_new = match &self.uncertain {
            Some(password) => passes(password).await,
            None => false,
        };
        assert!(is_old != is_new, "{}: old {is_old}, new {is_new}", self.email);
        if let Some(credential) = &self.credential {
            // It ends with the password under which it was issued, and not without it.
            site.read(credential)
                .send()
                .await
                .is(if is_old { 200 } else { 401 });
        }
        for credential in &self.dead {
            site.read(credential).send().await.is(401);
        }
    }
}
