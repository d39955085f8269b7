use auth_core::{AccessToken, ClientInfo, PublicId};

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
        client: ClientInfo {
            user_agent,
            address,
            label,
        },
    }
}

/// Maps an application's own table to an [`AccessTokenStore`](auth_core::AccessTokenStore), which also is an
/// [`AccessTokenIndex`](auth_core::AccessTokenIndex) and a [`PurgeExpired`](auth_core::PurgeExpired).
///
/// It makes a type with `new(database)`, as [`user_store!`](crate::user_store) does. The table is one of Diesel's
/// `table!` with these columns; one of another name in the database has `#[sql_name = "…"]`. On PostgreSQL and MySQL,
/// `users` is the table that `user_id` refers to: an insertion under a cap locks the user's row, so that parallel ones
/// wait for each other. SQLite has one writer anyway.
///
/// | column | type in `table!` |
/// |---|---|
/// | `id` | `Binary`, `Text` or PostgreSQL's `Uuid`, with a unique index or as the primary key: the public id |
/// | `digest` | `Binary`, with a unique index or as the primary key: the 32 bytes of SHA-256 |
/// | `user_id` | that of the user's id; a foreign key with `ON DELETE CASCADE`, and an index with `created_at` |
/// | `epoch` | `BigInt` |
/// | `created_at`, `last_used_at` | `BigInt`: milliseconds since 1970-01-01 UTC; on PostgreSQL also `Timestamptz`, on MySQL `Datetime` with three digits behind the second |
/// | `expires_at` | `Nullable` of the same; with an index |
/// | `user_agent`, `address`, `label` | `Nullable<Text>` |
///
/// On SQLite the table has a `rowid`, which tells the older of two tokens of one millisecond. Elsewhere their ids decide.
///
#[cfg_attr(feature = "sqlite", doc = "```")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// diesel::table! {
///     sessions (id) {
///         id -> Text,
///         digest -> Binary,
///         user_id -> BigInt,
///         epoch -> BigInt,
///         created_at -> BigInt,
///         expires_at -> Nullable<BigInt>,
///         last_used_at -> BigInt,
///         user_agent -> Nullable<Text>,
///         address -> Nullable<Text>,
///         label -> Nullable<Text>,
///     }
/// }
///
/// auth_sql::access_token_store! {
///     /// Where the library's members are logged in.
///     pub struct Sessions: Sqlite { table: sessions, user_id: i64 }
/// }
/// // On a server: `pub struct Sessions: Postgres { table: sessions, users: members, user_id: i64 }`
/// ```
#[macro_export]
macro_rules! access_token_store {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: $database:ident {
            table: $($table:ident)::+,
            $(users: $($users:ident)::+,)?
            user_id: $id:ty $(,)?
        }
    ) => {
        $crate::__access_token_store! {
            $database [$(#[$meta])*] [$vis] $name [$($table)::+] $([$($users)::+])? $id
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __access_token_store {
    (Sqlite $attributes:tt $vis:tt $name:ident $table:tt [$($users:tt)+] $id:ty) => {
        $crate::__sqlite_access_token_store! { $attributes $vis $name $table $id }
    };
    (Sqlite $($store:tt)+) => { $crate::__sqlite_access_token_store! { $($store)+ } };
    (Postgres $($store:tt)+) => { $crate::__server_access_token_store! { postgres $($store)+ } };
    (Mysql $($store:tt)+) => { $crate::__server_access_token_store! { mysql $($store)+ } };
}
