/// Maps an application's own table and profile to a [`UserStore`](auth_core::UserStore).
///
/// The type is an alias of `UsersIn`. The word after its name, `Sqlite`, `Postgres` or `Mysql`, chooses the database. Its
/// `new(database)` takes a pool or a `Database` of that database's module.
///
/// The table is one of Diesel's `table!`, with the columns below and one more for each field of the profile, of the
/// same name and of a type that Diesel can convert. If a column has another name in the database, give it
/// `#[sql_name = "…"]`.
///
/// | column | type in `table!` |
/// |---|---|
/// | `id` | as [`ColumnId`](crate::ColumnId) has it for the type of the id; the primary key |
/// | `email` | `Text` |
/// | `normalized_email` | `Text`, with a unique index of its own |
/// | `password_hash` | `Nullable<Text>` |
/// | `is_active`, `is_superuser`, `is_verified` | `Bool` |
/// | `security_epoch`, `revision` | `BigInt` |
/// | `created_at`, `updated_at` | `BigInt`: milliseconds since 1970-01-01 UTC; on PostgreSQL also `Timestamptz`, on MySQL `Datetime` with three fractional digits |
///
/// # Values that the table refuses
///
/// If a column cannot hold a value, the error is `ProfileRefused` and nothing is written. The text may be too long, the
/// number out of range, or the value may violate a `CHECK`, `NOT NULL` or foreign key. The error names the field if the
/// database names the column, or if the constraint's name contains that of one column (`members_shelf_check`).
///
/// If a value violates a unique index or an exclusion constraint of the application's, the error is `ProfileTaken`. A
/// violation of the primary key is a [`StoreError`](auth_core::StoreError).
///
/// # Security
///
/// - The database makes integer ids, and must never reuse one: a JWT of a deleted user would be the next user's. Use
///   `INTEGER PRIMARY KEY AUTOINCREMENT` on SQLite, `GENERATED ALWAYS AS IDENTITY` on PostgreSQL, `AUTO_INCREMENT` on
///   MySQL.
/// - `normalized_email` needs its unique index. Without it SQLite and PostgreSQL accept no user, but MySQL does not notice.
/// - `normalized_email` and a text id must be compared byte for byte. Use no nondeterministic collation on PostgreSQL, and a
///   `varbinary` column on MySQL.
/// - MySQL cuts values that are too long unless the connection is in strict mode. `mysql::connect` of this crate sets it.
///
/// # Example
///
#[cfg_attr(feature = "sqlite", doc = "```")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// use portcullis::{sql::sqlite::{self, Database}, store::{NewUser, UserStore as _}};
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
/// portcullis::sql::user_store! {
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
/// let database = Database::new(sqlite::connect(&path).await?);
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
/// let ada = NewUser::new(
///     "ada@example.com".parse()?,
///     Profile { first_name: "Ada".into(), shelf: Some(3) },
///     time::OffsetDateTime::UNIX_EPOCH,
/// );
/// let ada = Members::new(&database).insert(ada).await?;
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
    ($database:ident [$($attribute:tt)*] [$vis:vis] $name:ident $($table:tt)+) => {
        $crate::__private::paste! {
            $($attribute)*
            $vis type $name = $crate::UsersIn<
                $crate::__database!($database),
                [<__ $name Table>],
            >;

            #[doc(hidden)]
            #[derive(Clone, Debug)]
            $vis enum [<__ $name Table>] {}

            $crate::__user_statements! { $database [<__ $name Table>] $($table)+ }
            $crate::__user_probes! { $database [<__ $name Table>] $($table)+ }
        }
    };
}

/// How each database inserts a row and returns its id.
#[doc(hidden)]
#[macro_export]
macro_rules! __insertion {
    (Mysql, $insert:ident, $given:expr) => {
        __sql::ThenLastId {
            insert: $insert,
            given: $given,
            last: __sql::rows(
                __sql::diesel::select(__sql::diesel::dsl::sql::<
                    __sql::diesel::dsl::SqlTypeOf<__table::id>,
                >("LAST_INSERT_ID()")),
                |id: __Id| id.into(),
            ),
        }
    };
    ($database:ident, $insert:ident, $given:expr) => {
        __sql::Returning(__sql::rows(
            $insert
                .on_conflict(__table::normalized_email)
                .do_nothing()
                .returning(__table::id),
            |id: __Id| id.into(),
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __user_statements {
    (
        $database:ident $name:ident [$($table:tt)+] $id:ty,
        $profile_type:ty, [$($profile:tt)+], [$(($($field:ident),+))?]
    ) => {
        const _: () = {
            use $($table)+ as __table;
            use $crate::__private as __sql;
            use __sql::diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};

            type __Database = $crate::__database!($database);
            type __Id = <$id as __sql::ColumnId>::Column;
            type __User = __sql::User<$id, $profile_type>;

            /// Selects all columns, and reads each row as a user.
            macro_rules! __users {
                ($query:expr) => {
                    __sql::rows(
                        $query.select((
                            (
                                __table::id,
                                __table::email,
                                __table::normalized_email,
                                __table::password_hash,
                                __table::is_active,
                                __table::is_superuser,
                                __table::is_verified,
                                __table::security_epoch,
                                __table::revision,
                                __table::created_at,
                                __table::updated_at,
                            ),
                            $(($(__table::$field,)+),)?
                        )),
                        |(columns, $(($($field,)+),)?)| {
                            __sql::user::<$id, $profile_type>(columns, $($profile)+)
                        },
                    )
                };
            }

            impl __sql::UserTable<__Database, $id, $profile_type> for $name {
                const FIELDS: &'static [__sql::FieldColumn] = &[
                    (<__table::email as __sql::diesel::Column>::NAME, ::core::option::Option::Some("email")),
                    (<__table::normalized_email as __sql::diesel::Column>::NAME, ::core::option::Option::Some("email")),
                    (<__table::password_hash as __sql::diesel::Column>::NAME, ::core::option::Option::None),
                    $($((
                        <__table::$field as __sql::diesel::Column>::NAME,
                        ::core::option::Option::Some(::core::stringify!($field)),
                    ),)+)?
                ];

                fn insert(new: __sql::NewUser<$id, $profile_type>) -> impl __sql::RowWrite<__Database, $id> {
                    let $($profile)+ = new.profile;
                    let insert = __sql::diesel::insert_into(__table::table).values((
                        new.id.clone().map(|id| __table::id.eq(__Id::from(id))),
                        __table::email.eq(new.email.as_str().to_owned()),
                        __table::normalized_email.eq(new.email.normalized().as_str().to_owned()),
                        __table::password_hash.eq(new.password_hash.map(__sql::PasswordHashColumn)),
                        __table::is_active.eq(new.is_active),
                        __table::is_superuser.eq(new.is_superuser),
                        __table::is_verified.eq(new.is_verified),
                        __table::security_epoch.eq(0),
                        __table::revision.eq(0),
                        __table::created_at.eq(__sql::InstantColumn(new.created_at)),
                        __table::updated_at.eq(__sql::InstantColumn(new.created_at)),
                        $(($(__table::$field.eq($field),)+),)?
                    ));
                    $crate::__insertion!($database, insert, new.id)
                }

                fn find(id: $id) -> impl __sql::Query<__Database, __User> {
                    __users!(__table::table.filter(__table::id.eq(__Id::from(id))))
                }

                fn find_by_email(email: __sql::NormalizedEmail) -> impl __sql::Query<__Database, __User> {
                    __users!(__table::table.filter(__table::normalized_email.eq(email.as_str().to_owned())))
                }

                fn list(limit: u32) -> impl __sql::Query<__Database, __User> {
                    __users!(__table::table.order(__table::id).limit(limit.into()))
                }

                fn list_after(after: $id, limit: u32) -> impl __sql::Query<__Database, __User> {
                    let behind = __table::table.filter(__table::id.gt(__Id::from(after)));
                    __users!(behind.order(__table::id).limit(limit.into()))
                }

                fn update(user: __User) -> impl __sql::Statement<__Database> {
                    let $($profile)+ = user.profile;
                    let unchanged = __table::id.eq(__Id::from(user.id)).and(__table::revision.eq(user.revision));
                    __sql::diesel::update(__table::table.filter(unchanged)).set((
                        __table::email.eq(user.email.as_str().to_owned()),
                        __table::normalized_email.eq(user.email.normalized().as_str().to_owned()),
                        __table::password_hash.eq(user.password_hash.map(__sql::PasswordHashColumn)),
                        __table::is_active.eq(user.is_active),
                        __table::is_superuser.eq(user.is_superuser),
                        __table::is_verified.eq(user.is_verified),
                        __table::security_epoch.eq(user.security_epoch),
                        __table::revision.eq(user.revision + 1),
                        __table::updated_at.eq(__sql::InstantColumn(user.updated_at)),
                        $(($(__table::$field.eq($field),)+),)?
                    ))
                }

                fn delete(id: $id) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table::table.filter(__table::id.eq(__Id::from(id))))
                }
            }
        };
    };
}

/// Updates of no row. They are not cached, so the server plans them with their values. SQLite does not need them.
#[doc(hidden)]
#[macro_export]
macro_rules! __user_probes {
    (Sqlite $($table:tt)+) => {};
    (
        $database:ident $name:ident [$($table:tt)+] $id:ty,
        $profile_type:ty, [$($profile:tt)+], [$(($($field:ident),+))?]
    ) => {
        const _: () = {
            use $($table)+ as __table;
            use $crate::__private as __sql;
            use __sql::diesel::{ExpressionMethods as _, QueryDsl as _};

            type __Database = $crate::__database!($database);

            macro_rules! __set {
                ($value:expr) => {
                    __sql::diesel::update(__table::table.filter(
                        __sql::diesel::dsl::sql::<__sql::diesel::sql_types::Bool>("FALSE"),
                    ))
                    .set($value)
                };
            }

            impl __sql::UserProbes<__Database, $id, $profile_type> for $name {
                fn any() -> impl __sql::Statement<__Database> {
                    __set!(__table::is_active.eq(true))
                }

                fn each(email: __sql::Email, profile: $profile_type) -> ::std::vec::Vec<__sql::Probe<__Database>> {
                    let $($profile)+ = profile;
                    let emails = (
                        __table::email.eq(email.as_str().to_owned()),
                        __table::normalized_email.eq(email.normalized().as_str().to_owned()),
                    );
                    ::std::vec![
                        __sql::Probe::new("email", __set!(emails), __set!(__table::email.eq(__table::email))),
                        $($(__sql::Probe::new(
                            ::core::stringify!($field),
                            __set!(__table::$field.eq($field)),
                            __set!(__table::$field.eq(__table::$field)),
                        ),)+)?
                    ]
                }
            }
        };
    };
}
