use auth_core::TokenDigest;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::Binary,
};

/// The digest of a token in a `Binary` column: its 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct DigestColumn(pub TokenDigest);

impl<DB: Backend> ToSql<Binary, DB> for DigestColumn
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.as_bytes()[..].to_sql(out)
    }
}

impl<DB: Backend> FromSql<Binary, DB> for DigestColumn
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = Vec::<u8>::from_sql(value)?;
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_bytes| "a digest does not have 32 bytes")?;
        Ok(Self(TokenDigest::from_bytes(bytes)))
    }
}
