use auth_core::{AccessToken, Advance, Advanced, Cap, StoreError, TokenDigest, TokenKind};
use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
};

use super::{Answer, Database, Server, purge::delete};
use crate::{
    ColumnId,
    access_token::{AccessTokenCalls, AccessTokenTable, TokenOwners, surplus},
    column::{DigestColumn, InstantColumn},
    statement::{OnDisconnect, Query, RowWrite, Statement},
};

/// A step on a database that does not return the updated row: it reads the token, and updates it if no other step came
/// between.
pub struct FindThenUpdate<Q, F> {
    /// The query for the token.
    pub find: Q,
    /// The update of a token that was found.
    pub update: F,
    /// The step.
    pub step: Advance,
}

impl<S, Q, F, U, Id> RowWrite<Database<S>, AccessToken<Id>> for FindThenUpdate<Q, F>
where
    S: Server,
    Q: Query<Database<S>, AccessToken<Id>>,
    F: FnOnce(&AccessToken<Id>) -> U + Send + 'static,
    U: Statement<Database<S>>,
    Id: ColumnId,
{
    fn write(self, connection: &mut S::Connection) -> Answer<'_, Option<AccessToken<Id>>> {
        Box::pin(async move {
            let found = self.find.first(connection).await?;
            // What the update writes.
            let mut step = self.step;
            step.at = InstantColumn::new(step.at).instant();
            step.keep_until = step.keep_until.map(|until| InstantColumn::new(until).instant());
            let Some((found, advanced)) = found.and_then(|found| {
                let advanced = found.advanced(&step)?;
                Some((found, advanced))
            }) else {
                return Ok(None);
            };
            let updated = (self.update)(&found).execute(connection).await?;
            Ok((updated > 0).then_some(advanced))
        })
    }
}

impl<S, T, Id> AccessTokenCalls<T, Id> for Database<S>
where
    S: Server,
    T: TokenOwners<Self, Id>,
    Id: ColumnId,
{
    async fn insert(
        &self,
        token: AccessToken<Id>,
        cap: Option<Cap>,
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
                    Box::pin(insert_under_cap::<S, T, Id>(connection, token, cap))
                })
                .await
            }
        }
    }

    /// Of a repeated call, only the attempt whose own statement made the step says so.
    async fn advance(&self, digest: TokenDigest, step: Advance) -> Result<Option<Advanced<Id>>, StoreError> {
        let digest = DigestColumn(digest);
        let advanced = self.try_call(OnDisconnect::Retry, move |connection| {
            Box::pin(advance::<S, T, Id>(connection, digest, step))
        });
        advanced.await?.map_err(S::report)
    }
}

async fn insert<S: Server, T: AccessTokenTable<Database<S>, Id>, Id: ColumnId>(
    connection: &mut S::Connection,
    token: AccessToken<Id>,
) -> QueryResult<usize> {
    let digest = DigestColumn(token.digest);
    match T::insert(token.into()).execute(connection).await {
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

/// Inserts a token, and removes the user's oldest other tokens beyond the `cap`. [`Error::NotFound`] if there is no such
/// user.
///
/// It first locks the user's row, so that no other insertion under a cap comes between the insertion and the count.
async fn insert_under_cap<S, T, Id>(
    connection: &mut S::Connection,
    token: AccessToken<Id>,
    cap: Cap,
) -> QueryResult<usize>
where
    S: Server,
    T: TokenOwners<Database<S>, Id>,
    Id: ColumnId,
{
    let owner = T::lock_owner(token.user_id.clone().into());
    let owner = owner.first(connection).await?;
    owner.ok_or(Error::NotFound)?;
    let surplus = surplus::<Database<S>, T, Id>(&token, cap);
    let inserted = insert::<S, T, Id>(connection, token).await?;
    if inserted > 0 {
        let older = surplus.load(connection).await?;
        delete::<S, T>(connection, older).await?;
    }
    Ok(inserted)
}

async fn advance<S: Server, T: AccessTokenTable<Database<S>, Id>, Id: ColumnId>(
    connection: &mut S::Connection,
    digest: DigestColumn,
    step: Advance,
) -> QueryResult<Option<Advanced<Id>>> {
    loop {
        let made = match step.kind {
            TokenKind::Access => T::advance_access(digest, step).write(connection).await?,
            TokenKind::Refresh => T::advance_refresh(digest, step).write(connection).await?,
        };
        if let Some(token) = made {
            return Ok(Some(Advanced::new(token, true)));
        }
        match T::find(digest).first(connection).await? {
            // Another call has changed the token between the two statements.
            Some(token) if token.advanced(&step).is_some() => {}
            stored => return Ok(stored.map(|token| Advanced::new(token, false))),
        }
    }
}
