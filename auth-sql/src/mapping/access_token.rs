/// Maps an application's own table to an [`AccessTokenStore`](auth_core::AccessTokenStore), which also is an
/// [`AccessTokenIndex`](auth_core::AccessTokenIndex), a [`RotateTokens`](auth_core::RotateTokens) and a
/// [`PurgeExpired`](auth_core::PurgeExpired).
///
/// The type is an alias of `AccessTokensIn`, with a `new(database)` as in [`user_store!`](crate::user_store).
///
/// The table is one of Diesel's `table!`, with the columns below. If a column has another name in the database, give it
/// `#[sql_name = "…"]`.
///
/// On PostgreSQL and MySQL, `users` is the table that `user_id` refers to. An insertion under a cap locks the user's
/// row there, so parallel ones wait for each other. It takes the right to update that table. SQLite does not need it,
/// because it has one writer at a time.
///
/// | column | type in `table!` |
/// |---|---|
/// | `id` | `Binary`, `Text` or PostgreSQL's `Uuid`, with a unique index or as the primary key: the public id |
/// | `digest` | `Binary`, with a unique index or as the primary key: the 32 bytes of SHA-256 |
/// | `user_id` | that of the user's id; a foreign key with `ON DELETE CASCADE`, and an index with `created_at` |
/// | `backend` | `Text`, not null, compared byte for byte, so a `varbinary` on MySQL: a name of up to 64 characters, or empty |
/// | `epoch`, `access_generation`, `refresh_generation` | `BigInt`, not null |
/// | `created_at`, `last_used_at` | `BigInt`: milliseconds since 1970-01-01 UTC; on PostgreSQL also `Timestamptz`, on MySQL `Datetime` with three fractional digits |
/// | `expires_at` | `Nullable` of the same; with an index |
/// | `absolute_expires_at`, `access_rotated_at`, `refresh_rotated_at` | `Nullable` of the same |
/// | `actor`, `user_agent`, `address`, `label` | `Nullable<Text>` |
///
/// Tokens of the same millisecond are ordered by `rowid` on SQLite, where the table must have one, and by `id` elsewhere.
///
#[cfg_attr(feature = "sqlite", doc = "```")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// diesel::table! {
///     sessions (id) {
///         id -> Text,
///         digest -> Binary,
///         backend -> Text,
///         user_id -> BigInt,
///         epoch -> BigInt,
///         actor -> Nullable<Text>,
///         created_at -> BigInt,
///         expires_at -> Nullable<BigInt>,
///         absolute_expires_at -> Nullable<BigInt>,
///         last_used_at -> BigInt,
///         access_generation -> BigInt,
///         access_rotated_at -> Nullable<BigInt>,
///         refresh_generation -> BigInt,
///         refresh_rotated_at -> Nullable<BigInt>,
///         user_agent -> Nullable<Text>,
///         address -> Nullable<Text>,
///         label -> Nullable<Text>,
///     }
/// }
///
/// portcullis::sql::access_token_store! {
///     /// The log-ins of the library's members.
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
        $crate::__private::paste! {
            $(#[$meta])*
            $vis type $name = $crate::AccessTokensIn<$crate::__private::$database, [<__ $name Table>], $id>;

            #[doc(hidden)]
            #[derive(Clone, Debug)]
            $vis enum [<__ $name Table>] {}

            $crate::__access_token_table! {
                $database [<__ $name Table>] [$($table)::+] [$($($users)::+)?] $id, [
                    id as __id, digest as __digest, backend as __backend, user_id as __user_id, epoch as __epoch,
                    actor as __actor, created_at as __created_at, expires_at as __expires_at,
                    absolute_expires_at as __absolute_expires_at, last_used_at as __last_used_at,
                    access_generation as __access_generation, access_rotated_at as __access_rotated_at,
                    refresh_generation as __refresh_generation, refresh_rotated_at as __refresh_rotated_at,
                    user_agent as __user_agent, address as __address, label as __label,
                ]
            }
            $crate::__expiring_table! { $database [<__ $name Table>] [$($table)::+] }
        }
    };
}

/// The dialects: how a taken digest is ignored, how tokens of the same millisecond are ordered, and how a user's row is
/// locked.
#[doc(hidden)]
#[macro_export]
macro_rules! __access_token_table {
    (Sqlite $name:ident $table:tt $users:tt $id:ty, $columns:tt) => {
        $crate::__access_token_statements! {
            Sqlite $name $table $id, $columns [.on_conflict(__digest).do_nothing()]
            [__sql::diesel::dsl::sql::<__sql::diesel::sql_types::BigInt>("rowid").desc()]
        }
    };
    ($database:ident $name:ident $table:tt [] $id:ty, $columns:tt) => {
        ::core::compile_error! { "on a server, `access_token_store!` needs `users: TABLE` after `table`" }
    };
    (Postgres $name:ident $table:tt $users:tt $id:ty, $columns:tt) => {
        $crate::__access_token_statements! {
            Postgres $name $table $id, $columns [.on_conflict(__digest).do_nothing()] [__id.desc()]
            $users [.for_no_key_update()]
        }
    };
    (Mysql $name:ident $table:tt $users:tt $id:ty, $columns:tt) => {
        $crate::__access_token_statements! {
            Mysql $name $table $id, $columns [] [__id.desc()] $users [.for_update()]
        }
    };
}

/// How each database returns the row that an update wrote.
#[doc(hidden)]
#[macro_export]
macro_rules! __advanced {
    (Mysql, $id:ty, $update:ident, $key:ident, $step:ident) => {
        __sql::FindThenUpdate {
            find: <Self as __sql::AccessTokenTable<__Database, $id>>::find($key),
            update: move |__token: &__Token| {
                let __unchanged = $update
                    .filter(__access_generation.eq(__token.access_generation.number))
                    .filter(__refresh_generation.eq(__token.refresh_generation.number));
                __sql::PreparedOnce(__unchanged)
            },
            step: $step,
        }
    };
    ($database:ident, $id:ty, $update:ident, $key:ident, $step:ident) => {
        __sql::Returning(__sql::rows(
            __sql::PreparedOnce($update.returning(__columns!())),
            __sql::access_token::<$id>,
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __access_token_statements {
    (
        $database:ident $name:ident [$($table:tt)+] $id:ty, [$($column:ident as $own:ident,)+]
        [$($do_nothing:tt)*] [$($newest:tt)+] $([$($users:tt)+] [$($lock:tt)+])?
    ) => {
        const _: () = {
            use $crate::__private as __sql;
            use __sql::diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};
            use $($table)+::{table as __table, $($column as $own,)+};

            type __Database = __sql::$database;
            type __Owner = <$id as __sql::ColumnId>::Column;
            type __Token = __sql::AccessToken<$id>;

            macro_rules! __columns {
                () => { ($($own,)+) };
            }

            macro_rules! __tokens {
                ($query:expr) => { __sql::rows($query.select(__columns!()), __sql::access_token::<$id>) };
            }

            /// The row of `digest`, if it has not expired at `at`.
            macro_rules! __live {
                ($digest:expr, $at:expr) => {
                    __table.filter(__digest.eq($digest)).filter(__expires_at.is_null().or(__expires_at.gt($at)))
                };
            }

            /// Makes `step` with the columns of its kind.
            macro_rules! __advance {
                ($key:ident, $step:ident, $generation:ident, $rotated_at:ident) => {{
                    let __at = __sql::InstantColumn::new($step.at);
                    let __due = __live!($key, __at).filter($generation.eq($step.from));
                    let __end = $step.keep_until.map(|__until| {
                        let (__until, __last) = (__sql::InstantColumn::new(__until), __absolute_expires_at);
                        let __sooner = __sql::diesel::dsl::case_when(__last.lt(__until), __last).otherwise(__until);
                        __expires_at.eq(__sooner)
                    });
                    let __next = (
                        $generation.eq($generation + 1_i64), $rotated_at.eq(__at), __last_used_at.eq(__at), __end,
                    );
                    let __update = __sql::diesel::update(__due).set(__next);
                    $crate::__advanced!($database, $id, __update, $key, $step)
                }};
            }

            impl __sql::AccessTokenTable<__Database, $id> for $name {
                fn insert(__row: __sql::AccessTokenRow<$id>) -> impl __sql::Statement<__Database> {
                    __sql::diesel::insert_into(__table).values(($($own.eq(__row.$column),)+)) $($do_nothing)*
                }

                fn find(__key: __sql::DigestColumn) -> impl __sql::Query<__Database, __Token> {
                    __tokens!(__table.filter(__digest.eq(__key)))
                }

                fn list(__owner: __Owner, __since: i64) -> impl __sql::Query<__Database, __Token> {
                    let __own = __table.filter(__user_id.eq(__owner).and(__epoch.eq(__since)));
                    __tokens!(__own.order((__created_at.desc(), $($newest)+)))
                }

                fn older(
                    __owner: __Owner,
                    __of: ::std::string::String,
                    __spared: [__sql::DigestColumn; 2],
                    __at: __sql::InstantColumn,
                    __keep: i64,
                ) -> impl __sql::Query<__Database, __sql::DigestColumn> {
                    let [__newest, __replaced] = __spared;
                    let __is_live = __expires_at.is_null().or(__expires_at.gt(__at));
                    let __others = __table
                        .filter(__user_id.eq(__owner))
                        .filter(__backend.eq(__of).or(__backend.eq("")))
                        .filter(__digest.ne(__newest).and(__digest.ne(__replaced)))
                        .order((__is_live.desc(), __created_at.desc(), $($newest)+));
                    // MySQL has no offset without a limit.
                    __sql::rows(__others.select(__digest).limit(i64::MAX).offset(__keep), __sql::same)
                }

                fn touch(
                    __key: __sql::DigestColumn,
                    __at: __sql::InstantColumn,
                    __end: ::core::option::Option<__sql::InstantColumn>,
                ) -> impl __sql::Statement<__Database> {
                    let __used = (__last_used_at.eq(__at), __expires_at.eq(__end));
                    __sql::PreparedOnce(__sql::diesel::update(__live!(__key, __at)).set(__used))
                }

                fn advance_access(
                    __key: __sql::DigestColumn,
                    __step: __sql::Advance,
                ) -> impl __sql::RowWrite<__Database, __Token> {
                    __advance!(__key, __step, __access_generation, __access_rotated_at)
                }

                fn advance_refresh(
                    __key: __sql::DigestColumn,
                    __step: __sql::Advance,
                ) -> impl __sql::RowWrite<__Database, __Token> {
                    __advance!(__key, __step, __refresh_generation, __refresh_rotated_at)
                }

                fn delete(__key: __sql::DigestColumn) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table.filter(__digest.eq(__key)))
                }

                fn delete_by_id(__owner: __Owner, __public: __sql::UuidColumn) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table.filter(__id.eq(__public).and(__user_id.eq(__owner))))
                }

                fn delete_all(__owner: __Owner) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table.filter(__user_id.eq(__owner)))
                }
            }

            $(
                use $($users)+::{id as __owner_id, table as __owners};

                impl __sql::TokenOwners<__Database, $id> for $name {
                    fn lock_owner(__owner: __Owner) -> impl __sql::Query<__Database, ()> {
                        let __row = __owners.filter(__owner_id.eq(__owner)).select(__owner_id);
                        __sql::rows(__row $($lock)+, |_: __Owner| ())
                    }
                }
            )?
        };
    };
}
