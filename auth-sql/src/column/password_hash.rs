use auth_core::PasswordHash;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::Text,
};

/// The hash of a password in a `Text` column. It is wiped from memory when dropped.
#[derive(Clone, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct PasswordHashColumn(pub PasswordHash);

impl<DB: Backend> ToSql<Text, DB> for PasswordHashColumn
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.expose().to_sql(out)
    }
}

impl<DB: Backend> FromSql<Text, DB> for PasswordHashColumn
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(value).map(|hash| Self(PasswordHash::new(hash)))
    }
}
