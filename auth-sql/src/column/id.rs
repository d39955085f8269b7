use auth_core::UserId;
use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types};
use uuid::Uuid;

/// A user's id that can be a column.
///
/// It is implemented for [`i64`] and [`i32`] (integer columns), [`String`] (`Text`) and [`Uuid`] (`Binary`, `Text`, or
/// PostgreSQL's own `Uuid`, as the application's table says; MariaDB's own is `Text` to its clients).
///
/// If your own id type derives Diesel's `AsExpression` and `FromSqlRow`, it is its own column: `impl ColumnId for MemberId {
/// type Column = Self; }`.
pub trait ColumnId: UserId {
    /// The type that Diesel reads and writes.
    type Column: From<Self> + Into<Self> + Send + 'static;
}

impl ColumnId for i64 {
    type Column = Self;
}

impl ColumnId for i32 {
    type Column = Self;
}

impl ColumnId for String {
    type Column = Self;
}

impl ColumnId for Uuid {
    type Column = UuidColumn;
}

/// A UUID in a column: PostgreSQL's own type, 16 bytes in a `Binary` column, or the hyphenated lower-case form in a `Text`
/// column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[cfg_attr(feature = "postgres", diesel(sql_type = sql_types::Uuid))]
#[diesel(sql_type = sql_types::Binary)]
#[diesel(sql_type = sql_types::Text)]
pub struct UuidColumn(pub Uuid);

impl From<Uuid> for UuidColumn {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<UuidColumn> for Uuid {
    fn from(column: UuidColumn) -> Self {
        column.0
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, IsNull, Output, ToSql},
        sql_types::{Binary, Text},
        sqlite::{Sqlite, SqliteValue},
    };
    use uuid::Uuid;

    use super::UuidColumn;

    impl ToSql<Binary, Sqlite> for UuidColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.0.as_bytes().as_slice());
            Ok(IsNull::No)
        }
    }

    impl FromSql<Binary, Sqlite> for UuidColumn {
        fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
            Ok(Self(Uuid::from_slice(&bytes)?))
        }
    }

    impl ToSql<Text, Sqlite> for UuidColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.0.to_string());
            Ok(IsNull::No)
        }
    }

    impl FromSql<Text, Sqlite> for UuidColumn {
        fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
            Ok(Self(text.parse()?))
        }
    }
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod server {
    use std::io::Write as _;

    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, IsNull, Output, ToSql},
        sql_types::{Binary, Text},
    };
    use uuid::{Uuid, fmt::Hyphenated};

    use super::UuidColumn;

    macro_rules! binary {
        ($sql_type:ty, $backend:ty, $value:ty) => {
            impl ToSql<$sql_type, $backend> for UuidColumn {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, $backend>) -> serialize::Result {
                    out.write_all(self.0.as_bytes())?;
                    Ok(IsNull::No)
                }
            }

            impl FromSql<$sql_type, $backend> for UuidColumn {
                fn from_sql(value: $value) -> deserialize::Result<Self> {
                    Ok(Self(Uuid::from_slice(value.as_bytes())?))
                }
            }
        };
    }

    macro_rules! text {
        ($backend:ty, $value:ty) => {
            impl ToSql<Text, $backend> for UuidColumn {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, $backend>) -> serialize::Result {
                    let mut text = Uuid::encode_buffer();
                    out.write_all(self.0.hyphenated().encode_lower(&mut text).as_bytes())?;
                    Ok(IsNull::No)
                }
            }

            impl FromSql<Text, $backend> for UuidColumn {
                fn from_sql(value: $value) -> deserialize::Result<Self> {
                    let text = std::str::from_utf8(value.as_bytes())?;
                    Ok(Self(text.parse::<Hyphenated>()?.into_uuid()))
                }
            }
        };
    }

    #[cfg(feature = "mysql")]
    binary!(Binary, diesel::mysql::Mysql, diesel::mysql::MysqlValue<'_>);
    #[cfg(feature = "mysql")]
    text!(diesel::mysql::Mysql, diesel::mysql::MysqlValue<'_>);
    #[cfg(feature = "postgres")]
    binary!(Binary, diesel::pg::Pg, diesel::pg::PgValue<'_>);
    #[cfg(feature = "postgres")]
    binary!(diesel::sql_types::Uuid, diesel::pg::Pg, diesel::pg::PgValue<'_>);
    #[cfg(feature = "postgres")]
    text!(diesel::pg::Pg, diesel::pg::PgValue<'_>);
}
