//! The limits on mails to an account and to an address.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use auth_core::{ConfigError, NormalizedEmail};
use time::OffsetDateTime;

use crate::MailKind;

const MAILS: u32 = 3;
const HOUR: Duration = Duration::from_secs(3600);
const MOST_MAILS: u32 = 1000;
const LONGEST_WINDOW: Duration = Duration::from_secs(86_400);
/// The number of accounts that one address can have within a window before it gets no more mails.
const ACCOUNTS_OF_AN_ADDRESS: u32 = 10;
/// The number of mails that a ledger remembers, at some 150 bytes each.
const MEMORY: usize = 100_000;

/// How many mails of one kind go to one account within any span of a certain length. By default 3 within an hour.
///
/// Past the budget no mail goes out, and the answer and its timing stay the same. An account that changes its address
/// gets no fresh budget. An account that was deleted and registered again does.
///
/// One address gets at most ten times the mails of an account, so that a mailbox cannot be flooded by moving one
/// account after the other to its address. Ten accounts that were at one address within the window can use that up. The
/// next account that registers there gets no mail until the window ends.
///
/// Each process counts for itself, and starts at zero. It remembers 100,000 mails, and forgets the oldest first if more
/// are accepted within the window.
///
/// ```
/// use std::time::Duration;
/// use portcullis::users::MailBudget;
///
/// assert_eq!(MailBudget::new(3, Duration::from_secs(3600))?, MailBudget::default());
/// assert!(MailBudget::new(0, Duration::from_secs(3600)).is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailBudget(Option<Limit>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    mails: u32,
    window: Duration,
}

impl MailBudget {
    /// No budget.
    ///
    /// # Security
    /// Anyone who knows a user's address can then have any number of mails sent to it. Choose it only if something else
    /// limits them.
    pub const UNLIMITED: Self = Self(None);

    /// At most `mails` within any span of the length `window`.
    ///
    /// # Errors
    /// [`ConfigError`] naming `mail_budget` if `mails` is not between 1 and 1000, or if `window` is not between a
    /// second and a day.
    pub fn new(mails: u32, window: Duration) -> Result<Self, ConfigError> {
        if !(1..=MOST_MAILS).contains(&mails) {
            let problem =
                "the number of mails is not between 1 and 1000; no budget is `MailBudget::UNLIMITED`";
            return Err(ConfigError::new("mail_budget", problem));
        }
        if !(Duration::from_secs(1)..=LONGEST_WINDOW).contains(&window) {
            let problem = "the window is not between a second and a day";
            return Err(ConfigError::new("mail_budget", problem));
        }
        Ok(Self(Some(Limit { mails, window })))
    }
}

impl Default for MailBudget {
    fn default() -> Self {
        Self(Some(Limit {
            mails: MAILS,
            window: HOUR,
        }))
    }
}

/// The account and the address that a mail is for, as keys of bounded size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addressee {
    pub(crate) account: u64,
    pub(crate) address: u64,
}

impl Addressee {
    /// With `hasher`, whose key is random, so that an attacker cannot choose two addressees of one hash.
    pub(crate) fn new(hasher: &RandomState, account: &str, address: &NormalizedEmail) -> Self {
        Self {
            account: hasher.hash_one(("account", account)),
            address: hasher.hash_one(("address", address.as_str())),
        }
    }

    pub(crate) fn keys(self) -> [u64; 2] {
        [self.account, self.address]
    }
}

/// The mails that count against a budget.
#[derive(Debug)]
pub(crate) struct Ledger {
    budget: MailBudget,
    /// In the order of acceptance.
    mails: VecDeque<Spent>,
    counts: HashMap<(MailKind, u64), u32>,
}

#[derive(Debug)]
struct Spent {
    at: OffsetDateTime,
    kind: MailKind,
    to: Addressee,
}

impl Ledger {
    pub(crate) fn new(budget: MailBudget) -> Self {
        Self {
            budget,
            mails: VecDeque::new(),
            counts: HashMap::new(),
        }
    }

    /// True if another mail of `kind` may be sent.
    pub(crate) fn allows(&mut self, kind: MailKind, to: Addressee, now: OffsetDateTime) -> bool {
        let Some(limit) = self.budget.0 else {
            return true;
        };
        // From either side: a clock that was ahead and was set back keeps a mail out for one window at most.
        while let Some(oldest) = self.mails.front()
            && (now - oldest.at).unsigned_abs() >= limit.window
        {
            self.forget_oldest();
        }
        let spent = |key| self.counts.get(&(kind, key)).copied().unwrap_or_default();
        let (by_account, by_address) = (spent(to.account), spent(to.address));
        by_account < limit.mails && by_address < limit.mails * ACCOUNTS_OF_AN_ADDRESS
    }

    /// Counts a mail that is sent.
    pub(crate) fn count(&mut self, kind: MailKind, to: Addressee, now: OffsetDateTime) {
        if self.budget == MailBudget::UNLIMITED {
            return;
        }
        if self.mails.len() >= MEMORY {
            self.forget_oldest();
        }
        self.mails.push_back(Spent { at: now, kind, to });
        for key in to.keys() {
            *self.counts.entry((kind, key)).or_default() += 1;
        }
    }

    /// Uncounts the last mail, because it was not sent.
    pub(crate) fn take_back(&mut self, kind: MailKind, to: Addressee) {
        let is_it = |spent: &Spent| spent.kind == kind && spent.to == to;
        if let Some(at) = self.mails.iter().rposition(is_it)
            && let Some(spent) = self.mails.remove(at)
        {
            self.forget(spent);
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(spent) = self.mails.pop_front() {
            self.forget(spent);
        }
    }

    fn forget(&mut self, Spent { kind, to, .. }: Spent) {
        for key in to.keys() {
            if let Entry::Occupied(mut count) = self.counts.entry((kind, key)) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn to(account: u64, address: u64) -> Addressee {
        Addressee { account, address }
    }

    /// Asks for a mail to verify, and counts it if it may go out.
    fn sends(ledger: &mut Ledger, to: Addressee, now: OffsetDateTime) -> bool {
        let allowed = ledger.allows(MailKind::Verify, to, now);
        if allowed {
            ledger.count(MailKind::Verify, to, now);
        }
        allowed
    }

    fn seconds(number: i64) -> OffsetDateTime {
        START + time::Duration::seconds(number)
    }

    #[test]
    fn v8_no_hour_however_it_is_cut_has_more_than_three_mails() {
        let mut ledger = Ledger::new(MailBudget::default());
        let arthur = to(1, 2);
        let sent: Vec<i64> = (0..4 * 3600)
            .step_by(60)
            .filter(|second| sends(&mut ledger, arthur, seconds(*second)))
            .collect();
        assert_eq!(sent.len(), 12);
        assert!(sent.windows(4).all(|four| four[3] - four[0] >= 3600), "{sent:?}");
        assert!(ledger.mails.len() <= 3 && ledger.counts.len() <= 2);
    }

    #[test]
    fn v8_the_account_and_the_address_each_keep_their_count() {
        let mut ledger = Ledger::new(MailBudget::default());
        for address in 10..13 {
            assert!(sends(&mut ledger, to(1, address), START));
        }
        assert!(
            !sends(&mut ledger, to(1, 13), START),
            "another address of the account"
        );
        assert!(
            sends(&mut ledger, to(2, 13), START),
            "what was refused did not count"
        );
        assert!(
            ledger.allows(MailKind::Reset, to(1, 10), START),
            "each kind has a budget of its own"
        );
        let to_one_address = (100..200).filter(|account| sends(&mut ledger, to(*account, 10), START));
        assert_eq!(to_one_address.count(), 29, "and one from the first account");
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_mails_out_for_a_window_at_most() {
        let mut ledger = Ledger::new(MailBudget::default());
        let arthur = to(1, 2);
        let ahead = seconds(365 * 86_400);
        while sends(&mut ledger, arthur, ahead) {}
        assert!(!sends(&mut ledger, arthur, ahead - time::Duration::MINUTE));
        assert!(sends(&mut ledger, arthur, START));
    }

    #[test]
    fn r5_a_flood_of_other_accounts_is_remembered_within_bounds_and_wins_no_mail_early() {
        let mut ledger = Ledger::new(MailBudget::default());
        let arthur = to(0, 0);
        while sends(&mut ledger, arthur, START) {}
        let others = (1..=MEMORY as u64).map(|n| to(2 * n, 2 * n + 1));
        for (n, other) in others.enumerate() {
            assert!(sends(&mut ledger, other, START));
            if n + 3 < MEMORY {
                assert!(
                    !ledger.allows(MailKind::Verify, arthur, START),
                    "after {n} others"
                );
            }
        }
        assert!(ledger.allows(MailKind::Verify, arthur, START));
        assert_eq!((ledger.mails.len(), ledger.counts.len()), (MEMORY, 2 * MEMORY));
    }

    #[test]
    fn an_unlimited_budget_remembers_nothing() {
        let mut ledger = Ledger::new(MailBudget::UNLIMITED);
        assert!((0..100).all(|_| sends(&mut ledger, to(1, 2), START)));
        assert!(ledger.mails.is_empty() && ledger.counts.is_empty());
    }

    #[test]
    fn a_budget_that_makes_no_sense_is_refused_and_the_setting_named() {
        for (mails, window) in [(0, HOUR), (1001, HOUR), (3, Duration::ZERO), (3, Duration::MAX)] {
            let error = MailBudget::new(mails, window).expect_err("no budget");
            assert_eq!(error.setting(), "mail_budget");
        }
    }
}
