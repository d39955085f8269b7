//! What must come of each step.

use std::collections::BTreeMap;

use crate::{
    log_in::{Generation, LogIn, Standing, whole_second},
    rules::{ACCESS, IDLE, Instant, LEEWAY, LOG_IN, ROTATION_GRACE, Rules},
    step::{Door, LogInNumber, Outcome, PEOPLE, Person, Step, Token, Tokens},
};

/// The users, and the log-ins that have not ended. A log-in that has expired may still be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    rules: Rules,
    people: [Account; PEOPLE],
    log_ins: BTreeMap<LogInNumber, LogIn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    epoch: i64,
    is_active: bool,
}

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        let account = Account {
            epoch: 0,
            is_active: true,
        };
        Self {
            rules,
            people: [account; PEOPLE],
            log_ins: BTreeMap::new(),
        }
    }

    /// Every outcome that `step` may have at `now`, each with what holds afterwards.
    pub(crate) fn after(&self, step: &Step, now: Instant) -> Vec<(Outcome, Self)> {
        self.after_looking(step, self, now)
    }

    /// The same for two steps at the same time: the one after the other. If the second looks first and writes later, it may
    /// have looked before the other one did anything.
    pub(crate) fn after_both(&self, [one, two]: [&Step; 2], now: Instant) -> Vec<Pair> {
        let after_one = self.in_turn(one, two, now);
        let after_two = self.in_turn(two, one, now).into_iter();
        let swapped = after_two.map(|([two, one], end)| ([one, two], end));
        after_one.into_iter().chain(swapped).collect()
    }

    /// The outcomes of `first` and then of `second`.
    fn in_turn(&self, first: &Step, second: &Step, now: Instant) -> Vec<Pair> {
        let mut all = Vec::new();
        for (one, between) in self.after(first, now) {
            let mut ends = between.after(second, now);
            ends.extend(between.after_looking(second, self, now));
            all.extend(ends.into_iter().map(|(two, end)| ([one.clone(), two], end)));
        }
        all
    }

    /// As [`after`](Self::after), for a step that looked when things were as in `seen`.
    fn after_looking(&self, step: &Step, seen: &Self, now: Instant) -> Vec<(Outcome, Self)> {
        let mut end = self.clone();
        let outcome = match step {
            Step::LogIn {
                number,
                person,
                backend,
            } => return self.after_log_in(*number, *person, backend, seen, now),
            Step::Present { door, token, at } => {
                if token.kind == door.takes() && token.backend == *at {
                    end.present(*door, token, seen, now)
                } else {
                    nothing(*door)
                }
            }
            Step::Forge { door, .. } => nothing(*door),
            Step::Revoke { log_in, person } => {
                let is_theirs = self
                    .log_ins
                    .get(log_in)
                    .is_some_and(|held| held.person == *person);
                if is_theirs {
                    end.log_ins.remove(log_in);
                }
                Outcome::Ended(is_theirs)
            }
            Step::RevokeAll(person) => {
                end.end_all(*person);
                Outcome::Done
            }
            Step::ChangePassword(person) => {
                end.people[*person].epoch += 1;
                Outcome::Done
            }
            Step::Deactivate(person) => {
                end.people[*person].epoch += 1;
                end.people[*person].is_active = false;
                Outcome::Done
            }
            Step::Activate(person) => {
                end.people[*person].is_active = true;
                Outcome::Done
            }
            Step::List(person) => {
                let epoch = self.people[*person].epoch;
                let listed = self.log_ins.iter().filter(|(_, log_in)| {
                    log_in.person == *person && log_in.epoch == epoch && now < log_in.expires
                });
                Outcome::Listed(listed.map(|(number, _)| *number).collect())
            }
        };
        vec![(outcome, end)]
    }

    fn end_all(&mut self, person: Person) {
        self.log_ins.retain(|_, log_in| log_in.person != person);
    }

    fn after_log_in(
        &self,
        number: LogInNumber,
        person: Person,
        backend: &'static str,
        seen: &Self,
        now: Instant,
    ) -> Vec<(Outcome, Self)> {
        let account = seen.people[person];
        if !account.is_active {
            return vec![(Outcome::Refused, self.clone())];
        }
        let first = Generation {
            number: 0,
            since: now,
        };
        let mut log_in = LogIn {
            person,
            backend,
            epoch: account.epoch,
            absolute: whole_second(now + LOG_IN),
            expires: whole_second(now + LOG_IN),
            access: first,
            refresh: first,
        };
        let end_of_access = log_in.end_of_access(now);
        if self.rules.refresh.is_some() {
            log_in.expires = log_in.absolute.min(now + IDLE);
        } else {
            log_in.expires = end_of_access;
            if self.rules.rotate_after.is_none() {
                log_in.absolute = end_of_access;
            }
        }
        let outcome = Outcome::Issued(self.tokens(number, &log_in));
        let mut end = self.clone();
        if let Some(cap) = self.rules.cap {
            end.make_room(person, backend, cap - 1, now);
        }
        end.log_ins.insert(number, log_in);
        vec![(outcome, end)]
    }

    /// Removes the oldest of the log-ins, those that have expired first, until `keep` are left.
    fn make_room(&mut self, person: Person, backend: &str, keep: usize, now: Instant) {
        let of_the_same = self
            .log_ins
            .iter()
            .filter(|(_, held)| held.person == person && held.backend == backend);
        let mut newest_first: Vec<_> = of_the_same
            .map(|(number, held)| (held.expires <= now, *number))
            .rev()
            .collect();
        newest_first.sort_by_key(|(has_expired, _)| *has_expired);
        for (_, number) in newest_first.into_iter().skip(keep) {
            self.log_ins.remove(&number);
        }
    }

    /// What comes of a token at its own door and backend.
    fn present(&mut self, door: Door, token: &Token, seen: &Self, now: Instant) -> Outcome {
        match door {
            Door::Use => self.present_access(token, now),
            Door::Rotate => self.rotate(token, now),
            Door::LogOut => {
                if seen.logs_out(token, now) {
                    self.log_ins.remove(&token.log_in);
                }
                Outcome::Done
            }
            Door::Refresh => self.refresh(token, seen.people[token.person], now),
            Door::LogOutByRefresh => {
                let standing = seen.standing_of_refresh(token, now);
                // A reuse ends it, too.
                if standing.is_some() || seen.is_over(token, now) {
                    self.log_ins.remove(&token.log_in);
                }
                Outcome::Ended(standing.is_some_and(|standing| standing != Standing::Replaced))
            }
        }
    }

    fn is_over(&self, token: &Token, now: Instant) -> bool {
        self.log_ins
            .get(&token.log_in)
            .is_some_and(|log_in| log_in.is_over(now))
    }

    /// The log-in of a token, if it has not expired. One that is over is deleted.
    fn live(&mut self, token: &Token, now: Instant) -> Option<&mut LogIn> {
        if self.is_over(token, now) {
            self.log_ins.remove(&token.log_in);
        }
        let log_in = self.log_ins.get_mut(&token.log_in);
        log_in.filter(|log_in| now < log_in.expires)
    }

    /// Whether an access token ends its log-in.
    fn logs_out(&self, token: &Token, now: Instant) -> bool {
        let is_present =
            |log_in: &LogIn| log_in.access.standing(token.number, ROTATION_GRACE, now) != Standing::Replaced;
        let rotates = self.rules.rotate_after.is_some();
        now < token.end + LEEWAY && (!rotates || self.log_ins.get(&token.log_in).is_some_and(is_present))
    }

    fn is_due(&self, token: &Token, now: Instant) -> bool {
        let Some(age) = self.rules.rotate_after else {
            return false;
        };
        // No two replaced tokens are good at the same time.
        let is_another_good = self
            .log_ins
            .get(&token.log_in)
            .is_some_and(|log_in| log_in.access.number > 0 && now < log_in.access.since + ROTATION_GRACE);
        token.issued + age <= now && !is_another_good
    }

    fn present_access(&mut self, token: &Token, now: Instant) -> Outcome {
        if token.end <= now {
            return Outcome::Refused;
        }
        let account = self.people[token.person];
        let (is_due, rules) = (self.is_due(token, now), self.rules);
        if !rules.looks_up {
            return if account.is_active && token.epoch == account.epoch {
                Outcome::Good { rotation_due: false }
            } else {
                Outcome::Refused
            };
        }
        let Some(log_in) = self.live(token, now) else {
            return Outcome::Refused;
        };
        let standing = log_in.access.standing(token.number, ROTATION_GRACE, now);
        if standing == Standing::Replaced || !account.is_active || log_in.epoch != account.epoch {
            return Outcome::Refused;
        }
        let is_replaced = rules.rotate_after.is_some() && standing == Standing::JustReplaced;
        Outcome::Good {
            rotation_due: is_due || is_replaced,
        }
    }

    fn rotate(&mut self, token: &Token, now: Instant) -> Outcome {
        if token.end <= now {
            return Outcome::Refused;
        }
        let (is_due, is_refreshed) = (self.is_due(token, now), self.rules.refresh.is_some());
        let Some(log_in) = self.live(token, now) else {
            return Outcome::Refused;
        };
        match log_in.access.standing(token.number, ROTATION_GRACE, now) {
            Standing::Replaced => return Outcome::Refused,
            Standing::Present if !is_due => return Outcome::Rotated(None),
            Standing::Present => {
                log_in.access.advance(now);
                if !is_refreshed {
                    log_in.expires = whole_second(log_in.absolute.min(now + ACCESS));
                }
            }
            Standing::JustReplaced => {}
        }
        Outcome::Rotated(Some(log_in.access_token(token.log_in, log_in.access.since)))
    }

    fn refresh(&mut self, token: &Token, account: Account, now: Instant) -> Outcome {
        let grace = match self.rules.refresh {
            Some(grace) if account.is_active && account.epoch == token.epoch => grace,
            _ => return Outcome::Refused,
        };
        let Some(log_in) = self.live(token, now) else {
            return Outcome::Refused;
        };
        match log_in.refresh.standing(token.number, grace, now) {
            Standing::Present => {
                log_in.refresh.advance(now);
                log_in.expires = log_in.absolute.min(now + IDLE);
            }
            Standing::JustReplaced => {}
            Standing::Replaced => {
                self.log_ins.remove(&token.log_in);
                return Outcome::Refused;
            }
        }
        let log_in = log_in.clone();
        Outcome::Issued(self.tokens(token.log_in, &log_in))
    }

    /// The standing of a refresh token, unless its log-in has ended.
    fn standing_of_refresh(&self, token: &Token, now: Instant) -> Option<Standing> {
        let log_in = self
            .log_ins
            .get(&token.log_in)
            .filter(|log_in| now < log_in.expires)?;
        Some(log_in.refresh.standing(token.number, self.rules.refresh?, now))
    }

    fn tokens(&self, number: LogInNumber, log_in: &LogIn) -> Tokens {
        Tokens {
            refresh: self.rules.refresh.map(|_grace| log_in.refresh.number),
            ..log_in.access_token(number, log_in.refresh.since.max(log_in.access.since))
        }
    }

    /// The instants at which something changes, for tests of the boundaries.
    pub(crate) fn boundaries(&self) -> impl Iterator<Item = Instant> {
        let grace = self.rules.refresh.unwrap_or_default();
        self.log_ins.values().flat_map(move |log_in| {
            [
                log_in.absolute,
                log_in.expires,
                log_in.access.since + ROTATION_GRACE,
                log_in.refresh.since + grace,
            ]
        })
    }
}

type Pair = ([Outcome; 2], Model);

/// What comes of something that is no token of this door.
fn nothing(door: Door) -> Outcome {
    match door {
        Door::Use | Door::Rotate | Door::Refresh => Outcome::Refused,
        Door::LogOut => Outcome::Done,
        Door::LogOutByRefresh => Outcome::Ended(false),
    }
}
