use auth_core::UserId;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::{Binary, Text},
};
use uuid::{Uuid, fmt::Hyphenated};

/// A user's id that can be a column.
///
/// It is implemented for [`i64`] and [`i32`] (integer columns), [`String`] (`Text`) and [`Uuid`] (`Binary`, `Text`, or
/// PostgreSQL's own `Uuid`, as the application's table says; MariaDB's own is `Text` to its clients).
///
/// If your own id type derives Diesel's `AsExpression` and `FromSqlRow`, it is its own column: `impl ColumnId for MemberId {
/// type Column = Self; }`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no id of users in a SQL table",
    label = "no id that can be a column",
    note = "`i64`, `i32`, `String` and `Uuid` are; for a type of your own, derive Diesel's `AsExpression` and `FromSqlRow`, implement `ToSql` and `FromSql`, and write `impl ColumnId for {Self} {{ type Column = Self; }}`"
)]
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
#[cfg_attr(feature = "postgres", diesel(sql_type = diesel::sql_types::Uuid))]
#[diesel(sql_type = Binary)]
#[diesel(sql_type = Text)]
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

impl<DB: Backend> ToSql<Binary, DB> for UuidColumn
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.as_bytes()[..].to_sql(out)
    }
}

impl<DB: Backend> FromSql<Binary, DB> for UuidColumn
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(&Vec::<u8>::from_sql(value)?)?))
    }
}

impl<DB: Backend> FromSql<Text, DB> for UuidColumn
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(String::from_sql(value)?.parse::<Hyphenated>()?.into_uuid()))
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::{
        serialize::{self, IsNull, Output, ToSql},
        sql_types::Text,
        sqlite::Sqlite,
    };

    use super::UuidColumn;

    impl ToSql<Text, Sqlite> for UuidColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.0.to_string());
            Ok(IsNull::No)
        }
    }
}

#[cfg(feature = "mysql")]
mod mysql {
    use diesel::{
        mysql::Mysql,
        serialize::{self, Output, ToSql},
        sql_types::Text,
    };

    use super::{UuidColumn, write_text};

    impl ToSql<Text, Mysql> for UuidColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
            write_text(self.0, out)
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::io::Write as _;

    use diesel::{
        deserialize::{self, FromSql},
        pg::{Pg, PgValue},
        serialize::{self, IsNull, Output, ToSql},
        sql_types::{self, Text},
    };
    use uuid::Uuid;

    use super::{UuidColumn, write_text};

    impl ToSql<Text, Pg> for UuidColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            write_text(self.0, out)
        }
    }

    impl ToSql<sql_types::Uuid, Pg> for UuidColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            out.write_all(self.0.as_bytes())?;
            Ok(IsNull::No)
        }
    }

    impl FromSql<sql_types::Uuid, Pg> for UuidColumn {
        fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
            Ok(Self(Uuid::from_slice(value.as_bytes())?))
        }
    }
}

/// Writes the hyphenated form of `id` in lower case.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn write_text(id: Uuid, out: &mut impl std::io::Write) -> serialize::Result {
    let mut text = Uuid::encode_buffer();
    out.write_all(id.hyphenated().encode_lower(&mut text).as_bytes())?;
    Ok(serialize::IsNull::No)
}
