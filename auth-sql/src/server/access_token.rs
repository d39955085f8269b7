use auth_core::{InsertTokenError, StoreError};
use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
};

use super::{Database, Server};

/// What the `answer` to an insertion means, which is how many rows it wrote: none if the digest is taken, and
/// [`Error::NotFound`] if there is no such user.
///
/// # Errors
/// Those of [`AccessTokenStore::insert`](auth_core::AccessTokenStore::insert).
pub fn inserted<S: Server>(
    _of: &Database<S>,
    answer: Result<QueryResult<usize>, StoreError>,
) -> Result<(), InsertTokenError> {
    match answer? {
        Ok(0) => Err(InsertTokenError::DigestTaken),
        Ok(_) => Ok(()),
        Err(Error::NotFound | Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
            Err(InsertTokenError::UnknownUser)
        }
        Err(error) => Err(S::report(error).into()),
    }
}

/// Inserts a row by `$insert` and answers how many: none where the digest is taken.
#[doc(hidden)]
#[macro_export]
macro_rules! __insert_token {
    (postgres, $connection:ident, $digest:expr, $insert:expr) => {
        $insert
            .on_conflict(__table::digest)
            .do_nothing()
            .execute($connection)
            .await
    };
    // Of two unique indexes that are violated, MySQL names the first.
    (mysql, $connection:ident, $digest:expr, $insert:expr) => {
        match $insert.execute($connection).await {
            Err(__sql::diesel::result::Error::DatabaseError(
                __sql::diesel::result::DatabaseErrorKind::UniqueViolation,
                violation,
            )) => {
                let taken = __table::table
                    .filter(__table::digest.eq(__sql::DigestColumn($digest)))
                    .select(__table::digest)
                    .get_result::<__sql::DigestColumn>($connection)
                    .await
                    .optional()?;
                match taken {
                    Some(_digest) => Ok(0),
                    None => Err(__sql::diesel::result::Error::DatabaseError(
                        __sql::diesel::result::DatabaseErrorKind::UniqueViolation,
                        violation,
                    )),
                }
            }
            inserted => inserted,
        }
    };
}

/// Locks a row against another that does so; on PostgreSQL not against one that refers to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __lock_row {
    (postgres, $row:expr) => {
        $row.for_no_key_update()
    };
    (mysql, $row:expr) => {
        $row.for_update()
    };
}

/// [`access_token_store!`](crate::access_token_store) on a server.
#[doc(hidden)]
#[macro_export]
macro_rules! __server_access_token_store {
    ($server:ident [$($attribute:tt)*] [$vis:vis] $name:ident [$($table:tt)+] [$($users:tt)+] $id:ty) => {
        $($attribute)*
        #[derive(Clone, Debug)]
        $vis struct $name($crate::$server::Database);

        impl $name {
            /// The store on a pool, or on a `Database`.
            #[must_use]
            $vis fn new(database: impl ::core::convert::Into<$crate::$server::Database>) -> Self {
                Self(database.into())
            }
        }

        const _: () = {
            use $($table)+ as __table;
            use $($users)+ as __users;
            use $crate::__private as __sql;
            use __sql::{
                diesel::{
                    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
                },
                diesel_async::RunQueryDsl as _,
            };

            type __Id = <$id as __sql::ColumnId>::Column;
            type __Connection = $crate::$server::Connection;

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

            async fn __insert(
                connection: &mut __Connection,
                token: &__sql::AccessToken<$id>,
            ) -> __sql::diesel::QueryResult<usize> {
                let insert = __sql::diesel::insert_into(__table::table).values((
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
                ));
                $crate::__insert_token!($server, connection, token.digest, insert)
            }

            /// Inserts the token of a user whose row is locked, so that no other insertion under a cap is between
            /// this one and what it counts, and removes the oldest others beyond the `keep` newest.
            async fn __insert_under_cap(
                connection: &mut __Connection,
                token: &__sql::AccessToken<$id>,
                keep: u32,
            ) -> __sql::diesel::QueryResult<usize> {
                let user = __users::table
                    .filter(__users::id.eq(__Id::from(token.user_id.clone())))
                    .select(__users::id);
                $crate::__lock_row!($server, user).get_result::<__Id>(connection).await?;
                let inserted = __insert(connection, token).await?;
                if inserted > 0 {
                    let doomed = __table::table
                        .filter(__table::user_id.eq(__Id::from(token.user_id.clone())))
                        .filter(__table::digest.ne(__sql::DigestColumn(token.digest)))
                        .order((__table::created_at.desc(), __table::id.desc()))
                        .select(__table::digest)
                        // MySQL has no offset without a limit.
                        .limit(i64::MAX)
                        .offset(keep.into())
                        .load::<__sql::DigestColumn>(connection)
                        .await?;
                    __remove(connection, doomed).await?;
                }
                Ok(inserted)
            }

            async fn __remove(
                connection: &mut __Connection,
                doomed: Vec<__sql::DigestColumn>,
            ) -> __sql::diesel::QueryResult<usize> {
                let mut removed = 0;
                // MySQL takes 65,535 values in a statement.
                for doomed in doomed.chunks(1000) {
                    let doomed = __table::table.filter(__table::digest.eq_any(doomed.iter().copied()));
                    removed += __sql::diesel::delete(doomed).execute(connection).await?;
                }
                Ok(removed)
            }

            #[__sql::async_trait]
            impl __sql::AccessTokenStore<$id> for $name {
                async fn insert(
                    &self,
                    token: &__sql::AccessToken<$id>,
                    cap: Option<::core::num::NonZeroU32>,
                ) -> ::core::result::Result<(), __sql::InsertTokenError> {
                    let token = token.clone();
                    let answer = match cap {
                        None => {
                            __sql::perform(&self.0, __sql::IfLost::Fail, move |connection| {
                                let token = token.clone();
                                Box::pin(async move { __insert(connection, &token).await })
                            })
                            .await
                        }
                        Some(cap) => {
                            __sql::transact(&self.0, move |connection| {
                                let token = token.clone();
                                Box::pin(async move {
                                    __insert_under_cap(connection, &token, cap.get() - 1).await
                                })
                            })
                            .await
                        }
                    };
                    __sql::inserted(&self.0, answer)
                }

                async fn find(
                    &self,
                    key: &__sql::TokenKey,
                ) -> ::core::result::Result<Option<__sql::AccessToken<$id>>, __sql::StoreError> {
                    let digest = __sql::DigestColumn(key.digest);
                    self.0
                        .read(move |connection| {
                            let token = __table::table.filter(__table::digest.eq(digest)).select(__columns!());
                            Box::pin(async move {
                                let token = token.get_result::<__sql::AccessTokenColumns<$id>>(connection).await;
                                Ok(token.optional()?.map(__sql::access_token::<$id>))
                            })
                        })
                        .await
                }

                async fn touch(
                    &self,
                    key: &__sql::TokenKey,
                    at: __sql::OffsetDateTime,
                ) -> ::core::result::Result<(), __sql::StoreError> {
                    let digest = __sql::DigestColumn(key.digest);
                    __sql::execute(&self.0, __sql::IfLost::Repeat, move |connection| {
                        let touch = __sql::diesel::update(__table::table.filter(__table::digest.eq(digest)))
                            .set(__table::last_used_at.eq(__sql::InstantColumn(at)));
                        Box::pin(async move { touch.execute(connection).await })
                    })
                    .await
                    .map(::core::mem::drop)
                }

                async fn delete(&self, key: &__sql::TokenKey) -> ::core::result::Result<bool, __sql::StoreError> {
                    let digest = __sql::DigestColumn(key.digest);
                    __sql::execute(&self.0, __sql::IfLost::Repeat, move |connection| {
                        let token = __table::table.filter(__table::digest.eq(digest));
                        Box::pin(async move { __sql::diesel::delete(token).execute(connection).await })
                    })
                    .await
                    .map(|gone| gone > 0)
                }

                async fn delete_all(&self, user_id: &$id) -> ::core::result::Result<u64, __sql::StoreError> {
                    let user_id = user_id.clone();
                    __sql::execute(&self.0, __sql::IfLost::Repeat, move |connection| {
                        let tokens = __table::table.filter(__table::user_id.eq(__Id::from(user_id.clone())));
                        Box::pin(async move { __sql::diesel::delete(tokens).execute(connection).await })
                    })
                    .await
                    .map(|gone| gone as u64)
                }
            }

            #[__sql::async_trait]
            impl __sql::AccessTokenIndex<$id> for $name {
                async fn list(
                    &self,
                    user_id: &$id,
                    epoch: i64,
                ) -> ::core::result::Result<Vec<__sql::AccessToken<$id>>, __sql::StoreError> {
                    let user_id = user_id.clone();
                    self.0
                        .read(move |connection| {
                            let tokens = __table::table
                                .filter(__table::user_id.eq(__Id::from(user_id.clone())))
                                .filter(__table::epoch.eq(epoch))
                                .order((__table::created_at.desc(), __table::id.desc()))
                                .select(__columns!());
                            Box::pin(async move {
                                let tokens = tokens.load::<__sql::AccessTokenColumns<$id>>(connection).await?;
                                Ok(tokens.into_iter().map(__sql::access_token::<$id>).collect())
                            })
                        })
                        .await
                }

                async fn delete_by_id(
                    &self,
                    user_id: &$id,
                    id: __sql::PublicId,
                ) -> ::core::result::Result<bool, __sql::StoreError> {
                    let user_id = user_id.clone();
                    __sql::execute(&self.0, __sql::IfLost::Repeat, move |connection| {
                        let own = __table::id
                            .eq(__sql::UuidColumn(id.0))
                            .and(__table::user_id.eq(__Id::from(user_id.clone())));
                        let token = __table::table.filter(own);
                        Box::pin(async move { __sql::diesel::delete(token).execute(connection).await })
                    })
                    .await
                    .map(|gone| gone > 0)
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
                            // What another call is at is left to it, or to the next purge.
                            let expired = __table::table
                                .filter(__table::expires_at.le(__sql::InstantColumn(now)))
                                .select(__table::digest)
                                .limit(limit.into())
                                .for_update()
                                .skip_locked();
                            Box::pin(async move {
                                let expired = expired.load::<__sql::DigestColumn>(connection).await?;
                                __remove(connection, expired).await
                            })
                        })
                        .await
                        .map(|gone| gone as u64)
                }
            }
        };
    };
}
