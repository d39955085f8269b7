use auth_core::{Email, Profile, StoreError};
use diesel::result::{DatabaseErrorKind, Error};

use super::Database;
use crate::{
    ColumnId,
    refusal::{FieldColumn, Refusal},
    user::{UserCalls, UserTable},
};

/// The messages for a value that a column cannot hold, if the error has no kind.
const REFUSED_VALUES: [&str; 3] = ["cannot store ", "datatype mismatch", "string or blob too big"];

impl<T: UserTable<Self, Id, P>, Id: ColumnId, P: Profile> UserCalls<T, Id, P> for Database {
    async fn refusal(&self, error: &Error, _email: &Email, _profile: &P) -> Result<Refusal, StoreError> {
        Ok(refusal(error, T::FIELDS))
    }
}

fn refusal(error: &Error, columns: &[FieldColumn]) -> Refusal {
    let message = match error {
        Error::DatabaseError(_, problem) => problem.message(),
        _ => "",
    };
    let name = match error {
        // For a check it names the constraint, or repeats its text, which can contain any character.
        Error::DatabaseError(DatabaseErrorKind::CheckViolation, _) => {
            message.split_once(": ").map(|(_, name)| name)
        }
        _ => message.rsplit_once('.').map(|(_table, column)| column),
    };
    Refusal::from_kind(error, name, columns).unwrap_or_else(|| {
        if REFUSED_VALUES
            .iter()
            .any(|beginning| message.starts_with(beginning))
        {
            Refusal::value(name, columns)
        } else {
            Refusal::Failed
        }
    })
}
