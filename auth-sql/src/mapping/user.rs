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
/// | `roles` | `Text`, as below |
/// | `security_epoch`, `revision` | `BigInt` |
/// | `created_at`, `updated_at` | `BigInt`: milliseconds since 1970-01-01 UTC; on PostgreSQL also `Timestamptz`, on MySQL `Datetime` with three fractional digits |
///
/// `roles` has the names of a user's [roles](auth_core::User::roles) with a comma between two: `author,editor`. The column is
/// required. Without it, roles given later are lost silently. Add it with the default `''`, and let it hold 4,160 characters. A user
/// whose value is anything else cannot be read.
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
///         roles -> Text,
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
///         roles TEXT NOT NULL DEFAULT '',
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
        $crate::__user_store! { $database [$(#[$meta])*] [$vis] $name [$($table)::+] $id, (), [()] [] }
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
            $database [$(#[$meta])*] [$vis] $name [$($table)::+] $id, $($profile)::+,
            [$($profile)::+ { $($field: [<__read_ $field>]),+ }]
            [($($field as [<__field_ $field>] [<__read_ $field>],)+)]
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __user_store {
    ($database:ident [$($attribute:tt)*] [$vis:vis] $name:ident $($table:tt)+) => {
        $crate::__private::paste! {
            $($attribute)*
            $vis type $name = $crate::UsersIn<$crate::__private::$database, [<__ $name Table>]>;

            #[doc(hidden)]
            #[derive(Clone, Debug)]
            $vis enum [<__ $name Table>] {}

            $crate::__user_statements! {
                $database [<__ $name Table>] $($table)+ [
                    email as __email, normalized_email as __normalized_email, password_hash as __password_hash,
                    is_active as __is_active, is_superuser as __is_superuser, is_verified as __is_verified,
                    roles as __roles,
                    security_epoch as __security_epoch, revision as __revision, updated_at as __updated_at,
                ]
            }
        }
    };
}

/// How each database inserts a row and returns its id.
#[doc(hidden)]
#[macro_export]
macro_rules! __insertion {
    (Mysql, $insert:ident, $given:ident) => {
        __sql::ThenLastId {
            insert: $insert,
            given: $given,
            last: __sql::rows(
                __sql::diesel::select(__sql::diesel::dsl::sql::<__sql::diesel::dsl::SqlTypeOf<__id>>(
                    "LAST_INSERT_ID()",
                )),
                |__key: __Id| __key.into(),
            ),
        }
    };
    ($database:ident, $insert:ident, $given:ident) => {
        __sql::Returning(__sql::rows(
            $insert
                .on_conflict(__normalized_email)
                .do_nothing()
                .returning(__id),
            |__key: __Id| __key.into(),
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __user_statements {
    (
        $database:ident $name:ident [$($table:tt)+] $id:ty, $profile:ty,
        [$($read:tt)+] [$(($($field:ident as $field_column:ident $field_value:ident,)+))?]
        [$($column:ident as $own:ident,)+]
    ) => {
        const _: () = {
            use $crate::__private as __sql;
            use __sql::diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};
            use $($table)+::{
                created_at as __created_at, id as __id, table as __table, $($column as $own,)+
                $($($field as $field_column,)+)?
            };

            type __Database = __sql::$database;
            type __Id = <$id as __sql::ColumnId>::Column;
            type __User = __sql::User<$id, $profile>;

            /// Selects all columns, and reads each row as a user.
            macro_rules! __users {
                ($query:expr) => {
                    __sql::rows(
                        $query.select((__id, __created_at, ($($own,)+), $(($($field_column,)+),)?)),
                        |(__key, __since, __row, $(($($field_value,)+),)?)| {
                            __sql::user::<$id, $profile>(__key, __since, __row, $($read)+)
                        },
                    )
                };
            }

            impl __sql::UserTable<__Database, $id, $profile> for $name {
                const FIELDS: &'static [__sql::FieldColumn] = &[
                    __sql::field_column(__email, "email"),
                    __sql::field_column(__normalized_email, "email"),
                    __sql::own_column(__password_hash),
                    $($(__sql::field_column($field_column, ::core::stringify!($field)),)+)?
                ];

                fn insert(
                    __given: ::core::option::Option<$id>,
                    __since: __sql::InstantColumn,
                    __row: __sql::UserRow,
                    __profile: $profile,
                ) -> impl __sql::RowWrite<__Database, $id> {
                    let __insert = __sql::diesel::insert_into(__table).values((
                        __given.clone().map(|__given| __id.eq(__Id::from(__given))),
                        __created_at.eq(__since),
                        ($($own.eq(__row.$column),)+),
                        $(($($field_column.eq(__profile.$field),)+),)?
                    ));
                    $crate::__insertion!($database, __insert, __given)
                }

                fn find(__key: __Id) -> impl __sql::Query<__Database, __User> {
                    __users!(__table.filter(__id.eq(__key)))
                }

                fn find_by_email(__wanted: ::std::string::String) -> impl __sql::Query<__Database, __User> {
                    __users!(__table.filter(__normalized_email.eq(__wanted)))
                }

                fn list(__limit: i64) -> impl __sql::Query<__Database, __User> {
                    __users!(__table.order(__id).limit(__limit))
                }

                fn list_after(__after: __Id, __limit: i64) -> impl __sql::Query<__Database, __User> {
                    __users!(__table.filter(__id.gt(__after)).order(__id).limit(__limit))
                }

                fn update(
                    __key: __Id,
                    __unchanged: i64,
                    __row: __sql::UserRow,
                    __profile: $profile,
                ) -> impl __sql::Statement<__Database> {
                    let __unchanged = __table.filter(__id.eq(__key).and(__revision.eq(__unchanged)));
                    __sql::diesel::update(__unchanged).set((
                        ($($own.eq(__row.$column),)+),
                        $(($($field_column.eq(__profile.$field),)+),)?
                    ))
                }

                fn delete(__key: __Id) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table.filter(__id.eq(__key)))
                }
            }

            $crate::__user_probes! { $database $name $id, $profile, $($($field as $field_column,)+)? }
        };
    };
}

/// Updates of no row. They are not cached, so the server plans them with their values. SQLite does not need them.
#[doc(hidden)]
#[macro_export]
macro_rules! __user_probes {
    (Sqlite $($table:tt)+) => {};
    ($database:ident $name:ident $id:ty, $profile:ty, $($field:ident as $field_column:ident,)*) => {
        macro_rules! __set {
            ($value:expr) => {{
                let __none = __sql::diesel::dsl::sql::<__sql::diesel::sql_types::Bool>("FALSE");
                __sql::diesel::update(__table.filter(__none)).set($value)
            }};
        }

        impl __sql::UserProbes<__Database, $id, $profile> for $name {
            fn any() -> impl __sql::Statement<__Database> {
                __set!(__is_active.eq(true))
            }

            fn each(__emails: __sql::EmailColumns, __profile: $profile) -> ::std::vec::Vec<__sql::Probe<__Database>> {
                let __emails = (__email.eq(__emails.0), __normalized_email.eq(__emails.1));
                ::std::vec![
                    __sql::Probe::new("email", __set!(__emails), __set!(__email.eq(__email))),
                    $(__sql::Probe::new(
                        ::core::stringify!($field),
                        __set!($field_column.eq(__profile.$field)),
                        __set!($field_column.eq($field_column)),
                    ),)*
                ]
            }
        }
    };
}
