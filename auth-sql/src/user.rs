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
/// It makes a type with `new(database)`, where the database is a pool or a `Database` of the module for `Sqlite`,
/// `Postgres` or `Mysql`, which is what stands behind the type's name. The table is one of Diesel's `table!` with these
/// columns, and one of the same name for each field of the profile, whose types are for Diesel to match. A column of
/// another name in the database has `#[sql_name = "…"]`.
///
/// | column | type in `table!` |
/// |---|---|
/// | `id` | what [`ColumnId`](crate::ColumnId) says of the id; the primary key |
/// | `email` | `Text` |
/// | `normalized_email` | `Text`, with a unique index of its own |
/// | `password_hash` | `Nullable<Text>` |
/// | `is_active`, `is_superuser`, `is_verified` | `Bool` |
/// | `security_epoch`, `revision` | `BigInt` |
/// | `created_at`, `updated_at` | `BigInt`: milliseconds since 1970-01-01 UTC; on PostgreSQL also `Timestamptz`, on MySQL `Datetime` with three digits behind the second |
///
/// A value that its column cannot hold is `ProfileRefused`, and nothing is written: a text that is too long, a number out
/// of range, a `CHECK`, `NOT NULL` or foreign key that it breaks. It names the field if the database names the column, or
/// if the name of the constraint has that of one column in it (`members_shelf_check`). MySQL cuts such a value silently
/// on a connection that is not in the strict mode, which this crate's `mysql::connect` sets.
///
/// The normalised e-mail is compared byte for byte, and so is a text that is an id: no collation of PostgreSQL's may be
/// nondeterministic, and MySQL wants a `varbinary` column.
///
/// An integer id is made by the database and must never be given twice, or a deleted user's JWT would be another's:
/// `INTEGER PRIMARY KEY AUTOINCREMENT` on SQLite, `GENERATED ALWAYS AS IDENTITY` on PostgreSQL, `AUTO_INCREMENT` on
/// MySQL. A violation of another unique index or exclusion constraint is `ProfileTaken`, and one of the primary key a
/// [`StoreError`](auth_core::StoreError). A table without the unique index on `normalized_email` takes no user; MySQL
/// alone does not notice.
///
#[cfg_attr(feature = "sqlite", doc = "```")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// use auth_core::{NewUser, UserStore as _};
/// use auth_sql::sqlite::{self, Database};
/// use diesel::{connection::SimpleConnection as _, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// struct Profile {
///     first_name: String,
///     shelf: Option<i32>,
/// }
///
/// diesel::table! {
///     members (id) {
///         id -> BigInt,
///         email -> Text,
///         normalized_email -> Text,
///         password_hash -> Nullable<Text>,
///         is_active -> Bool,
///         is_superuser -> Bool,
///         is_verified -> Bool,
///         security_epoch -> BigInt,
///         revision -> BigInt,
///         created_at -> BigInt,
///         updated_at -> BigInt,
///         first_name -> Text,
///         shelf -> Nullable<Integer>,
///     }
/// }
///
/// auth_sql::user_store! {
///     /// The library's members.
///     pub struct Members: Sqlite {
///         table: members,
///         id: i64,
///         profile: Profile { first_name, shelf },
///     }
/// }
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("app.db").display().to_string();
/// let database = Database::new(sqlite::connect("DATABASE_URL", &path).await?);
/// // An application keeps this among its migrations.
/// database.write(|connection| connection.batch_execute(
///     "CREATE TABLE members (
///         id INTEGER PRIMARY KEY AUTOINCREMENT,
///         email TEXT NOT NULL,
///         normalized_email TEXT NOT NULL UNIQUE,
///         password_hash TEXT,
///         is_active INTEGER NOT NULL,
///         is_superuser INTEGER NOT NULL,
///         is_verified INTEGER NOT NULL,
///         security_epoch INTEGER NOT NULL,
///         revision INTEGER NOT NULL,
///         created_at INTEGER NOT NULL,
///         updated_at INTEGER NOT NULL,
///         first_name TEXT NOT NULL,
///         shelf INTEGER
///     ) STRICT",
/// )).await?;
///
/// let ada = Members::new(&database).insert(NewUser {
///     id: None,
///     email: "ada@example.com".parse()?,
///     password_hash: None,
///     is_active: true,
///     is_superuser: false,
///     is_verified: false,
///     created_at: time::OffsetDateTime::UNIX_EPOCH,
///     profile: Profile { first_name: "Ada".into(), shelf: Some(3) },
/// }).await?;
/// assert_eq!(ada.id, 1);
///
/// let on_shelf_3 = database.read(|connection| {
///     members::table.filter(members::shelf.eq(3)).select(members::first_name).load::<String>(connection)
/// }).await?;
/// assert_eq!(on_shelf_3, ["Ada"]);
/// # Ok(()) }
/// ```
///
/// A table with no column beside these has `profile: ()`.
#[macro_export]
macro_rules! user_store {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: $database:ident {
            table: $($table:ident)::+,
            id: $id:ty,
            profile: () $(,)?
        }
    ) => {
        $crate::__user_store! {
            $database [$(#[$meta])*] [$vis] $name [$($table)::+] $id, (), [()], []
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: $database:ident {
            table: $($table:ident)::+,
            id: $id:ty,
            profile: $($profile:ident)::+ { $($field:ident),+ $(,)? } $(,)?
        }
    ) => {
        $crate::__user_store! {
            $database [$(#[$meta])*] [$vis] $name [$($table)::+] $id,
            $($profile)::+, [$($profile)::+ { $($field),+ }], [($($field),+)]
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __user_store {
    (Sqlite $($store:tt)+) => { $crate::__sqlite_user_store! { $($store)+ } };
    (Postgres $($store:tt)+) => { $crate::__server_user_store! { postgres $($store)+ } };
    (Mysql $($store:tt)+) => { $crate::__server_user_store! { mysql $($store)+ } };
}
