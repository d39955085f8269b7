//! Instants as stores and signatures write them.

use time::OffsetDateTime;

/// The whole milliseconds from 1970-01-01 UTC to `at`, rounded down. Negative before 1970.
///
/// A [`Clock`](crate::Clock) gives whole milliseconds, so nothing of its instants is lost.
#[must_use]
pub fn unix_milliseconds(at: OffsetDateTime) -> i64 {
    // Every instant of the type fits.
    at.unix_timestamp() * 1000 + i64::from(at.millisecond())
}

/// The instant of [`unix_milliseconds`], in UTC. `None` if it is not within the years -9999 to 9999.
#[must_use]
pub fn from_unix_milliseconds(milliseconds: i64) -> Option<OffsetDateTime> {
    let second = OffsetDateTime::from_unix_timestamp(milliseconds.div_euclid(1000)).ok()?;
    // The remainder is under 1000.
    second
        .replace_millisecond(milliseconds.rem_euclid(1000) as u16)
        .ok()
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn an_instant_is_kept_to_the_millisecond() {
        for milliseconds in [0, 1, -1, -1001, 1_767_225_600_123, 253_402_300_799_999] {
            let at = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(milliseconds);
            assert_eq!(unix_milliseconds(at), milliseconds);
            assert_eq!(from_unix_milliseconds(milliseconds), Some(at));
        }
        for too_far in [i64::MIN, i64::MAX] {
            assert_eq!(from_unix_milliseconds(too_far), None, "{too_far}");
        }
    }

    #[test]
    fn a_part_of_a_millisecond_is_cut_off_before_1970_too() {
        for (nanoseconds, expected) in [(1_999_999, 1), (999_999, 0), (-1, -1), (-1_000_001, -2)] {
            let at = OffsetDateTime::UNIX_EPOCH + Duration::nanoseconds(nanoseconds);
            assert_eq!(unix_milliseconds(at), expected, "{nanoseconds} ns");
        }
    }
}
