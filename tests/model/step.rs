//! What can be done, and what comes of it.

use std::collections::BTreeSet;

use crate::rules::Instant;

/// The number of a log-in, in the order in which they were made.
pub(crate) type LogInNumber = usize;

/// The number of a user.
pub(crate) type Person = usize;

pub(crate) const BACKENDS: [&str; 2] = ["app", "web"];
pub(crate) const PEOPLE: usize = 2;

/// A token that was issued.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) log_in: LogInNumber,
    pub(crate) person: Person,
    pub(crate) backend: &'static str,
    /// Which of its kind in this log-in.
    pub(crate) number: i64,
    pub(crate) epoch: i64,
    /// `iat` and `exp` of an access token.
    pub(crate) issued: Instant,
    pub(crate) end: Instant,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Access,
    Refresh,
}

/// Where a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Use,
    Rotate,
    LogOut,
    Refresh,
    LogOutByRefresh,
}

impl Door {
    pub(crate) const ALL: [Self; 5] = [
        Self::Use,
        Self::Rotate,
        Self::LogOut,
        Self::Refresh,
        Self::LogOutByRefresh,
    ];

    /// The kind of token that is good there.
    pub(crate) fn takes(self) -> Kind {
        match self {
            Self::Use | Self::Rotate | Self::LogOut => Kind::Access,
            Self::Refresh | Self::LogOutByRefresh => Kind::Refresh,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    LogIn {
        number: LogInNumber,
        person: Person,
        backend: &'static str,
    },
    Present {
        door: Door,
        token: Token,
        at: &'static str,
    },
    /// A token that nobody issued.
    Forge {
        door: Door,
        text: String,
    },
    /// Ends a log-in by its public id, as its user.
    Revoke {
        log_in: LogInNumber,
        person: Person,
    },
    RevokeAll(Person),
    /// Outdates every credential of before. The rows stay.
    ChangePassword(Person),
    /// As well.
    Deactivate(Person),
    Activate(Person),
    List(Person),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Refused,
    /// A token is good, and the answer should bring the next one, or not.
    Good {
        rotation_due: bool,
    },
    Issued(Tokens),
    /// The successor, if the token is to be replaced.
    Rotated(Option<Tokens>),
    /// Whether there was something to end.
    Ended(bool),
    Done,
    Listed(BTreeSet<LogInNumber>),
    /// No model allows that.
    Failed(String),
}

/// Tokens, as their texts say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) log_in: LogInNumber,
    pub(crate) epoch: i64,
    pub(crate) access: i64,
    pub(crate) issued: Instant,
    pub(crate) end: Instant,
    pub(crate) refresh: Option<i64>,
}
