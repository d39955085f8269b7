//! Decides which mail is sent next, and which is not accepted.

use std::collections::{BTreeMap, HashMap};

use auth_core::metrics::{Level, MAILS_IN_FLIGHT, MAILS_WAITING};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Letter;
use crate::{
    MailKind,
    mail_budget::{Addressee, Ledger},
};

/// The maximum number of mails of one account, and to one address, that wait or are in flight.
const SHARE: usize = 8;

/// The number of mails that were not sent since the start, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedMails {
    /// The account or the address was beyond its [`MailBudget`](crate::MailBudget).
    pub over_budget: u64,
    /// Too many mails of the account, or for the address, were waiting.
    pub over_share: u64,
    /// The outbox was full. A mail that failed before and waits is dropped, if there is one, and otherwise the new mail.
    pub outbox_full: u64,
    /// Every attempt failed, or there is no mailer.
    pub given_up: u64,
    /// The token expired before the mail was sent.
    pub expired: u64,
}

impl DroppedMails {
    /// The sum of all reasons.
    #[must_use]
    pub fn total(self) -> u64 {
        let Self {
            over_budget,
            over_share,
            outbox_full,
            given_up,
            expired,
        } = self;
        over_budget + over_share + outbox_full + given_up + expired
    }
}

/// The reason that a mail is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotMailed {
    UnknownUser,
    Inactive,
    AlreadyVerified,
    HasPassword,
    EmailTaken,
    OverBudget,
    OverShare,
    OutboxFull,
}

impl NotMailed {
    /// A stable name for logs. If it is counted in [`DroppedMails`], it is the name of that field.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::Inactive => "inactive",
            Self::AlreadyVerified => "already_verified",
            Self::HasPassword => "has_password",
            Self::EmailTaken => "email_taken",
            Self::OverBudget => "over_budget",
            Self::OverShare => "over_share",
            Self::OutboxFull => "outbox_full",
        }
    }
}

/// A letter in the queue or in flight.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) letter: Letter,
    pub(super) to: Addressee,
    pub(super) attempts: usize,
}

/// The result of an attempt.
#[derive(Debug)]
pub(super) enum Landing {
    Sent,
    /// Try again at this instant.
    Again(Instant),
    GivenUp,
    Expired,
}

pub(super) struct Queue {
    capacity: usize,
    ledger: Ledger,
    dropped: DroppedMails,
    /// Ordered by the instant from which they may be sent, then by arrival.
    waiting: BTreeMap<(Instant, u64), Item>,
    next_place: u64,
    /// The addresses with a mail in flight, one each, and the account that it is of.
    in_flight: HashMap<u64, u64>,
    has_worker: bool,
    levels: [Level; 2],
}

impl Queue {
    pub(super) fn new(capacity: usize, ledger: Ledger) -> Self {
        Self {
            capacity,
            ledger,
            dropped: DroppedMails::default(),
            waiting: BTreeMap::new(),
            next_place: 0,
            in_flight: HashMap::new(),
            has_worker: false,
            levels: [Level::new(&MAILS_WAITING), Level::new(&MAILS_IN_FLIGHT)],
        }
    }

    pub(super) fn dropped(&self) -> DroppedMails {
        self.dropped
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// Takes in `letter`, or tells and counts why not. Everything is looked up before it matters whether there is a letter.
    ///
    /// Returns the letter that had to make room for it.
    pub(super) fn push(
        &mut self,
        kind: MailKind,
        to: Addressee,
        letter: Result<Letter, NotMailed>,
        now: OffsetDateTime,
    ) -> Result<Option<Letter>, NotMailed> {
        let in_budget = self.ledger.allows(kind, to, now);
        let has_share = self.has_share(to);
        let has_room = self.waiting.len() + self.in_flight.len() < self.capacity;
        let due = Instant::now();
        let letter = letter?;
        if !in_budget {
            self.dropped.over_budget += 1;
            return Err(NotMailed::OverBudget);
        }
        if !has_share {
            self.dropped.over_share += 1;
            return Err(NotMailed::OverShare);
        }
        let displaced = match has_room {
            true => None,
            false => {
                self.dropped.outbox_full += 1;
                Some(self.displace(due).ok_or(NotMailed::OutboxFull)?)
            }
        };
        self.ledger.count(kind, to, now);
        let attempts = 0;
        self.wait(Item { letter, to, attempts }, due);
        Ok(displaced)
    }

    /// True if another mail of the account, and for the address, may wait.
    fn has_share(&self, to: Addressee) -> bool {
        let flying = self.in_flight.iter();
        let flying = flying.map(|(&address, &account)| Addressee { account, address });
        let all = self.waiting.values().map(|item| item.to).chain(flying);
        let (mut of_account, mut for_address) = (0, 0);
        for mail in all {
            of_account += usize::from(mail.account == to.account);
            for_address += usize::from(mail.address == to.address);
        }
        of_account < SHARE && for_address < SHARE
    }

    /// Removes the letter whose next attempt is furthest away, which has failed before.
    fn displace(&mut self, now: Instant) -> Option<Letter> {
        let last = self.waiting.last_entry()?;
        let (due, _place) = *last.key();
        let item = (due > now).then(|| last.remove())?;
        self.ledger.take_back(item.letter.kind, item.to);
        Some(item.letter)
    }

    fn wait(&mut self, item: Item, due: Instant) {
        self.waiting.insert((due, self.next_place), item);
        self.next_place += 1;
        self.measure();
    }

    /// The next letter to send: the first that is due, to an address with none in flight.
    pub(super) fn take(&mut self, now: Instant) -> Option<Item> {
        let place = self
            .waiting
            .iter()
            .take_while(|((due, _place), _item)| *due <= now)
            .find(|(_due, item)| !self.in_flight.contains_key(&item.to.address))
            .map(|(place, _item)| *place)?;
        let mut item = self.waiting.remove(&place)?;
        item.attempts += 1;
        self.in_flight.insert(item.to.address, item.to.account);
        self.measure();
        Some(item)
    }

    /// When the next letter becomes due. A letter that waits for another one in flight does not count.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        self.waiting
            .keys()
            .map(|(due, _place)| *due)
            .find(|due| *due > now)
    }

    /// Ends the flight of `item`.
    pub(super) fn land(&mut self, item: Item, landing: &Landing) {
        self.in_flight.remove(&item.to.address);
        match landing {
            Landing::Again(due) => self.wait(item, *due),
            Landing::Sent => {}
            Landing::GivenUp => self.dropped.given_up += 1,
            Landing::Expired => self.dropped.expired += 1,
        }
        self.measure();
    }

    fn measure(&mut self) {
        let [waiting, in_flight] = &mut self.levels;
        waiting.set(self.waiting.len());
        in_flight.set(self.in_flight.len());
    }

    pub(super) fn end_pauses(&mut self, now: Instant) {
        let waiting = std::mem::take(&mut self.waiting);
        let sooner = |((due, place), item)| ((now.min(due), place), item);
        self.waiting = waiting.into_iter().map(sooner).collect();
    }

    /// True if a worker must be started, because there is work and no worker.
    pub(super) fn hire(&mut self) -> bool {
        let hired = !self.has_worker && !self.waiting.is_empty();
        self.has_worker |= hired;
        hired
    }

    pub(super) fn dismiss(&mut self) {
        self.has_worker = false;
    }

    /// Lets the worker go if there is nothing to do. Returns whether that is so.
    pub(super) fn dismiss_if_empty(&mut self) -> bool {
        let empty = self.is_empty();
        self.has_worker &= !empty;
        empty
    }
}
