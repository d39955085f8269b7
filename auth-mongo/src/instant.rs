//! Instants as BSON dates, which are whole milliseconds.

use auth_core::StoreError;
use mongodb::bson::DateTime;
use time::{Duration, OffsetDateTime};

use crate::failure::unreadable;

/// `at` as a BSON date.
pub(crate) fn date(at: OffsetDateTime) -> DateTime {
    let since_1970 = (at - OffsetDateTime::UNIX_EPOCH).whole_milliseconds();
    DateTime::from_millis(i64::try_from(since_1970).unwrap_or(i64::MAX))
}

/// The instant of a stored `date`.
///
/// # Errors
/// [`StoreError`] if it is out of range.
pub(crate) fn instant(date: DateTime) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::UNIX_EPOCH
        .checked_add(Duration::milliseconds(date.timestamp_millis()))
        .ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_kept_to_the_millisecond() {
        for milliseconds in [0, 1, -1, 1_767_225_600_123, 253_402_300_799_999] {
            let at = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(milliseconds);
            assert_eq!(date(at).timestamp_millis(), milliseconds);
            assert_eq!(instant(date(at)).expect("an instant"), at);
        }
        for date in [DateTime::MIN, DateTime::MAX] {
            instant(date).expect_err("no year of an instant");
        }
    }
}
