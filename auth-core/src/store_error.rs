//! The error of a store that did not do its work.

use std::{error::Error, fmt, time::Duration};

/// A failure of a store, or of the code that hashes, signs or makes random numbers.
///
/// It never means "not found" or "not logged in", so a client that meets it keeps its credentials. Its
/// [`kind`](Self::kind) says what happened, and decides between 503 and 500. The source is for logs. No part of this
/// error reaches a client.
#[derive(Debug)]
pub struct StoreError {
    origin: &'static str,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Failed(StoreErrorKind, Box<dyn Error + Send + Sync>),
    Timeout(Duration),
    Overloaded(Duration),
}

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There was no answer in time. 503.
    Timeout,
    /// There was no server to ask: no connection, or a server that is starting, stopping or no longer the primary. 503.
    Unreachable,
    /// The server refused: it lacks a table or a right, takes no writes, or is out of memory. 503.
    Refused,
    /// Too much happened at the same time: a deadlock, a write that lost against others again and again, a full queue. 503.
    Contention,
    /// The server's answer cannot be read: another program or another version wrote the data. 500.
    InvalidData,
    /// A fault in this program or its configuration. 500.
    Internal,
}

impl StoreErrorKind {
    /// A stable name for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Contention => "contention",
            Self::InvalidData => "invalid_data",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl StoreError {
    /// A call of `origin` (for example `"sqlite"`) failed because of `source`, which must not contain a secret.
    pub fn new(
        kind: StoreErrorKind,
        origin: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            origin,
            cause: Cause::Failed(kind, source.into()),
        }
    }

    /// `origin` did not answer within `limit`.
    #[must_use]
    pub fn timeout(origin: &'static str, limit: Duration) -> Self {
        Self {
            origin,
            cause: Cause::Timeout(limit),
        }
    }

    /// `origin` has more work than it can do in time. It expects to have room again after `retry_after`.
    #[must_use]
    pub fn overloaded(origin: &'static str, retry_after: Duration) -> Self {
        Self {
            origin,
            cause: Cause::Overloaded(retry_after),
        }
    }

    /// [`new`](Self::new) of [`Unreachable`](StoreErrorKind::Unreachable).
    pub fn unreachable(origin: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Unreachable, origin, source)
    }

    /// [`new`](Self::new) of [`Refused`](StoreErrorKind::Refused).
    pub fn refused(origin: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Refused, origin, source)
    }

    /// [`new`](Self::new) of [`Contention`](StoreErrorKind::Contention).
    pub fn contention(origin: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Contention, origin, source)
    }

    /// [`new`](Self::new) of [`InvalidData`](StoreErrorKind::InvalidData).
    pub fn invalid_data(origin: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::InvalidData, origin, source)
    }

    /// [`new`](Self::new) of [`Internal`](StoreErrorKind::Internal).
    pub fn internal(origin: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Internal, origin, source)
    }

    /// The name of the store or the work that failed, such as `"password hashing"`.
    #[must_use]
    pub fn origin(&self) -> &'static str {
        self.origin
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        match self.cause {
            Cause::Failed(kind, _) => kind,
            Cause::Timeout(_) => StoreErrorKind::Timeout,
            Cause::Overloaded(_) => StoreErrorKind::Contention,
        }
    }

    /// The time after which to try again, if known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            Cause::Overloaded(retry_after) => Some(retry_after),
            Cause::Failed(..) | Cause::Timeout(_) => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin;
        match &self.cause {
            Cause::Failed(_, source) => write!(f, "{origin}: {source}"),
            Cause::Timeout(limit) => write!(f, "{origin}: no answer within {limit:?}"),
            Cause::Overloaded(retry_after) => {
                write!(
                    f,
                    "{origin}: overloaded, with room again in about {retry_after:.1?}"
                )
            }
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Failed(_, source) => Some(&**source),
            Cause::Timeout(_) | Cause::Overloaded(_) => None,
        }
    }
}
