//! An application's own id, made by itself and kept as bytes: MongoDB's kind, which a service that moved brings along.

use std::{
    fmt::{self, Display},
    num::ParseIntError,
    str::FromStr,
};

use auth_core::UserId;
use auth_sql::ColumnId;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::Binary,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct ObjectId([u8; 12]);

impl UserId for ObjectId {
    fn generate() -> Option<Self> {
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&uuid::Uuid::now_v7().as_bytes()[..12]);
        Some(Self(bytes))
    }
}

impl ColumnId for ObjectId {
    type Column = Self;
}

impl Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ObjectId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let number = u128::from_str_radix(text, 16)?;
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&number.to_be_bytes()[4..]);
        Ok(Self(bytes))
    }
}

impl<DB: Backend> ToSql<Binary, DB> for ObjectId
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0[..].to_sql(out)
    }
}

impl<DB: Backend> FromSql<Binary, DB> for ObjectId
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = Vec::from_sql(value)?;
        let bytes = bytes
            .try_into()
            .map_err(|_bytes| "an id does not have 12 bytes")?;
        Ok(Self(bytes))
    }
}
