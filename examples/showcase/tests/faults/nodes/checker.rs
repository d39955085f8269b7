//! Two nodes serve while users lose what they have, and everything goes wrong. Nobody who was refused by an answered change is let in
//! by a request that began a lease later, and nobody is logged out without a reason.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::{Change, LEASE, Pair, faults, setting};
use crate::site::{Answer, Credential, PASSWORD};

const USERS: usize = 5;

/// What may be said of one credential of a user.
#[derive(Clone)]
struct Held {
    /// Which of the user's it is.
    number: u64,
    credential: Credential,
    /// A change that could end it was asked for.
    is_in_doubt: bool,
    /// The flushes before it was issued.
    flushes: u64,
    /// When its user had got the role.
    given: Instant,
    /// The loss of that role was asked for.
    may_be_stripped: bool,
    /// When its end was answered.
    ended: Option<Instant>,
    /// When the loss of its user's role was answered.
    stripped: Option<Instant>,
}

#[derive(Default)]
struct Counts {
    let_in: AtomicU64,
    refused: AtomicU64,
    unavailable: AtomicU64,
    unanswered: AtomicU64,
    changes: AtomicU64,
    in_doubt: AtomicU64,
}

struct Checker {
    pair: Pair,
    end: Instant,
    flushes: AtomicU64,
    counts: Counts,
}

struct User {
    email: String,
    id: String,
    held: Mutex<Option<Held>>,
}

impl User {
    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut Held)) {
        if let Some(held) = &mut *self.held.lock().unwrap_or_else(PoisonError::into_inner) {
            change(held);
        }
    }
}

impl Checker {
    fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Asks again until it is answered with a success; false if the time is over.
    async fn insist(&self, call: impl AsyncFn(usize) -> reqwest::Result<Answer>) -> Option<Answer> {
        while !self.is_over() {
            if let Ok(answer) = call(fastrand::usize(..2)).await
                && [200, 204].contains(&answer.status)
            {
                return Some(answer);
            }
            sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// Gives a user everything, and takes something away, over and over.
    async fn change(&self, user: &User) {
        let sites = &self.pair.sites;
        for number in 0.. {
            let backend = ["redis", "jwt-tracked"][fastrand::usize(..2)];
            let active = async |node: usize| sites[node].set_active(&self.pair.root, &user.id, true).await;
            let editor = async |node: usize| {
                sites[node]
                    .set_roles(&self.pair.root, &user.id, &["editor"])
                    .await
            };
            if self.insist(active).await.is_none() || self.insist(editor).await.is_none() {
                return;
            }
            let given = Instant::now();
            let flushes = self.flushes.load(Ordering::SeqCst);
            let log_in =
                async |node: usize| sites[node].log_in(backend, &user.email, PASSWORD).attempt().await;
            let Some(answer) = self.insist(log_in).await else {
                return;
            };
            let credential = Credential::issued(backend, &answer);
            *user.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(Held {
                number,
                credential: credential.clone(),
                is_in_doubt: false,
                flushes,
                given,
                may_be_stripped: false,
                ended: None,
                stripped: None,
            });
            sleep(Duration::from_millis(fastrand::u64(50..500))).await;
            let change = *fastrand::choice(&Change::ALL).expect("some");
            user.set(|held| match change {
                Change::Roles => held.may_be_stripped = true,
                _ => held.is_in_doubt = true,
            });
            let site = &sites[fastrand::usize(..2)];
            let answer = change.make(site, &self.pair.root, &credential, &user.id).await;
            if answer.is_ok_and(|answer| [200, 204].contains(&answer.status)) {
                let now = Instant::now();
                self.counts.changes.fetch_add(1, Ordering::Relaxed);
                user.set(|held| match change {
                    Change::Roles => held.stripped = Some(now),
                    _ => held.ended = Some(now),
                });
            } else {
                self.counts.in_doubt.fetch_add(1, Ordering::Relaxed);
                user.set(|held| held.is_in_doubt = true);
            }
            sleep(LEASE + Duration::from_millis(fastrand::u64(100..700))).await;
            if self.is_over() {
                return;
            }
            // The user gets the role back, and a token that was replaced ends by itself.
            user.set(|held| (held.is_in_doubt, held.stripped) = (true, None));
        }
    }

    /// Asks one node with whatever the user has, and judges the answers.
    async fn ask(&self, user: &User, node: usize) {
        let site = &self.pair.sites[node];
        while !self.is_over() {
            let Some(before) = user.held() else {
                sleep(Duration::from_millis(5)).await;
                continue;
            };
            let asks_for_articles = fastrand::bool();
            let began = Instant::now();
            let answer = match asks_for_articles {
                true => site.articles(&before.credential).await,
                false => site.read(&before.credential).attempt().await,
            };
            let Ok(answer) = answer else {
                self.counts.unanswered.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let late = |since: Option<Instant>| since.is_some_and(|since| began > since + LEASE);
            match answer.status {
                200 => {
                    self.counts.let_in.fetch_add(1, Ordering::Relaxed);
                    assert!(!late(before.ended), "let in though it ended: {answer:?}");
                    let is_still = user.held().is_some_and(|after| after.stripped == before.stripped);
                    let is_stripped = asks_for_articles && late(before.stripped) && is_still;
                    assert!(!is_stripped, "permitted though the role is gone: {answer:?}");
                }
                401 => {
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                    let flushes = self.flushes.load(Ordering::SeqCst);
                    let after = user.held().expect("there is one");
                    let may_have_ended =
                        after.number != before.number || after.is_in_doubt || flushes != before.flushes;
                    assert!(may_have_ended, "logged out without a reason: {answer:?}");
                }
                403 => {
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                    let after = user.held().expect("there is one");
                    let may_lack_it =
                        after.number != before.number || after.may_be_stripped || after.is_in_doubt;
                    let is_new = began <= before.given + LEASE;
                    assert!(may_lack_it || is_new, "the role is not seen: {answer:?}");
                }
                503 => {
                    self.counts.unavailable.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(10)).await;
                }
                _ => panic!("{answer:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
#[expect(clippy::print_stdout, reason = "a measurement")]
async fn nobody_is_let_in_a_lease_after_an_answered_change_whatever_goes_wrong() {
    let pair = Pair::start().await;
    let mut users = Vec::new();
    for number in 0..USERS {
        let email = pair.sites[0].person(&format!("knight.{number}")).await;
        let credential = pair.sites[0].credential("jwt", &email).await;
        users.push(User {
            id: pair.sites[0].id_of(&credential).await,
            email,
            held: Mutex::new(None),
        });
    }
    let seconds = setting("NODES_SECONDS", 10);
    let checker = Checker {
        pair,
        end: Instant::now() + Duration::from_secs(seconds.into()),
        flushes: AtomicU64::new(0),
        counts: Counts::default(),
    };
    let changes = join_all(users.iter().map(|user| checker.change(user)));
    let asks = users
        .iter()
        .flat_map(|user| [checker.ask(user, 0), checker.ask(user, 1)]);
    let faults = faults::inject(&checker.pair, checker.end, &checker.flushes);
    let (injected, _, _) = tokio::join!(faults, changes, join_all(asks));
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let counts = &checker.counts;
    println!(
        "{seconds} s: {} requests let in, {} refused, {} were 503, {} not answered; {} changes, {} in doubt; {injected:?}",
        count(&counts.let_in),
        count(&counts.refused),
        count(&counts.unavailable),
        count(&counts.unanswered),
        count(&counts.changes),
        count(&counts.in_doubt),
    );
    assert!(count(&counts.changes) > 0 && count(&counts.let_in) > 0 && count(&counts.refused) > 0);
}
