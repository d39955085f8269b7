use std::num::NonZeroU32;

use fastrand::Rng;
use time::Duration;

use crate::{Cap, TokenKind};

const TASKS: usize = 4;
/// The number of calls of each task.
const CALLS: usize = 10;
/// The log-ins that are there at first, half of them of each backend.
pub(super) const FIRST: usize = 4;
/// All log-ins: each is inserted once at most.
pub(super) const LOG_INS: usize = 12;
/// Of log-ins of each backend.
pub(super) const CAP: Cap = Cap::new(NonZeroU32::new(3).expect("three is not zero"));

/// A call, about the `n`-th log-in if it is about one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Insert(usize),
    Find(usize),
    /// Moves the expiry to so long after the start, which is before the absolute limit.
    Touch(usize, Option<Duration>),
    Advance {
        n: usize,
        kind: TokenKind,
        /// The generation that is replaced, relative to the one that the task has last seen.
        ahead: i64,
        /// How long after the start the expiry is to be.
        until: Option<Duration>,
    },
    Delete(usize),
    DeleteById(usize),
    DeleteAll,
    List,
}

impl Call {
    /// The log-in that it is about, if it is about one.
    pub(super) fn log_in(self) -> Option<usize> {
        match self {
            Self::Insert(n)
            | Self::Find(n)
            | Self::Touch(n, _)
            | Self::Advance { n, .. }
            | Self::Delete(n)
            | Self::DeleteById(n) => Some(n),
            Self::DeleteAll | Self::List => None,
        }
    }
}

/// A call, after a pause of so many turns, at an instant after the start that no other call has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action {
    pub(super) pause: u32,
    pub(super) at: Duration,
    pub(super) call: Call,
}

impl Action {
    pub(super) fn now(call: Call) -> Self {
        Self {
            pause: 0,
            at: Duration::ZERO,
            call,
        }
    }
}

/// The calls of each task, drawn from this seed.
pub(super) fn tasks(seed: u64) -> [Vec<Action>; TASKS] {
    let mut random = Rng::with_seed(seed);
    let mut fresh = FIRST..LOG_INS;
    let mut tasks = [const { Vec::new() }; TASKS];
    for (n, at) in (0..TASKS * CALLS).zip(0..) {
        tasks[n % TASKS].push(Action {
            pause: random.u32(0..4),
            at: Duration::minutes(1) + Duration::milliseconds(at),
            call: call(&mut random, &mut fresh),
        });
    }
    tasks
}

fn call(random: &mut Rng, fresh: &mut impl Iterator<Item = usize>) -> Call {
    // Most are about the log-ins that every task knows from the start.
    let n = match random.u32(0..3) {
        0 => random.usize(0..LOG_INS),
        _ => random.usize(0..FIRST),
    };
    let until = match random.u32(0..3) {
        0 => None,
        // At times past the absolute limit, which is after 30 days.
        _ => Some(Duration::hours(random.i64(2..24 * 40))),
    };
    match random.u32(0..100) {
        0..45 => Call::Advance {
            n,
            kind: match random.bool() {
                true => TokenKind::Access,
                false => TokenKind::Refresh,
            },
            ahead: match random.u32(0..5) {
                0 => -1,
                1 => 1,
                _ => 0,
            },
            until,
        },
        45..55 => Call::Touch(n, until.map(|until| until.min(Duration::days(29)))),
        55..70 => fresh.next().map_or(Call::List, Call::Insert),
        70..80 => Call::Find(n),
        80..88 => Call::List,
        88..93 => Call::Delete(n),
        93..98 => Call::DeleteById(n),
        _ => Call::DeleteAll,
    }
}
