//! One attempt to send a mail.

use std::{sync::Arc, time::Duration};

use auth_core::{ExposeSecret as _, metrics::MAIL_ATTEMPTS};
use tokio::time::{Instant, timeout};

use super::{
    Shared,
    queue::{Item, Landing},
};
use crate::{
    LOG, Mail, Mailer,
    caught::{Panicked, caught},
};

/// The time limit of an attempt.
const DEADLINE: Duration = Duration::from_secs(10);

/// A letter that is being sent. It ends once: with its outcome, or as a failure if it is dropped before.
pub(super) struct Flight {
    shared: Arc<Shared>,
    item: Option<Item>,
}

enum Outcome {
    Sent,
    Expired,
    NoMailer,
    Failed(String),
}

impl Flight {
    /// The flight of the letter that is due next.
    pub(super) fn next(shared: &Arc<Shared>) -> Option<Self> {
        let item = shared.lock().take(Instant::now())?;
        Some(Self {
            shared: Arc::clone(shared),
            item: Some(item),
        })
    }

    pub(super) async fn run(mut self) {
        let Some(item) = &self.item else {
            return;
        };
        let outcome = attempt(&self.shared, item).await;
        self.land(outcome);
    }

    fn land(&mut self, outcome: Outcome) {
        let Some(item) = self.item.take() else {
            return;
        };
        let (kind, user, to) = (item.letter.kind.name(), &item.letter.user, &item.letter.to);
        let attempted = |outcome: &'static str| MAIL_ATTEMPTS.count([kind.into(), outcome.into()]);
        let landing = match outcome {
            Outcome::Sent => {
                attempted("sent");
                tracing::debug!(target: LOG, kind, user, ?to, "a mail was sent");
                Landing::Sent
            }
            Outcome::Expired => {
                (item.letter.given_up)("expired", None);
                Landing::Expired
            }
            Outcome::NoMailer => {
                (item.letter.given_up)("no_mailer", None);
                Landing::GivenUp
            }
            Outcome::Failed(problem) => {
                attempted("failed");
                match self.pause_after(&item) {
                    Some(pause) => {
                        tracing::warn!(target: LOG, kind, user, ?to, ?problem, ?pause, "a mail is tried again");
                        Landing::Again(Instant::now() + pause)
                    }
                    None => {
                        (item.letter.given_up)("failed", Some(problem));
                        Landing::GivenUp
                    }
                }
            }
        };
        self.shared.lock().land(item, &landing);
        self.shared.changed.notify_one();
        self.shared.gone.notify_waiters();
    }

    /// The pause before the next attempt, if there is one before the token expires. It is as configured, and up to a quarter
    /// longer, so that mails that failed together are not tried together.
    fn pause_after(&self, item: &Item) -> Option<Duration> {
        let pause = *self.shared.settings.retries.get(item.attempts - 1)?;
        let chance = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
        let pause = pause.mul_f64(1.0 + chance / 4.0);
        let next = self.shared.settings.clock.now() + pause;
        (next < item.letter.expires_at).then_some(pause)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.land(Outcome::Failed("the attempt was cut off".to_owned()));
    }
}

async fn attempt(shared: &Shared, item: &Item) -> Outcome {
    let letter = &item.letter;
    if letter.expires_at <= shared.settings.clock.now() {
        return Outcome::Expired;
    }
    let Some(mailer) = &shared.settings.mailer else {
        return Outcome::NoMailer;
    };
    let mail = letter.write();
    // The text of an error is the application's code, too, so it is made inside of `caught`.
    let sent = caught(timeout(DEADLINE, send(&**mailer, &mail))).await;
    match sent {
        Ok(Ok(Ok(()))) => Outcome::Sent,
        Ok(Ok(Err(problem))) => Outcome::Failed(problem),
        Ok(Err(_elapsed)) => Outcome::Failed(format!("no answer within {DEADLINE:?}")),
        Err(Panicked) => Outcome::Failed("the mailer panicked".to_owned()),
    }
}

/// Sends `mail`. The text of an error does not contain the token.
async fn send(mailer: &dyn Mailer, mail: &Mail) -> Result<(), String> {
    mailer.send(mail).await.map_err(|error| {
        let text = error.to_string();
        text.replace(mail.token.expose_secret(), "[REDACTED]")
    })
}
