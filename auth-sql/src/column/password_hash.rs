use auth_core::PasswordHash;
use diesel::{
    backend::Backend,
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::Text,
};

/// The hash of a password to write into a `Text` column. It is wiped from memory when dropped.
#[derive(Clone, Debug, AsExpression)]
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
