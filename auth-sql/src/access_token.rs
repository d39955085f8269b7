use auth_core::{AccessToken, Client, PublicId};

use crate::{ColumnId, DigestColumn, InstantColumn, UuidColumn};

/// The columns of an access token, in the order in which the stores select them.
pub type AccessTokenColumns<Id> = (
    UuidColumn,
    DigestColumn,
    <Id as ColumnId>::Column,
    i64,
    InstantColumn,
    Option<InstantColumn>,
    InstantColumn,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The access token of `columns`.
pub fn access_token<Id: ColumnId>(columns: AccessTokenColumns<Id>) -> AccessToken<Id> {
    let (id, digest, user_id, epoch, created_at, expires_at, last_used_at, user_agent, address, label) =
        columns;
    AccessToken {
        id: PublicId(id.0),
        digest: digest.0,
        user_id: user_id.into(),
        epoch,
        created_at: created_at.0,
        expires_at: expires_at.map(|end| end.0),
        last_used_at: last_used_at.0,
        client: Client {
            user_agent,
            address,
            label,
        },
    }
}

/// Maps an application's own table to an [`AccessTokenStore`](auth_core::AccessTokenStore).
///
/// TODO
#[macro_export]
macro_rules! access_token_store {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: Sqlite {
            table: $($table:ident)::+,
            user_id: $id:ty $(,)?
        }
    ) => {
        $crate::__sqlite_access_token_store! { [$(#[$meta])*] [$vis] $name [$($table)::+] $id }
    };
}
