use std::num::NonZeroU32;

use auth_core::{AccessToken, StoreError};
use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
};
use time::OffsetDateTime;

use super::{Database, Server};
use crate::{
    ColumnId,
    access_token::{AccessTokenCalls, AccessTokenTable, DIGESTS_AT_ONCE, TokenOwners},
    column::DigestColumn,
    statement::{OnDisconnect, Query as _, Statement as _},
};

impl<S, T, Id> AccessTokenCalls<T, Id> for Database<S>
where
    S: Server,
    T: TokenOwners<Self, Id>,
    Id: ColumnId,
{
    async fn insert(
        &self,
        token: AccessToken<Id>,
        cap: Option<NonZeroU32>,
    ) -> Result<QueryResult<usize>, StoreError> {
        match cap {
            None => {
                self.try_call(OnDisconnect::Fail, move |connection| {
                    let token = token.clone();
                    Box::pin(insert::<S, T, Id>(connection, token))
                })
                .await
            }
            Some(cap) => {
                self.try_write(move |connection| {
                    let token = token.clone();
                    Box::pin(insert_under_cap::<S, T, Id>(connection, token, cap.get() - 1))
                })
                .await
            }
        }
    }

    async fn purge(&self, now: OffsetDateTime, limit: u32) -> Result<usize, StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let expired = T::expired(now, limit).load(connection).await?;
                delete::<S, T, Id>(connection, expired).await
            })
        })
        .await
    }
}

async fn insert<S: Server, T: AccessTokenTable<Database<S>, Id>, Id: ColumnId>(
    connection: &mut S::Connection,
    token: AccessToken<Id>,
) -> QueryResult<usize> {
    let digest = token.digest;
    match T::insert(token).execute(connection).await {
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, violation)) if !S::HAS_ON_CONFLICT => {
            match T::find(digest).first(connection).await? {
                Some(_taken) => Ok(0),
                None => Err(Error::DatabaseError(
                    DatabaseErrorKind::UniqueViolation,
                    violation,
                )),
            }
        }
        inserted => inserted,
    }
}

/// Inserts a token, and removes the user's oldest other tokens beyond the `keep` newest. [`Error::NotFound`] if there
/// is no such user.
///
/// It first locks the user's row, so that no other insertion under a cap comes between the insertion and the count.
async fn insert_under_cap<S, T, Id>(
    connection: &mut S::Connection,
    token: AccessToken<Id>,
    keep: u32,
) -> QueryResult<usize>
where
    S: Server,
    T: TokenOwners<Database<S>, Id>,
    Id: ColumnId,
{
    let (user_id, digest) = (token.user_id.clone(), token.digest);
    let owner = T::lock_owner(user_id.clone()).first(connection).await?;
    owner.ok_or(Error::NotFound)?;
    let inserted = insert::<S, T, Id>(connection, token).await?;
    if inserted > 0 {
        let older = T::older(user_id, digest, keep).load(connection).await?;
        delete::<S, T, Id>(connection, older).await?;
    }
    Ok(inserted)
}

async fn delete<S: Server, T: AccessTokenTable<Database<S>, Id>, Id: ColumnId>(
    connection: &mut S::Connection,
    digests: Vec<DigestColumn>,
) -> QueryResult<usize> {
    let mut deleted = 0;
    for digests in digests.chunks(DIGESTS_AT_ONCE) {
        deleted += T::delete_each(digests.to_vec()).execute(connection).await?;
    }
    Ok(deleted)
}
