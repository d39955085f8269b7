//! Why a database did not write a user's row.

use auth_core::{InsertUserError, NewUser, StoreError, UpdateUserError, User, UserId, UserStore};
use diesel::{
    Column,
    result::{DatabaseErrorKind, Error},
};

/// A column: its name in SQL, and the name of its field in requests, if it has one.
pub type FieldColumn = (&'static str, Option<&'static str>);

/// The column of the `field` of requests.
pub const fn field_column<C: Column + Copy>(_column: C, field: &'static str) -> FieldColumn {
    (C::NAME, Some(field))
}

/// A column of which requests have no field.
pub const fn own_column<C: Column + Copy>(_column: C) -> FieldColumn {
    (C::NAME, None)
}

/// Why a database did not write a user's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another row already has a value that must be unique.
    Taken,
    /// A column cannot hold its value.
    Value {
        /// The field of the profile, if known.
        field: Option<String>,
    },
    /// The failure has nothing to do with the values.
    Failed,
}

impl Refusal {
    /// The reason that the kind of `error` gives; `None` if the error has no kind. `name` is the part of the error that
    /// names a column or a constraint.
    pub(crate) fn from_kind(error: &Error, name: Option<&str>, columns: &[FieldColumn]) -> Option<Self> {
        use DatabaseErrorKind as Kind;
        match error {
            // PostgreSQL's name for a primary key. It is not about the profile: for example, a sequence may lag behind
            // its table.
            Error::DatabaseError(Kind::UniqueViolation, _)
                if name.is_some_and(|name| name.ends_with("_pkey")) =>
            {
                Some(Self::Failed)
            }
            Error::DatabaseError(Kind::UniqueViolation | Kind::ExclusionViolation, _) => Some(Self::Taken),
            // A column that the store does not write: the table has more columns than the profile has fields.
            Error::DatabaseError(Kind::NotNullViolation, _)
                if name.is_some_and(|name| column_in(name, columns).is_none()) =>
            {
                Some(Self::Failed)
            }
            Error::SerializationError(_)
            | Error::DatabaseError(
                Kind::CheckViolation
                | Kind::NotNullViolation
                | Kind::ForeignKeyViolation
                | Kind::RestrictViolation,
                _,
            ) => Some(Self::value(name, columns)),
            Error::DatabaseError(Kind::Unknown, _) => None,
            _ => Some(Self::Failed),
        }
    }

    /// A column cannot hold its value. `name` is the column or the constraint, as the database calls it.
    pub(crate) fn value(name: Option<&str>, columns: &[FieldColumn]) -> Self {
        match name.and_then(|name| column_in(name, columns)) {
            // The column is too narrow for the library's own value.
            Some((_, None)) => Self::Failed,
            Some((_, Some(field))) => Self::field(field),
            None => Self::Value { field: None },
        }
    }

    /// The column of `field` cannot hold its value.
    pub(crate) fn field(field: &str) -> Self {
        Self::Value {
            field: Some(field.strip_prefix("r#").unwrap_or(field).to_owned()),
        }
    }
}

/// The column whose name is a word of `name`, or a part between underscores, if there is only one. The name of a
/// constraint, and the text of a check, usually contain the name of their column.
fn column_in(name: &str, columns: &[FieldColumn]) -> Option<FieldColumn> {
    let within_word = |character: char| character.is_alphanumeric();
    let stands_in_name = |column: &str| {
        name.match_indices(column).any(|(at, _)| {
            !name[..at].ends_with(within_word) && !name[at + column.len()..].starts_with(within_word)
        })
    };
    let found: Vec<_> = columns
        .iter()
        .filter(|(column, _)| stands_in_name(column))
        .collect();
    let is_of_longer = |column: &str| {
        found
            .iter()
            .any(|(other, _)| other.len() > column.len() && other.contains(column))
    };
    let mut columns = found.iter().filter(|(column, _)| !is_of_longer(column));
    match (columns.next(), columns.next()) {
        (Some(column), None) => Some(**column),
        _ => None,
    }
}

/// The error for an insertion of `new` that the database refused. `failed` is the error if the values are not the reason.
///
/// The database has decided. The look-up only finds out whether it was the e-mail.
///
/// # Errors
/// [`StoreError`] if the look-up fails.
pub(crate) async fn not_inserted<Id: UserId, P>(
    store: &dyn UserStore<Id, P>,
    new: &NewUser<Id, P>,
    refusal: Refusal,
    failed: StoreError,
) -> Result<InsertUserError, StoreError> {
    Ok(match refusal {
        Refusal::Failed => failed.into(),
        Refusal::Value { field } => InsertUserError::ProfileRefused { field },
        Refusal::Taken if store.find_by_email(new.email.normalized()).await?.is_some() => {
            InsertUserError::EmailTaken
        }
        Refusal::Taken => match &new.id {
            Some(id) if store.find(id).await?.is_some() => failed.into(),
            _ => InsertUserError::ProfileTaken,
        },
    })
}

/// The error for an update of `user` that the database refused. Otherwise the same as [`not_inserted`].
///
/// # Errors
/// [`StoreError`] if the look-up fails.
pub(crate) async fn not_updated<Id: UserId, P>(
    store: &dyn UserStore<Id, P>,
    user: &User<Id, P>,
    refusal: Refusal,
    failed: StoreError,
) -> Result<UpdateUserError, StoreError> {
    Ok(match refusal {
        Refusal::Failed => failed.into(),
        Refusal::Value { field } => UpdateUserError::ProfileRefused { field },
        Refusal::Taken => match store.find_by_email(user.email.normalized()).await? {
            Some(owner) if owner.id != user.id => UpdateUserError::EmailTaken,
            _ => UpdateUserError::ProfileTaken,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [FieldColumn; 5] = [
        ("name", Some("name")),
        ("first_name", Some("first_name")),
        ("place", Some("shelf")),
        ("type", Some("r#type")),
        ("password_hash", None),
    ];

    #[test]
    fn a_field_is_known_by_the_name_of_its_column_or_of_its_constraint() {
        for (name, field) in [
            ("first_name", Some("first_name")),
            ("members_first_name_check", Some("first_name")),
            ("members_name_check", Some("name")),
            ("place > 0 AND place < 100", Some("shelf")),
            ("positive_place", Some("shelf")),
            ("type", Some("type")),
            ("members_check", None),
            ("a_name_and_a_place", None),
            ("places", None),
            ("surname", None),
            ("", None),
        ] {
            let field = field.map(str::to_owned);
            assert_eq!(
                Refusal::value(Some(name), &COLUMNS),
                Refusal::Value { field },
                "{name}"
            );
        }
        assert_eq!(Refusal::value(None, &COLUMNS), Refusal::Value { field: None });
        let narrow = Refusal::value(Some("password_hash"), &COLUMNS);
        assert_eq!(narrow, Refusal::Failed, "that is the application's mistake");
    }
}
