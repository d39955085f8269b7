//! Access tokens in a table: what differs from table to table is [`AccessTokenTable`], which a macro implements.

use std::{future::Future, marker::PhantomData, num::NonZeroU32};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenIndex, AccessTokenStore, ClientInfo, InsertTokenError, PublicId, PurgeExpired,
    StoreError, TokenDigest, TokenKey,
};
use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
};
use time::OffsetDateTime;

use crate::{
    ColumnId, DigestColumn, InstantColumn, UuidColumn,
    statement::{AnyDatabase, OnDisconnect, Query, Statement},
};

/// MySQL takes 65,535 values in a statement, SQLite 32,766.
pub(crate) const DIGESTS_AT_ONCE: usize = 1000;

/// The statements on a table of access tokens in a `D`.
pub trait AccessTokenTable<D: AnyDatabase>: Send + Sync + 'static {
    /// The user's id.
    type Id: ColumnId;

    /// Writes no row if the digest is taken. A database without `ON CONFLICT` fails instead.
    fn insert(token: AccessToken<Self::Id>) -> impl Statement<D>;

    /// The token of `digest`.
    fn find(digest: TokenDigest) -> impl Query<D, AccessToken<Self::Id>>;

    /// The user's tokens of `epoch`, the newest first.
    fn list(user_id: Self::Id, epoch: i64) -> impl Query<D, AccessToken<Self::Id>>;

    /// The user's tokens but `newest` and the `keep` newest others.
    fn older(user_id: Self::Id, newest: TokenDigest, keep: u32) -> impl Query<D, DigestColumn>;

    /// At most `limit` tokens that expired at or before `now`, without those that another call is at: they are left to
    /// that call, or to the next purge.
    fn expired(now: OffsetDateTime, limit: u32) -> impl Query<D, DigestColumn>;

    /// Sets when the token was last used.
    fn touch(digest: TokenDigest, at: OffsetDateTime) -> impl Statement<D>;

    /// Deletes the token of `digest`.
    fn delete(digest: TokenDigest) -> impl Statement<D>;

    /// Deletes the tokens of `digests`.
    fn delete_each(digests: Vec<DigestColumn>) -> impl Statement<D>;

    /// Deletes the token of the public `id` if it is the user's.
    fn delete_by_id(user_id: Self::Id, id: PublicId) -> impl Statement<D>;

    /// Deletes the user's tokens.
    fn delete_all(user_id: Self::Id) -> impl Statement<D>;
}

/// The table to which the `user_id` of an [`AccessTokenTable`] refers.
pub trait TokenOwners<D: AnyDatabase>: AccessTokenTable<D> {
    /// Locks the user's row against another call that does so; on PostgreSQL not against one that refers to it.
    fn lock_owner(user_id: Self::Id) -> impl Query<D, ()>;
}

/// What takes more than one statement on a table `T`.
pub trait AccessTokenCalls<T: AccessTokenTable<Self>>: AnyDatabase {
    /// Inserts `token` and answers how many rows it wrote: none if the digest is taken. Under a `cap` the user's oldest
    /// tokens beyond it are removed, and a user who is not there may be [`Error::NotFound`].
    fn insert(
        &self,
        token: AccessToken<T::Id>,
        cap: Option<NonZeroU32>,
    ) -> impl Future<Output = Result<QueryResult<usize>, StoreError>> + Send;

    /// Deletes at most `limit` tokens that expired at or before `now`.
    fn purge(
        &self,
        now: OffsetDateTime,
        limit: u32,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// Access tokens in a table `T` of a database `D`: what [`access_token_store!`](crate::access_token_store) makes.
#[derive(Clone, Debug)]
pub struct AccessTokensIn<D, T> {
    database: D,
    table: PhantomData<T>,
}

impl<D: AnyDatabase, T: AccessTokenTable<D>> AccessTokensIn<D, T> {
    /// The store on a pool, or on a `Database`. On SQLite, one `Database` for all stores of a pool lets their writers take
    /// turns.
    #[must_use]
    pub fn new(database: impl Into<D>) -> Self {
        Self {
            database: database.into(),
            table: PhantomData,
        }
    }
}

#[async_trait]
impl<D: AccessTokenCalls<T>, T: AccessTokenTable<D>> AccessTokenStore<T::Id> for AccessTokensIn<D, T> {
    async fn insert(
        &self,
        token: &AccessToken<T::Id>,
        cap: Option<NonZeroU32>,
    ) -> Result<(), InsertTokenError> {
        match self.database.insert(token.clone(), cap).await? {
            Ok(0) => Err(InsertTokenError::DigestTaken),
            Ok(_) => Ok(()),
            Err(Error::NotFound | Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
                Err(InsertTokenError::UnknownUser)
            }
            Err(error) => Err(D::report(error).into()),
        }
    }

    async fn find(&self, key: &TokenKey) -> Result<Option<AccessToken<T::Id>>, StoreError> {
        let digest = key.digest;
        self.database
            .read(move |connection| T::find(digest).first(connection))
            .await
    }

    async fn touch(&self, key: &TokenKey, at: OffsetDateTime) -> Result<(), StoreError> {
        let digest = key.digest;
        let touched = self.database.change(OnDisconnect::Retry, move |connection| {
            T::touch(digest, at).execute(connection)
        });
        touched.await.map(drop)
    }

    async fn delete(&self, key: &TokenKey) -> Result<bool, StoreError> {
        let digest = key.digest;
        let gone = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete(digest).execute(connection)
        });
        Ok(gone.await? > 0)
    }

    async fn delete_all(&self, user_id: &T::Id) -> Result<u64, StoreError> {
        let user_id = user_id.clone();
        let gone = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete_all(user_id.clone()).execute(connection)
        });
        Ok(gone.await? as u64)
    }
}

#[async_trait]
impl<D: AccessTokenCalls<T>, T: AccessTokenTable<D>> AccessTokenIndex<T::Id> for AccessTokensIn<D, T> {
    async fn list(&self, user_id: &T::Id, epoch: i64) -> Result<Vec<AccessToken<T::Id>>, StoreError> {
        let user_id = user_id.clone();
        self.database
            .read(move |connection| T::list(user_id.clone(), epoch).load(connection))
            .await
    }

    async fn delete_by_id(&self, user_id: &T::Id, id: PublicId) -> Result<bool, StoreError> {
        let user_id = user_id.clone();
        let gone = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete_by_id(user_id.clone(), id).execute(connection)
        });
        Ok(gone.await? > 0)
    }
}

#[async_trait]
impl<D: AccessTokenCalls<T>, T: AccessTokenTable<D>> PurgeExpired for AccessTokensIn<D, T> {
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        Ok(self.database.purge(now, limit).await? as u64)
    }
}

/// The columns of an access token, in the order in which the stores select them.
pub(crate) type AccessTokenColumns<Id> = (
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
        $crate::__private::paste! {
            $(#[$meta])*
            $vis type $name = $crate::AccessTokensIn<
                $crate::__database!($database),
                [<__ $name Table>],
            >;

            #[doc(hidden)]
            #[derive(Clone, Debug)]
            $vis enum [<__ $name Table>] {}

            $crate::__access_token_table! {
                $database [<__ $name Table>] [$($table)::+] [$($($users)::+)?] $id
            }
        }
    };
}

/// The dialects: how a taken digest is no error, what tells the older of two tokens of one millisecond, how a row is left
/// that another call is at, and how a user's row is locked.
#[doc(hidden)]
#[macro_export]
macro_rules! __access_token_table {
    (Sqlite $name:ident $table:tt $users:tt $id:ty) => {
        $crate::__access_token_statements! {
            Sqlite $name $table $id, [.on_conflict(__table::digest).do_nothing()],
            [__sql::diesel::dsl::sql::<__sql::diesel::sql_types::BigInt>("rowid").desc()], []
        }
    };
    (Postgres $name:ident $table:tt $users:tt $id:ty) => {
        $crate::__access_token_statements! {
            Postgres $name $table $id, [.on_conflict(__table::digest).do_nothing()],
            [__table::id.desc()], [.for_update().skip_locked()]
        }
        $crate::__token_owners! { Postgres $name $users $id, [.for_no_key_update()] }
    };
    (Mysql $name:ident $table:tt $users:tt $id:ty) => {
        $crate::__access_token_statements! {
            Mysql $name $table $id, [], [__table::id.desc()], [.for_update().skip_locked()]
        }
        $crate::__token_owners! { Mysql $name $users $id, [.for_update()] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __access_token_statements {
    (
        $database:ident $name:ident [$($table:tt)+] $id:ty,
        [$($do_nothing:tt)*], [$($newest:tt)+], [$($skip_locked:tt)*]
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
                    __table::id,
                    __table::digest,
                    __table::user_id,
                    __table::epoch,
                    __table::created_at,
                    __table::expires_at,
                    __table::last_used_at,
                    __table::user_agent,
                    __table::address,
                    __table::label,
                )};
            }

            impl __sql::AccessTokenTable<__Database> for $name {
                type Id = $id;

                fn insert(token: __Token) -> impl __sql::Statement<__Database> {
                    __sql::diesel::insert_into(__table::table)
                        .values((
                            __table::id.eq(__sql::UuidColumn(token.id.0)),
                            __table::digest.eq(__sql::DigestColumn(token.digest)),
                            __table::user_id.eq(__Id::from(token.user_id)),
                            __table::epoch.eq(token.epoch),
                            __table::created_at.eq(__sql::InstantColumn(token.created_at)),
                            __table::expires_at.eq(token.expires_at.map(__sql::InstantColumn)),
                            __table::last_used_at.eq(__sql::InstantColumn(token.last_used_at)),
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
                    newest: __sql::TokenDigest,
                    keep: u32,
                ) -> impl __sql::Query<__Database, __sql::DigestColumn> {
                    let others = __table::table
                        .filter(__table::user_id.eq(__Id::from(user_id)))
                        .filter(__table::digest.ne(__sql::DigestColumn(newest)))
                        .order((__table::created_at.desc(), $($newest)+))
                        .select(__table::digest);
                    // MySQL has no offset without a limit.
                    __sql::rows(others.limit(i64::MAX).offset(keep.into()), __sql::same)
                }

                fn expired(
                    now: __sql::OffsetDateTime,
                    limit: u32,
                ) -> impl __sql::Query<__Database, __sql::DigestColumn> {
                    let expired = __table::table
                        .filter(__table::expires_at.le(__sql::InstantColumn(now)))
                        .select(__table::digest)
                        .limit(limit.into());
                    __sql::rows(expired $($skip_locked)*, __sql::same)
                }

                fn touch(
                    digest: __sql::TokenDigest,
                    at: __sql::OffsetDateTime,
                ) -> impl __sql::Statement<__Database> {
                    __sql::diesel::update(__table::table.filter(__table::digest.eq(__sql::DigestColumn(digest))))
                        .set(__table::last_used_at.eq(__sql::InstantColumn(at)))
                }

                fn delete(digest: __sql::TokenDigest) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table::table.filter(__table::digest.eq(__sql::DigestColumn(digest))))
                }

                fn delete_each(
                    digests: ::std::vec::Vec<__sql::DigestColumn>,
                ) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table::table.filter(__table::digest.eq_any(digests)))
                }

                fn delete_by_id(user_id: $id, id: __sql::PublicId) -> impl __sql::Statement<__Database> {
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

            impl __sql::TokenOwners<__Database> for $name {
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
