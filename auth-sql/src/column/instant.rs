use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types};
use time::OffsetDateTime;

/// An instant, cut to the millisecond: milliseconds since 1970-01-01 UTC in a `BigInt` column, the instant itself in
/// PostgreSQL's `Timestamptz`, its time in UTC in MySQL's `Datetime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[cfg_attr(feature = "mysql", diesel(sql_type = sql_types::Datetime))]
#[cfg_attr(feature = "postgres", diesel(sql_type = sql_types::Timestamptz))]
#[diesel(sql_type = sql_types::BigInt)]
pub struct InstantColumn(pub OffsetDateTime);

impl InstantColumn {
    /// The number in a `BigInt` column.
    #[must_use]
    pub fn milliseconds(self) -> i64 {
        // Every year that `time` supports fits.
        self.0.unix_timestamp() * 1000 + i64::from(self.0.millisecond())
    }

    /// The instant of a number in a `BigInt` column, or `None` if it is out of range.
    #[must_use]
    pub fn from_milliseconds(milliseconds: i64) -> Option<Self> {
        let second = OffsetDateTime::from_unix_timestamp(milliseconds.div_euclid(1000)).ok()?;
        let milliseconds = milliseconds.rem_euclid(1000) as u16;
        second.replace_millisecond(milliseconds).ok().map(Self)
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, IsNull, Output, ToSql},
        sql_types::BigInt,
        sqlite::{Sqlite, SqliteValue},
    };

    use super::InstantColumn;

    impl ToSql<BigInt, Sqlite> for InstantColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.milliseconds());
            Ok(IsNull::No)
        }
    }

    impl FromSql<BigInt, Sqlite> for InstantColumn {
        fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let milliseconds = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
            Self::from_milliseconds(milliseconds).ok_or_else(|| "an instant is out of range".into())
        }
    }
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod server {
    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, Output, ToSql},
        sql_types::BigInt,
    };
    use time::OffsetDateTime;

    use super::InstantColumn;

    impl InstantColumn {
        pub(crate) fn cut(self) -> OffsetDateTime {
            Self::from_milliseconds(self.milliseconds()).map_or(self.0, |cut| cut.0)
        }
    }

    macro_rules! column {
        ($native:ty, $backend:ty, $value:ty) => {
            impl ToSql<BigInt, $backend> for InstantColumn {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, $backend>) -> serialize::Result {
                    ToSql::<BigInt, $backend>::to_sql(&self.milliseconds(), &mut out.reborrow())
                }
            }

            impl FromSql<BigInt, $backend> for InstantColumn {
                fn from_sql(value: $value) -> deserialize::Result<Self> {
                    let milliseconds = <i64 as FromSql<BigInt, $backend>>::from_sql(value)?;
                    Self::from_milliseconds(milliseconds).ok_or_else(|| "an instant is out of range".into())
                }
            }

            impl ToSql<$native, $backend> for InstantColumn {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, $backend>) -> serialize::Result {
                    ToSql::<$native, $backend>::to_sql(&self.cut(), &mut out.reborrow())
                }
            }

            impl FromSql<$native, $backend> for InstantColumn {
                fn from_sql(value: $value) -> deserialize::Result<Self> {
                    <OffsetDateTime as FromSql<$native, $backend>>::from_sql(value).map(Self)
                }
            }
        };
    }

    #[cfg(feature = "mysql")]
    column!(
        diesel::sql_types::Datetime,
        diesel::mysql::Mysql,
        diesel::mysql::MysqlValue<'_>
    );
    #[cfg(feature = "postgres")]
    column!(
        diesel::sql_types::Timestamptz,
        diesel::pg::Pg,
        diesel::pg::PgValue<'_>
    );
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::InstantColumn;

    #[test]
    fn an_instant_is_cut_to_the_millisecond_before_it_also_before_1970() {
        let epoch = OffsetDateTime::UNIX_EPOCH;
        for (nanoseconds, milliseconds) in [
            (0, 0),
            (1_999_999, 1),
            (-1, -1),
            (-1_000_000, -1),
            (-1_000_001, -2),
        ] {
            let instant = InstantColumn(epoch + Duration::nanoseconds(nanoseconds));
            assert_eq!(instant.milliseconds(), milliseconds, "{nanoseconds} ns");
        }
    }

    #[test]
    fn a_number_out_of_range_is_no_instant() {
        assert_eq!(InstantColumn::from_milliseconds(i64::MAX), None);
        assert_eq!(InstantColumn::from_milliseconds(i64::MIN), None);
        let now = InstantColumn::from_milliseconds(1_790_000_000_123).expect("an instant");
        assert_eq!(now.milliseconds(), 1_790_000_000_123);
    }
}
