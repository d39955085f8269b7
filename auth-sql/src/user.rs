use auth_core::{Email, PasswordHash, User};

use crate::{ColumnId, InstantColumn};

/// The columns of a user that every table has, in the order in which the stores select them.
pub type UserColumns<Id> = (
    <Id as ColumnId>::Column,
    String,
    String,
    Option<String>,
    bool,
    bool,
    bool,
    i64,
    i64,
    InstantColumn,
    InstantColumn,
);

/// The user of `columns` and the application's own fields.
pub fn user<Id: ColumnId, P>(columns: UserColumns<Id>, profile: P) -> User<Id, P> {
    let (
        id,
        email,
        normalized_email,
        password_hash,
        is_active,
        is_superuser,
        is_verified,
        security_epoch,
        revision,
        created_at,
        updated_at,
    ) = columns;
    User {
        id: id.into(),
        email: Email::from_stored(email, normalized_email),
        password_hash: password_hash.map(PasswordHash::new),
        is_active,
        is_superuser,
        is_verified,
        security_epoch,
        revision,
        created_at: created_at.0,
        updated_at: updated_at.0,
        profile,
    }
}

/// Maps an application's own table and profile to a [`UserStore`](auth_core::UserStore).
///
/// TODO
#[macro_export]
macro_rules! user_store {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: Sqlite {
            table: $($table:ident)::+,
            id: $id:ty,
            profile: () $(,)?
        }
    ) => {
        $crate::__sqlite_user_store! {
            [$(#[$meta])*] [$vis] $name [$($table)::+] $id, (), [()], []
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: Sqlite {
            table: $($table:ident)::+,
            id: $id:ty,
            profile: $($profile:ident)::+ { $($field:ident),+ $(,)? } $(,)?
        }
    ) => {
        $crate::__sqlite_user_store! {
            [$(#[$meta])*] [$vis] $name [$($table)::+] $id,
            $($profile)::+, [$($profile)::+ { $($field),+ }], [($($field),+)]
        }
    };
}
