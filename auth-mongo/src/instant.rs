//! Instants as BSON dates, which are whole milliseconds.

use auth_core::{StoreError, from_unix_milliseconds, unix_milliseconds};
use mongodb::bson::DateTime;
use time::OffsetDateTime;

use crate::failure::unreadable;

/// `at` as a BSON date.
pub(crate) fn date(at: OffsetDateTime) -> DateTime {
    DateTime::from_millis(unix_milliseconds(at))
}

/// The instant of a stored `date`.
///
/// # Errors
/// [`StoreError`] if it is out of range.
pub(crate) fn instant(date: DateTime) -> Result<OffsetDateTime, StoreError> {
    from_unix_milliseconds(date.timestamp_millis()).ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_out_of_range_is_an_error() {
        for date in [DateTime::MIN, DateTime::MAX] {
            instant(date).expect_err("no year of an instant");
        }
    }
}
