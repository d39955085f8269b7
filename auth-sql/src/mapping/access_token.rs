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
/// row there, so parallel ones wait for each other. SQLite does not need it, because it has one writer at a time.
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
            $vis type $name = $crate::AccessTokensIn<
                $crate::__database!($database),
                [<__ $name Table>],
                $id,
            >;

            #[doc(hidden)]
            #[derive(Clone, Debug)]
            $vis enum [<__ $name Table>] {}

            $crate::__access_token_table! {
                $database [<__ $name Table>] [$($table)::+] [$($($users)::+)?] $id
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
    (Sqlite $name:ident $table:tt $users:tt $id:ty) => {
        $crate::__access_token_statements! {
            Sqlite $name $table $id, [.on_conflict(__table::digest).do_nothing()],
            [__sql::diesel::dsl::sql::<__sql::diesel::sql_types::BigInt>("rowid").desc()]
        }
    };
    (Postgres $name:ident $table:tt $users:tt $id:ty) => {
        $crate::__access_token_statements! {
            Postgres $name $table $id, [.on_conflict(__table::digest).do_nothing()],
            [__table::id.desc()]
        }
        $crate::__token_owners! { Postgres $name $users $id, [.for_no_key_update()] }
    };
    (Mysql $name:ident $table:tt $users:tt $id:ty) => {
        $crate::__access_token_statements! {
            Mysql $name $table $id, [], [__table::id.desc()]
        }
        $crate::__token_owners! { Mysql $name $users $id, [.for_update()] }
    };
}

/// How each database returns the row that an update wrote.
#[doc(hidden)]
#[macro_export]
macro_rules! __advanced {
    (Mysql, $id:ty, $update:ident, $digest:ident, $step:ident) => {
        __sql::FindThenUpdate {
            find: <Self as __sql::AccessTokenTable<__Database, $id>>::find($digest),
            update: move |token: &__Token| {
                let unchanged = $update
                    .filter(__table::access_generation.eq(token.access_generation.number))
                    .filter(__table::refresh_generation.eq(token.refresh_generation.number));
                __sql::PreparedOnce(unchanged)
            },
            step: $step,
        }
    };
    ($database:ident, $id:ty, $update:ident, $digest:ident, $step:ident) => {
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
        $database:ident $name:ident [$($table:tt)+] $id:ty,
        [$($do_nothing:tt)*], [$($newest:tt)+]
    ) => {
        const _: () = {
            use $($table)+ as __table;
            use $crate::__private as __sql;
            use __sql::diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};

            type __Database = $crate::__database!($database);
            type __Id = <$id as __sql::ColumnId>::Column;
            type __Token = __sql::AccessToken<$id>;

            macro_rules! __columns {
                () => {(
                    (
                        __table::id,
                        __table::digest,
                        __table::backend,
                        __table::user_id,
                        __table::epoch,
                        __table::actor,
                    ),
                    (
                        __table::created_at,
                        __table::expires_at,
                        __table::absolute_expires_at,
                        __table::last_used_at,
                    ),
                    (__table::access_generation, __table::access_rotated_at),
                    (__table::refresh_generation, __table::refresh_rotated_at),
                    (__table::user_agent, __table::address, __table::label),
                )};
            }

            /// The row of `digest`, if it has not expired at `at`.
            macro_rules! __live {
                ($digest:expr, $at:expr) => {
                    __table::table
                        .filter(__table::digest.eq(__sql::DigestColumn($digest)))
                        .filter(__table::expires_at.is_null().or(__table::expires_at.gt(__sql::InstantColumn($at))))
                };
            }

            /// Makes `step` with the columns of its kind.
            macro_rules! __advance {
                ($digest:ident, $step:ident, $generation:ident, $rotated_at:ident) => {{
                    let due = __live!($digest, $step.at).filter(__table::$generation.eq($step.from));
                    let expires_at = $step.keep_until.map(|until| {
                        let (until, end) = (__sql::InstantColumn(until), __table::absolute_expires_at);
                        __table::expires_at.eq(__sql::diesel::dsl::case_when(end.lt(until), end).otherwise(until))
                    });
                    let update = __sql::diesel::update(due).set((
                        __table::$generation.eq(__table::$generation + 1_i64),
                        __table::$rotated_at.eq(__sql::InstantColumn($step.at)),
                        __table::last_used_at.eq(__sql::InstantColumn($step.at)),
                        expires_at,
                    ));
                    $crate::__advanced!($database, $id, update, $digest, $step)
                }};
            }

            impl __sql::AccessTokenTable<__Database, $id> for $name {
                fn insert(token: __Token) -> impl __sql::Statement<__Database> {
                    __sql::diesel::insert_into(__table::table)
                        .values((
                            __table::id.eq(__sql::UuidColumn(token.id.0)),
                            __table::digest.eq(__sql::DigestColumn(token.digest)),
                            __table::backend.eq(token.backend),
                            __table::user_id.eq(__Id::from(token.user_id)),
                            __table::epoch.eq(token.epoch),
                            __table::actor.eq(token.actor),
                            __table::created_at.eq(__sql::InstantColumn(token.created_at)),
                            __table::expires_at.eq(token.expires_at.map(__sql::InstantColumn)),
                            __table::absolute_expires_at.eq(token.absolute_expires_at.map(__sql::InstantColumn)),
                            __table::last_used_at.eq(__sql::InstantColumn(token.last_used_at)),
                            __table::access_generation.eq(token.access_generation.number),
                            __table::access_rotated_at.eq(token.access_generation.since.map(__sql::InstantColumn)),
                            __table::refresh_generation.eq(token.refresh_generation.number),
                            __table::refresh_rotated_at.eq(token.refresh_generation.since.map(__sql::InstantColumn)),
                            __table::user_agent.eq(token.client.user_agent),
                            __table::address.eq(token.client.address),
                            __table::label.eq(token.client.label),
                        ))
                        $($do_nothing)*
                }

                fn find(digest: __sql::TokenDigest) -> impl __sql::Query<__Database, __Token> {
                    let token = __table::table
                        .filter(__table::digest.eq(__sql::DigestColumn(digest)))
                        .select(__columns!());
                    __sql::rows(token, __sql::access_token::<$id>)
                }

                fn list(user_id: $id, epoch: i64) -> impl __sql::Query<__Database, __Token> {
                    let tokens = __table::table
                        .filter(__table::user_id.eq(__Id::from(user_id)).and(__table::epoch.eq(epoch)))
                        .order((__table::created_at.desc(), $($newest)+))
                        .select(__columns!());
                    __sql::rows(tokens, __sql::access_token::<$id>)
                }

                fn older(
                    user_id: $id,
                    backend: ::std::string::String,
                    newest: __sql::TokenDigest,
                    keep: u32,
                ) -> impl __sql::Query<__Database, __sql::DigestColumn> {
                    let others = __table::table
                        .filter(__table::user_id.eq(__Id::from(user_id)))
                        .filter(__table::backend.eq(backend).or(__table::backend.eq("")))
                        .filter(__table::digest.ne(__sql::DigestColumn(newest)))
                        .order((__table::created_at.desc(), $($newest)+))
                        .select(__table::digest);
                    // MySQL has no offset without a limit.
                    __sql::rows(others.limit(i64::MAX).offset(keep.into()), __sql::same)
                }

                fn touch(
                    digest: __sql::TokenDigest,
                    at: __sql::OffsetDateTime,
                    expires_at: ::core::option::Option<__sql::OffsetDateTime>,
                ) -> impl __sql::Statement<__Database> {
                    __sql::PreparedOnce(__sql::diesel::update(__live!(digest, at)).set((
                        __table::last_used_at.eq(__sql::InstantColumn(at)),
                        __table::expires_at.eq(expires_at.map(__sql::InstantColumn)),
                    )))
                }

                fn advance_access(
                    digest: __sql::TokenDigest,
                    step: __sql::Advance,
                ) -> impl __sql::RowWrite<__Database, __Token> {
                    __advance!(digest, step, access_generation, access_rotated_at)
                }

                fn advance_refresh(
                    digest: __sql::TokenDigest,
                    step: __sql::Advance,
                ) -> impl __sql::RowWrite<__Database, __Token> {
                    __advance!(digest, step, refresh_generation, refresh_rotated_at)
                }

                fn delete(digest: __sql::TokenDigest) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table::table.filter(__table::digest.eq(__sql::DigestColumn(digest))))
                }

                fn delete_by_id(user_id: $id, id: __sql::TokenId) -> impl __sql::Statement<__Database> {
                    let own = __table::id
                        .eq(__sql::UuidColumn(id.0))
                        .and(__table::user_id.eq(__Id::from(user_id)));
                    __sql::diesel::delete(__table::table.filter(own))
                }

                fn delete_all(user_id: $id) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table::table.filter(__table::user_id.eq(__Id::from(user_id))))
                }
            }
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __token_owners {
    ($database:ident $name:ident [$($users:tt)+] $id:ty, [$($lock:tt)+]) => {
        const _: () = {
            use $($users)+ as __users;
            use $crate::__private as __sql;
            use __sql::diesel::{ExpressionMethods as _, QueryDsl as _};

            type __Database = $crate::__database!($database);
            type __Id = <$id as __sql::ColumnId>::Column;

            impl __sql::TokenOwners<__Database, $id> for $name {
                fn lock_owner(user_id: $id) -> impl __sql::Query<__Database, ()> {
                    let owner = __users::table
                        .filter(__users::id.eq(__Id::from(user_id)))
                        .select(__users::id);
                    __sql::rows(owner $($lock)+, |_owner: __Id| ())
                }
            }
        };
    };
}
