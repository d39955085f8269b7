//! For how long what was read from a server may be used.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// An instant in microseconds, by a clock that goes on while the process is stopped and the machine sleeps.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default() / 1000
}

/// The same, by a clock that need not go on while the machine sleeps.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn now() -> u64 {
    static ORIGIN: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    micros(ORIGIN.elapsed())
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// The lease of everything that was read from one server. It is good as long as the connection that brings the invalidations
/// has answered a moment ago.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// The number of the present lease. What was read under another one is void.
    number: AtomicU64,
    /// The first instant at which it is over. Zero if there is none.
    until: AtomicU64,
}

impl Lease {
    /// The number of the lease, if it is good at `now`.
    pub(super) fn number_at(&self, now: u64) -> Option<u64> {
        let number = self.number.load(Ordering::Acquire);
        self.covers(number, now).then_some(number)
    }

    /// True if what was read under the lease of this `number` may be used at `now`.
    pub(super) fn covers(&self, number: u64, now: u64) -> bool {
        now < self.until.load(Ordering::Acquire) && self.number.load(Ordering::Acquire) == number
    }

    /// The server has said everything that it had to say before `sent`.
    pub(super) fn renew(&self, sent: u64, span: Duration) {
        self.until
            .store(sent.saturating_add(micros(span)), Ordering::Release);
    }

    /// Ends the lease for good: what was read so far is void. True if there was one, though it may have run out.
    pub(super) fn end(&self) -> bool {
        let until = self.until.swap(0, Ordering::AcqRel);
        self.number.fetch_add(1, Ordering::AcqRel);
        until != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_covers_what_was_read_under_it_until_it_is_over() {
        let lease = Lease::default();
        assert_eq!(lease.number_at(5), None, "there is none yet");
        lease.renew(10, Duration::from_micros(20));
        let number = lease.number_at(29).expect("a lease");
        assert!(lease.covers(number, 29) && !lease.covers(number, 30));
        lease.renew(20, Duration::from_micros(20));
        assert!(lease.covers(number, 39), "it was renewed");
        assert!(lease.end() && !lease.end(), "it ends once");
        assert!(!lease.covers(number, 21));
        lease.renew(30, Duration::from_micros(20));
        assert!(!lease.covers(number, 31), "it is another one");
        assert_ne!(lease.number_at(31), Some(number));
    }
}
