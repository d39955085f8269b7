//! How long a credential lives.

use std::time::Duration;

use time::OffsetDateTime;

/// How long a credential lives: a positive span of at most 100 years, or for ever by explicit choice.
///
/// ```
/// use std::time::Duration;
/// use auth_core::Lifetime;
///
/// assert!(Lifetime::new(Duration::from_secs(3600)).is_ok());
/// assert!(Lifetime::new(Duration::ZERO).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(Option<Duration>);

/// A lifetime that is zero, under a millisecond or over 100 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lifetime is at least one millisecond and at most 100 years; for ever is `Lifetime::FOREVER`")]
pub struct InvalidLifetime;

const HUNDRED_YEARS: Duration = Duration::from_secs(100 * 366 * 86_400);

impl Lifetime {
    /// No expiry: the credential lives until it is revoked.
    pub const FOREVER: Self = Self(None);

    /// A lifetime of `span`.
    ///
    /// # Errors
    /// [`InvalidLifetime`] if `span` is under a millisecond or over 100 years.
    pub fn new(span: Duration) -> Result<Self, InvalidLifetime> {
        if (Duration::from_millis(1)..=HUNDRED_YEARS).contains(&span) {
            Ok(Self(Some(span)))
        } else {
            Err(InvalidLifetime)
        }
    }

    /// A lifetime of `seconds`.
    ///
    /// # Errors
    /// [`InvalidLifetime`] if `seconds` is 0 or over 100 years.
    pub fn from_secs(seconds: u64) -> Result<Self, InvalidLifetime> {
        Self::new(Duration::from_secs(seconds))
    }

    /// The span, or `None` for ever.
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        self.0
    }

    /// The first instant at which a credential issued at `start` is no longer valid, or `None` for ever.
    #[must_use]
    pub fn end(self, start: OffsetDateTime) -> Option<OffsetDateTime> {
        let span = time::Duration::milliseconds(i64::try_from(self.0?.as_millis()).unwrap_or(i64::MAX));
        Some(start.saturating_add(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_a_lifetime_of_zero_is_refused() {
        assert_eq!(Lifetime::new(Duration::ZERO), Err(InvalidLifetime));
        assert_eq!(Lifetime::new(Duration::from_nanos(999_999)), Err(InvalidLifetime));
        assert_eq!(Lifetime::new(Duration::MAX), Err(InvalidLifetime));
    }

    #[test]
    fn for_ever_has_no_end() {
        assert_eq!(Lifetime::FOREVER.end(OffsetDateTime::UNIX_EPOCH), None);
    }
}
