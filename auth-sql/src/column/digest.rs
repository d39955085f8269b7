use auth_core::TokenDigest;
use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types};

/// The digest of a token in a `Binary` column: its 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Binary)]
pub struct DigestColumn(pub TokenDigest);

#[cfg(feature = "sqlite")]
mod sqlite {
    use auth_core::TokenDigest;
    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, IsNull, Output, ToSql},
        sql_types::Binary,
        sqlite::{Sqlite, SqliteValue},
    };

    use super::DigestColumn;

    impl ToSql<Binary, Sqlite> for DigestColumn {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.0.as_bytes().as_slice());
            Ok(IsNull::No)
        }
    }

    impl FromSql<Binary, Sqlite> for DigestColumn {
        fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
            let bytes = <[u8; 32]>::try_from(bytes).map_err(|_bytes| "a digest does not have 32 bytes")?;
            Ok(Self(TokenDigest::from_bytes(bytes)))
        }
    }
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod server {
    use std::io::Write as _;

    use auth_core::TokenDigest;
    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, IsNull, Output, ToSql},
        sql_types::Binary,
    };

    use super::DigestColumn;

    fn read(bytes: &[u8]) -> deserialize::Result<DigestColumn> {
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_error| "a digest does not have 32 bytes")?;
        Ok(DigestColumn(TokenDigest::from_bytes(bytes)))
    }

    macro_rules! column {
        ($backend:ty, $value:ty) => {
            impl ToSql<Binary, $backend> for DigestColumn {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, $backend>) -> serialize::Result {
                    out.write_all(self.0.as_bytes())?;
                    Ok(IsNull::No)
                }
            }

            impl FromSql<Binary, $backend> for DigestColumn {
                fn from_sql(value: $value) -> deserialize::Result<Self> {
                    read(value.as_bytes())
                }
            }
        };
    }

    #[cfg(feature = "mysql")]
    column!(diesel::mysql::Mysql, diesel::mysql::MysqlValue<'_>);
    #[cfg(feature = "postgres")]
    column!(diesel::pg::Pg, diesel::pg::PgValue<'_>);
}
