//! Time, passed in.

use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

use crate::unix_milliseconds;

/// A source of the present time.
///
/// Every instant in Portcullis is UTC in **whole milliseconds**, the finest unit that every store keeps, so an instant
/// is equal to itself after it was stored and read back. An implementation must truncate to that.
pub trait Clock: Send + Sync {
    /// The present instant, UTC, in whole milliseconds.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.replace_millisecond(now.millisecond()).unwrap_or(now)
    }
}

/// A clock that only moves when it is told to, for tests that would otherwise sleep.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock at `start`, truncated to milliseconds.
    #[must_use]
    pub fn new(start: OffsetDateTime) -> Self {
        Self(AtomicI64::new(unix_milliseconds(start)))
    }

    /// Moves the clock by `step`, which may be negative.
    pub fn advance(&self, step: Duration) {
        let step = i64::try_from(step.whole_milliseconds()).unwrap_or(i64::MAX);
        self.0.fetch_add(step, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// A clock at the present.
    fn default() -> Self {
        Self::new(OffsetDateTime::now_utc())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_tells_whole_milliseconds() {
        assert_eq!(SystemClock.now().nanosecond() % 1_000_000, 0);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::seconds(90));
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH + Duration::seconds(90));
    }
}
