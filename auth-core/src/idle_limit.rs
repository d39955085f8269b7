//! A limit on the time between two uses.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{ConfigError, Lifetime};

/// The longest time for which uses are not recorded.
const MAX_INTERVAL: Duration = Duration::from_secs(60);

/// A limit on the time between two uses of a token or a session.
///
/// A use within the last tenth of the limit, but at most a minute, since a recorded one is not recorded, so that the store is
/// written rarely.
#[derive(Clone, Copy, Debug)]
pub struct IdleLimit {
    limit: Lifetime,
    interval: time::Duration,
}

impl IdleLimit {
    /// A limit of `limit` for what ends after `lifetime` at the latest.
    ///
    /// # Errors
    /// [`ConfigError`] naming `idle limit` if it is unlimited, or not shorter than the lifetime.
    pub fn new(limit: Lifetime, lifetime: Lifetime) -> Result<Self, ConfigError> {
        let error = |problem: &str| Err(ConfigError::new("idle limit", problem));
        let Some(span) = limit.span() else {
            return error("is unlimited: leave it out");
        };
        if lifetime.span().is_some_and(|lifetime| lifetime <= span) {
            return error("is not shorter than the lifetime, so that it has no effect");
        }
        let interval = (span / 10).min(MAX_INTERVAL);
        Ok(Self {
            limit,
            interval: interval.try_into().unwrap_or(time::Duration::MAX),
        })
    }

    /// The first instant at which what is used at `now` is no longer valid, unless it is used before.
    #[must_use]
    pub fn end(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        self.limit.end(now)
    }

    /// True if a use at `now` is to be recorded, and the last recorded one was at `last_used_at`.
    #[must_use]
    pub fn is_due(self, last_used_at: OffsetDateTime, now: OffsetDateTime) -> bool {
        now - last_used_at >= self.interval
    }
}
