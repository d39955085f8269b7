use auth_core::InsertTokenError;
use diesel::{
    QueryResult, SqliteConnection,
    result::{DatabaseErrorKind, Error},
};

use super::{Database, call::failed};

/// Inserts a token by `insert`, which answers how many rows it wrote: none where the digest is taken.
pub async fn insert(
    database: &Database,
    insert: impl FnOnce(&mut SqliteConnection) -> QueryResult<usize> + Send + 'static,
) -> Result<(), InsertTokenError> {
    match database.try_write(insert).await? {
        Ok(0) => Err(InsertTokenError::DigestTaken),
        Ok(_) => Ok(()),
        Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
            Err(InsertTokenError::UnknownUser)
        }
        Err(error) => Err(failed(error).into()),
    }
}

/// [`access_token_store!`](crate::access_token_store) on SQLite.
#[doc(hidden)]
#[macro_export]
macro_rules! __sqlite_access_token_store {
    ([$($attribute:tt)*] [$vis:vis] $name:ident [$($table:tt)+] $id:ty) => {
        $($attribute)*
        #[derive(Clone, Debug)]
        $vis struct $name($crate::sqlite::Database);

        impl $name {
            /// The store on a pool, or on a `Database`: one for all stores of a pool lets their writers take turns.
            #[must_use]
            $vis fn new(database: impl ::core::convert::Into<$crate::sqlite::Database>) -> Self {
                Self(database.into())
            }
        }

        const _: () = {
            use $($table)+ as __table;
            use $crate::__private as __sql;
            use __sql::diesel::{
                BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
                RunQueryDsl as _,
            };

            type __Id = <$id as __sql::ColumnId>::Column;

            __sql::diesel::alias!(__table as others: __Others);

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

            fn __insert(connection: &mut __sql::diesel::SqliteConnection, token: &__sql::AccessToken<$id>) -> __sql::diesel::QueryResult<usize> {
                __sql::diesel::insert_into(__table::table)
                    .values((
                        __table::id.eq(__sql::UuidColumn(token.id.0)),
                        __table::digest.eq(__sql::DigestColumn(token.digest)),
                        __table::user_id.eq(__Id::from(token.user_id.clone())),
                        __table::epoch.eq(token.epoch),
                        __table::created_at.eq(__sql::InstantColumn(token.created_at)),
                        __table::expires_at.eq(token.expires_at.map(__sql::InstantColumn)),
                        __table::last_used_at.eq(__sql::InstantColumn(token.last_used_at)),
                        __table::user_agent.eq(token.client.user_agent.as_deref()),
                        __table::address.eq(token.client.address.as_deref()),
                        __table::label.eq(token.client.label.as_deref()),
                    ))
                    .on_conflict(__table::digest)
                    .do_nothing()
                    .execute(connection)
            }

            /// Removes the user's tokens but `token` and the `keep` newest others.
            fn __remove_oldest(
                connection: &mut __sql::diesel::SqliteConnection,
                token: &__sql::AccessToken<$id>,
                keep: u32,
            ) -> __sql::diesel::QueryResult<usize> {
                let kept = others
                    .filter(others.field(__table::user_id).eq(__Id::from(token.user_id.clone())))
                    .filter(others.field(__table::digest).ne(__sql::DigestColumn(token.digest)))
                    .order((others.field(__table::created_at).desc(), __sql::diesel::dsl::sql::<__sql::diesel::sql_types::BigInt>("rowid").desc()))
                    .limit(keep.into())
                    .select(others.field(__table::digest));
                let doomed = __table::table
                    .filter(__table::user_id.eq(__Id::from(token.user_id.clone())))
                    .filter(__table::digest.ne(__sql::DigestColumn(token.digest)))
                    .filter(__table::digest.ne_all(kept));
                __sql::diesel::delete(doomed).execute(connection)
            }

            #[__sql::async_trait]
            impl __sql::AccessTokenStore<$id> for $name {
                async fn insert(
                    &self,
                    token: &__sql::AccessToken<$id>,
                    cap: Option<::core::num::NonZeroU32>,
                ) -> ::core::result::Result<(), __sql::InsertTokenError> {
                    let token = token.clone();
                    __sql::sqlite_access_token::insert(&self.0, move |connection| {
                        let inserted = __insert(connection, &token)?;
                        if let (1.., Some(cap)) = (inserted, cap) {
                            __remove_oldest(connection, &token, cap.get() - 1)?;
                        }
                        Ok(inserted)
                    })
                    .await
                }

                async fn find(
                    &self,
                    key: &__sql::TokenKey,
                ) -> ::core::result::Result<Option<__sql::AccessToken<$id>>, __sql::StoreError> {
                    let digest = __sql::DigestColumn(key.digest);
                    self.0
                        .read(move |connection| {
                            let token = __table::table
                                .filter(__table::digest.eq(digest))
                                .select(__columns!())
                                .get_result::<__sql::AccessTokenColumns<$id>>(connection)
                                .optional()?;
                            Ok(token.map(__sql::access_token::<$id>))
                        })
                        .await
                }

                async fn touch(
                    &self,
                    key: &__sql::TokenKey,
                    at: __sql::OffsetDateTime,
                ) -> ::core::result::Result<(), __sql::StoreError> {
                    let digest = __sql::DigestColumn(key.digest);
                    self.0
                        .write(move |connection| {
                            __sql::diesel::update(__table::table.filter(__table::digest.eq(digest)))
                                .set(__table::last_used_at.eq(__sql::InstantColumn(at)))
                                .execute(connection)
                                .map(::core::mem::drop)
                        })
                        .await
                }

                async fn delete(&self, key: &__sql::TokenKey) -> ::core::result::Result<bool, __sql::StoreError> {
                    let digest = __sql::DigestColumn(key.digest);
                    self.0
                        .write(move |connection| {
                            let gone =
                                __sql::diesel::delete(__table::table.filter(__table::digest.eq(digest))).execute(connection)?;
                            Ok(gone > 0)
                        })
                        .await
                }

                async fn delete_all(&self, user_id: &$id) -> ::core::result::Result<u64, __sql::StoreError> {
                    let user_id = __Id::from(user_id.clone());
                    self.0
                        .write(move |connection| {
                            let gone = __sql::diesel::delete(__table::table.filter(__table::user_id.eq(user_id)))
                                .execute(connection)?;
                            Ok(gone as u64)
                        })
                        .await
                }
            }

            #[__sql::async_trait]
            impl __sql::AccessTokenIndex<$id> for $name {
                async fn list(
                    &self,
                    user_id: &$id,
                    epoch: i64,
                ) -> ::core::result::Result<Vec<__sql::AccessToken<$id>>, __sql::StoreError> {
                    let user_id = __Id::from(user_id.clone());
                    self.0
                        .read(move |connection| {
                            let tokens = __table::table
                                .filter(__table::user_id.eq(user_id).and(__table::epoch.eq(epoch)))
                                .order((__table::created_at.desc(), __sql::diesel::dsl::sql::<__sql::diesel::sql_types::BigInt>("rowid").desc()))
                                .select(__columns!())
                                .load::<__sql::AccessTokenColumns<$id>>(connection)?;
                            Ok(tokens.into_iter().map(__sql::access_token::<$id>).collect())
                        })
                        .await
                }

                async fn delete_by_id(
                    &self,
                    user_id: &$id,
                    id: __sql::PublicId,
                ) -> ::core::result::Result<bool, __sql::StoreError> {
                    let user_id = __Id::from(user_id.clone());
                    self.0
                        .write(move |connection| {
                            let own = __table::id.eq(__sql::UuidColumn(id.0)).and(__table::user_id.eq(user_id));
                            let gone = __sql::diesel::delete(__table::table.filter(own)).execute(connection)?;
                            Ok(gone > 0)
                        })
                        .await
                }
            }

            #[__sql::async_trait]
            impl __sql::PurgeExpired for $name {
                async fn purge_expired(
                    &self,
                    now: __sql::OffsetDateTime,
                    limit: u32,
                ) -> ::core::result::Result<u64, __sql::StoreError> {
                    self.0
                        .write(move |connection| {
                            let expired = others
                                .filter(others.field(__table::expires_at).le(__sql::InstantColumn(now)))
                                .limit(limit.into())
                                .select(others.field(__table::digest));
                            let gone = __sql::diesel::delete(__table::table.filter(__table::digest.eq_any(expired)))
                                .execute(connection)?;
                            Ok(gone as u64)
                        })
                        .await
                }
            }
        };
    };
}
