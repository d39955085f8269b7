//! A mail server, and an outbox before it.

mod fair;
mod faults;

use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use auth_core::{Email, ManualClock, SecretString};
use tokio::time::sleep;

use super::*;
use crate::{Mail, MailError};

/// A mail server. It fails, panics or hangs as often as it is told, or at certain addresses.
struct Server {
    started: Instant,
    attempts: Mutex<Vec<(String, Duration)>>,
    arrived: Mutex<Vec<String>>,
    takes: Duration,
    fails: AtomicUsize,
    panics: AtomicUsize,
    hangs: AtomicUsize,
    hangs_at: HashSet<&'static str>,
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

impl Server {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            attempts: Mutex::default(),
            arrived: Mutex::default(),
            takes: Duration::ZERO,
            fails: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
            hangs: AtomicUsize::new(0),
            hangs_at: HashSet::new(),
            busy: AtomicUsize::new(0),
            busiest: AtomicUsize::new(0),
        }
    }

    fn attempts(&self) -> Vec<String> {
        let attempts = self.attempts.lock().expect("lock");
        attempts.iter().map(|(to, _at)| to.clone()).collect()
    }

    /// When it was tried to send to `to`, from the start on.
    fn attempts_at(&self, to: &str) -> Vec<Duration> {
        let attempts = self.attempts.lock().expect("lock");
        let of = attempts.iter().filter(|(other, _at)| other == to);
        of.map(|(_to, at)| *at).collect()
    }

    fn arrived(&self) -> Vec<String> {
        self.arrived.lock().expect("lock").clone()
    }
}

fn one_less(counter: &AtomicUsize) -> bool {
    counter
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

#[async_trait]
impl Mailer for Server {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let to = mail.to.split('@').next().expect("a local part").to_owned();
        let at = self.started.elapsed();
        self.attempts.lock().expect("lock").push((to.clone(), at));
        if one_less(&self.hangs) || self.hangs_at.contains(&*to) {
            std::future::pending::<()>().await;
        }
        assert!(!one_less(&self.panics), "on purpose");
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.busiest.fetch_max(busy, Ordering::SeqCst);
        sleep(self.takes).await;
        self.busy.fetch_sub(1, Ordering::SeqCst);
        if one_less(&self.fails) {
            return Err(MailError::new("connection refused"));
        }
        self.arrived.lock().expect("lock").push(to);
        Ok(())
    }
}

fn seconds(pauses: &[u64]) -> Vec<Duration> {
    pauses.iter().copied().map(Duration::from_secs).collect()
}

/// With room for 1024, 8 in flight, two retries and no budget.
fn settings(mailer: &Arc<Server>) -> OutboxSettings {
    OutboxSettings {
        mailer: Some(Arc::clone(mailer) as Arc<dyn Mailer>),
        clock: Arc::new(ManualClock::default()),
        budget: MailBudget::UNLIMITED,
        capacity: 1024,
        in_flight: 8,
        retries: seconds(&[1, 5]),
    }
}

fn outbox(settings: OutboxSettings) -> Outbox {
    Outbox::new(settings).expect("settings")
}

fn letter(outbox: &Outbox, to: &str) -> Letter {
    Letter {
        kind: MailKind::Verify,
        user: format!("id of {to}"),
        to: format!("{to}@camelot.example"),
        expires_at: outbox.0.settings.clock.now() + Duration::from_secs(3600),
        given_up: Box::new(|_why, _problem| {}),
        sign: Box::new(|| SecretString::from("token")),
    }
}

fn push_letter(outbox: &Outbox, letter: Letter) -> Result<(), NotMailed> {
    let (account, address) = (letter.user.clone(), letter.to.parse::<Email>().expect("e-mail"));
    outbox.push(MailKind::Verify, &account, address.normalized(), Ok(letter))
}

fn push(outbox: &Outbox, to: &str) -> Result<(), NotMailed> {
    push_letter(outbox, letter(outbox, to))
}
