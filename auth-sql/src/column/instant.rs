use auth_core::{from_unix_milliseconds, unix_milliseconds};
#[cfg(feature = "mysql")]
use diesel::sql_types::Datetime;
#[cfg(feature = "postgres")]
use diesel::sql_types::Timestamptz;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::BigInt,
};
use time::OffsetDateTime;

/// An instant, cut to the millisecond: milliseconds since 1970-01-01 UTC in a `BigInt` column, the instant itself in
/// PostgreSQL's `Timestamptz`, its time in UTC in MySQL's `Datetime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[cfg_attr(feature = "mysql", diesel(sql_type = Datetime))]
#[cfg_attr(feature = "postgres", diesel(sql_type = Timestamptz))]
#[diesel(sql_type = BigInt)]
pub struct InstantColumn {
    milliseconds: i64,
    instant: OffsetDateTime,
}

impl InstantColumn {
    /// The millisecond in which `instant` is.
    #[must_use]
    pub fn new(instant: OffsetDateTime) -> Self {
        let milliseconds = unix_milliseconds(instant);
        Self {
            milliseconds,
            instant: from_unix_milliseconds(milliseconds).unwrap_or(instant),
        }
    }

    /// The instant of a number in a `BigInt` column, or `None` if it is out of range.
    #[must_use]
    pub fn from_milliseconds(milliseconds: i64) -> Option<Self> {
        from_unix_milliseconds(milliseconds).map(|instant| Self {
            milliseconds,
            instant,
        })
    }

    /// The number in a `BigInt` column.
    #[must_use]
    pub fn milliseconds(self) -> i64 {
        self.milliseconds
    }

    /// The instant, in whole milliseconds.
    #[must_use]
    pub fn instant(self) -> OffsetDateTime {
        self.instant
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for InstantColumn
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.milliseconds.to_sql(out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for InstantColumn
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Self::from_milliseconds(i64::from_sql(value)?).ok_or_else(|| "an instant is out of range".into())
    }
}

/// A database's own type of instants.
pub trait Native {}

#[cfg(feature = "mysql")]
impl Native for Datetime {}

#[cfg(feature = "postgres")]
impl Native for Timestamptz {}

impl<ST: Native, DB: Backend> ToSql<ST, DB> for InstantColumn
where
    OffsetDateTime: ToSql<ST, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.instant.to_sql(out)
    }
}

impl<ST: Native, DB: Backend> FromSql<ST, DB> for InstantColumn
where
    OffsetDateTime: FromSql<ST, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        OffsetDateTime::from_sql(value).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::InstantColumn;

    #[test]
    fn an_instant_is_cut_to_the_millisecond_before_it_also_before_1970() {
        let epoch = OffsetDateTime::UNIX_EPOCH;
        for (nanoseconds, milliseconds) in [(1_999_999, 1), (-1, -1), (-1_000_001, -2)] {
            let column = InstantColumn::new(epoch + Duration::nanoseconds(nanoseconds));
            assert_eq!(column.milliseconds(), milliseconds, "{nanoseconds} ns");
            let cut = epoch + Duration::milliseconds(milliseconds);
            assert_eq!(column.instant(), cut, "{nanoseconds} ns");
            assert_eq!(InstantColumn::from_milliseconds(milliseconds), Some(column));
        }
    }
}
