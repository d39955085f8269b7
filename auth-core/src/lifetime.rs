//! The lifetime of a credential.

use std::time::Duration;

use time::OffsetDateTime;

use crate::ConfigError;

/// The lifetime of a credential: a positive span of at most 100 years, or unlimited by explicit choice.
///
/// ```
/// use std::time::Duration;
/// use portcullis::Lifetime;
///
/// assert!(Lifetime::new(Duration::from_secs(3600)).is_ok());
/// assert!(Lifetime::new(Duration::ZERO).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(Option<Duration>);

const HUNDRED_YEARS: Duration = Duration::from_secs(100 * 366 * 86_400);

impl Lifetime {
    /// No expiry: the credential lives until it is revoked.
    pub const FOREVER: Self = Self(None);

    /// A lifetime of `span`.
    ///
    /// # Errors
    /// [`ConfigError`] naming `lifetime` if `span` is under a millisecond or over 100 years.
    pub fn new(span: Duration) -> Result<Self, ConfigError> {
        if (Duration::from_millis(1)..=HUNDRED_YEARS).contains(&span) {
            Ok(Self(Some(span)))
        } else {
            let problem = "is not between a millisecond and 100 years; use `Lifetime::FOREVER` for no limit";
            Err(ConfigError::new("lifetime", problem))
        }
    }

    /// A lifetime of `seconds`.
    ///
    /// # Errors
    /// [`ConfigError`] naming `lifetime` if `seconds` is 0 or over 100 years.
    pub fn from_secs(seconds: u64) -> Result<Self, ConfigError> {
        Self::new(Duration::from_secs(seconds))
    }

    /// The span, or `None` if it is unlimited.
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        self.0
    }

    /// The first instant at which a credential issued at `start` is no longer valid, or `None` if it never expires.
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
    fn deviation_2_a_lifetime_of_zero_is_refused_and_the_setting_named() {
        for span in [Duration::ZERO, Duration::from_nanos(999_999), Duration::MAX] {
            assert_eq!(
                Lifetime::new(span).expect_err("no lifetime").setting(),
                "lifetime"
            );
        }
    }

    #[test]
    fn for_ever_has_no_end() {
        assert_eq!(Lifetime::FOREVER.end(OffsetDateTime::UNIX_EPOCH), None);
    }
}
