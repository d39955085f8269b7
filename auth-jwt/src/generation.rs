//! Tokens that replace one another.

use std::{ops::RangeInclusive, time::Duration};

use auth_core::{ConfigError, Generation};
use time::OffsetDateTime;

/// How long the grace of a refresh token may be, in seconds.
pub(crate) const REFRESH_GRACES: RangeInclusive<u64> = 0..=60;

/// How long that of an access token may be, in seconds. Without one, requests that are on their way would fail.
pub(crate) const ROTATION_GRACES: RangeInclusive<u64> = 1..=60;

/// A clock that was set back by more than this does not bring a replaced token back.
const MAX_STEP_BACK: time::Duration = time::Duration::seconds(60);

/// How long a replaced token is as good as its successor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grace(time::Duration);

impl Grace {
    pub(crate) const DEFAULT: Self = Self(time::Duration::seconds(10));

    /// A grace that is `allowed`, in seconds.
    pub(crate) fn new(
        setting: &str,
        grace: Duration,
        allowed: RangeInclusive<u64>,
    ) -> Result<Self, ConfigError> {
        let (least, most) = allowed.into_inner();
        if (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&grace)
            && let Ok(grace) = grace.try_into()
        {
            return Ok(Self(grace));
        }
        Err(ConfigError::new(
            setting,
            format_args!("is not between {least} and {most} s"),
        ))
    }

    /// The age, by its `iat`, from which on the grace of the token before is surely over. `iat` is rounded down to a second.
    pub(crate) fn least_age(self) -> time::Duration {
        self.0.saturating_add(time::Duration::SECOND)
    }

    pub(crate) fn seconds(self) -> f64 {
        self.0.as_seconds_f64()
    }

    /// True if a token that was replaced at `since` still yields its successor.
    pub(crate) fn covers(self, since: OffsetDateTime, now: OffsetDateTime) -> bool {
        // Parallel calls may have read the clock before the one that replaced the token.
        let (first, end) = (since.saturating_sub(MAX_STEP_BACK), since.saturating_add(self.0));
        !self.0.is_zero() && (first..end).contains(&now)
    }
}

/// The standing of a token among the generations of its log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is the present one.
    Present,
    /// The present one has replaced it, within the grace.
    JustReplaced,
    /// It was replaced, and the grace is over.
    Replaced,
    /// The log-in has not come so far: its store lost data.
    Ahead,
}

impl Standing {
    /// That of token `number` of a log-in whose present one is of the generation `present`.
    pub(crate) fn of(number: i64, present: Generation, grace: Grace, now: OffsetDateTime) -> Self {
        match present.number.saturating_sub(number) {
            0 => Self::Present,
            1 if present.since.is_some_and(|since| grace.covers(since, now)) => Self::JustReplaced,
            1.. => Self::Replaced,
            _ => Self::Ahead,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration as Span;

    use super::*;

    const SINCE: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn standing(number: i64, grace: u64, after: Span) -> Standing {
        let grace = Grace::new("grace", Duration::from_secs(grace), REFRESH_GRACES).expect("allowed");
        Standing::of(number, Generation::new(7, Some(SINCE)), grace, SINCE + after)
    }

    #[test]
    fn f6_the_last_token_but_one_has_the_grace_to_the_millisecond_and_no_older_one_has_any() {
        let last = Span::milliseconds(9_999);
        assert_eq!(standing(6, 10, Span::ZERO), Standing::JustReplaced);
        assert_eq!(standing(6, 10, last), Standing::JustReplaced);
        assert_eq!(standing(6, 10, Span::seconds(10)), Standing::Replaced);
        for number in [5, 0, i64::MIN] {
            assert_eq!(standing(number, 10, Span::ZERO), Standing::Replaced);
        }
        assert_eq!(standing(7, 10, Span::days(30)), Standing::Present);
        for number in [8, i64::MAX] {
            assert_eq!(standing(number, 10, Span::ZERO), Standing::Ahead);
        }
    }

    #[test]
    fn f3_without_a_grace_a_clock_that_runs_behind_gives_none() {
        for after in [-1, 0, 1].map(Span::milliseconds) {
            assert_eq!(standing(6, 0, after), Standing::Replaced);
        }
    }

    #[test]
    fn a_clock_that_steps_back_brings_no_replaced_token_back() {
        assert_eq!(standing(6, 10, -Span::MINUTE), Standing::JustReplaced);
        let far = -Span::MINUTE - Span::MILLISECOND;
        assert_eq!(standing(6, 10, far), Standing::Replaced);
        assert_eq!(standing(7, 10, -Span::DAY), Standing::Present);
    }
}
