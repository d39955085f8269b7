use std::collections::BTreeSet;

use auth_core::RoleName;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::Text,
};

/// The names of a user's roles in a `Text` column, with a comma between two.
#[derive(Clone, Debug, Default, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct RolesColumn {
    roles: BTreeSet<RoleName>,
    text: String,
}

impl RolesColumn {
    pub(crate) fn new(roles: BTreeSet<RoleName>) -> Self {
        let names: Vec<_> = roles.iter().map(RoleName::as_str).collect();
        let text = names.join(",");
        Self { roles, text }
    }

    pub(crate) fn into_roles(self) -> BTreeSet<RoleName> {
        self.roles
    }
}

impl<DB: Backend> ToSql<Text, DB> for RolesColumn
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.text.as_str().to_sql(out)
    }
}

/// A text that holds anything else than names is an error, and not a user without roles.
impl<DB: Backend> FromSql<Text, DB> for RolesColumn
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = String::from_sql(value)?;
        let names = text.split(',').filter(|_| !text.is_empty());
        let roles = names.map(RoleName::new).collect::<Result<_, _>>()?;
        Ok(Self { roles, text })
    }
}
