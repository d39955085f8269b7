//! A log-in of the model.

use crate::{
    rules::{ACCESS, DELETED_AFTER, Instant, SECOND},
    step::{LogInNumber, Person, Tokens},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogIn {
    pub(crate) person: Person,
    pub(crate) backend: &'static str,
    pub(crate) epoch: i64,
    pub(crate) absolute: Instant,
    pub(crate) expires: Instant,
    pub(crate) access: Generation,
    pub(crate) refresh: Generation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) number: i64,
    pub(crate) since: Instant,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Standing {
    Present,
    JustReplaced,
    Replaced,
}

impl Generation {
    pub(crate) fn standing(self, number: i64, grace: Instant, now: Instant) -> Standing {
        if number == self.number {
            Standing::Present
        } else if number + 1 == self.number && now < self.since + grace {
            Standing::JustReplaced
        } else {
            Standing::Replaced
        }
    }

    pub(crate) fn advance(&mut self, now: Instant) {
        *self = Self {
            number: self.number + 1,
            since: now,
        };
    }
}

pub(crate) fn whole_second(instant: Instant) -> Instant {
    instant - instant.rem_euclid(SECOND)
}

impl LogIn {
    /// True if whoever comes with its token deletes it.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.absolute <= now || self.expires + DELETED_AFTER <= now
    }

    pub(crate) fn end_of_access(&self, issued: Instant) -> Instant {
        whole_second(self.expires.min(issued + ACCESS))
    }

    pub(crate) fn access_token(&self, number: LogInNumber, issued: Instant) -> Tokens {
        Tokens {
            log_in: number,
            epoch: self.epoch,
            access: self.access.number,
            issued: whole_second(issued),
            end: self.end_of_access(issued),
            refresh: None,
        }
    }
}
