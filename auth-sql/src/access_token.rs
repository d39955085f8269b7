//! Access tokens in a table. A macro implements [`AccessTokenTable`], the part that differs from table to table.

use std::{future::Future, marker::PhantomData};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, Cap, Generation, InsertTokenError,
    PurgeExpired, RotateTokens, StoreError, Subject, TokenDigest, TokenId, TokenLookup, metrics::Timer,
};
use diesel::{
    QueryResult, Queryable,
    result::{DatabaseErrorKind, Error},
};
use time::OffsetDateTime;

use crate::{
    ColumnId, DigestColumn, InstantColumn, UuidColumn,
    purge::{ExpiringTable, PurgeCalls},
    statement::{AnyDatabase, OnDisconnect, Query, RowWrite, Statement},
};

/// The statements on a table of access tokens in a `D`, of users with ids `Id`.
pub trait AccessTokenTable<D: AnyDatabase, Id: ColumnId>: ExpiringTable<D> {
    /// Writes no row if the digest is taken. On a database without `ON CONFLICT` it fails instead.
    fn insert(row: AccessTokenRow<Id>) -> impl Statement<D>;

    /// The token of `digest`.
    fn find(digest: DigestColumn) -> impl Query<D, AccessToken<Id>>;

    /// The user's tokens of `epoch`, the newest first.
    fn list(user_id: Id::Column, epoch: i64) -> impl Query<D, AccessToken<Id>>;

    /// The user's tokens of `backend` and of none, without the `spared` and without the `keep` newest others. One that has
    /// expired at `at` is older than any that has not.
    fn older(
        user_id: Id::Column,
        backend: String,
        spared: [DigestColumn; 2],
        at: InstantColumn,
        keep: i64,
    ) -> impl Query<D, DigestColumn>;

    /// Sets the time of the token's last use, and its end, if it has not expired at `at`.
    fn touch(digest: DigestColumn, at: InstantColumn, expires_at: Option<InstantColumn>)
    -> impl Statement<D>;

    /// Makes the `step` of the access tokens, if it is due, and returns the token as it is then.
    fn advance_access(digest: DigestColumn, step: Advance) -> impl RowWrite<D, AccessToken<Id>>;

    /// The same for the refresh tokens.
    fn advance_refresh(digest: DigestColumn, step: Advance) -> impl RowWrite<D, AccessToken<Id>>;

    /// Deletes the token of `digest`.
    fn delete(digest: DigestColumn) -> impl Statement<D>;

    /// Deletes the token of the public `id` if it is the user's.
    fn delete_by_id(user_id: Id::Column, id: UuidColumn) -> impl Statement<D>;

    /// Deletes the user's tokens.
    fn delete_all(user_id: Id::Column) -> impl Statement<D>;
}

/// The table to which the `user_id` of an [`AccessTokenTable`] refers.
pub trait TokenOwners<D: AnyDatabase, Id: ColumnId>: AccessTokenTable<D, Id> {
    /// Locks the user's row against other calls of this method. On PostgreSQL, rows can still refer to it.
    fn lock_owner(user_id: Id::Column) -> impl Query<D, ()>;
}

/// The operations on a table `T` that take more than one statement.
pub trait AccessTokenCalls<T: AccessTokenTable<Self, Id>, Id: ColumnId>: PurgeCalls {
    /// Inserts `token` and returns the number of written rows: 0 if the digest is taken. With a `cap` it removes the user's
    /// oldest tokens beyond that, and may return [`Error::NotFound`] if there is no such user.
    fn insert(
        &self,
        token: AccessToken<Id>,
        cap: Option<Cap>,
    ) -> impl Future<Output = Result<QueryResult<usize>, StoreError>> + Send;

    /// Makes the `step`, if it is due. It returns the token as it is then, or as it is if the step was not made.
    fn advance(
        &self,
        digest: TokenDigest,
        step: Advance,
    ) -> impl Future<Output = Result<Option<Advanced<Id>>, StoreError>> + Send;
}

/// Access tokens of users with ids `Id`, in a table `T` of a database `D`.
///
/// [`access_token_store!`](crate::access_token_store) makes an alias of it.
#[derive(Clone, Debug)]
pub struct AccessTokensIn<D, T, Id> {
    database: D,
    table: PhantomData<(T, Id)>,
}

impl<D: AnyDatabase, T, Id> AccessTokensIn<D, T, Id> {
    /// A store on a pool or a `Database`. On SQLite, give all stores of a pool the same `Database`, so that their writers
    /// take turns.
    #[must_use]
    pub fn new(database: impl Into<D>) -> Self {
        Self {
            database: database.into(),
            table: PhantomData,
        }
    }
}

#[async_trait]
impl<D, T, Id> AccessTokenStore<Id> for AccessTokensIn<D, T, Id>
where
    D: AccessTokenCalls<T, Id>,
    T: AccessTokenTable<D, Id>,
    Id: ColumnId,
{
    async fn insert(&self, token: &AccessToken<Id>, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        let _timed = Timer::of(D::STORE, "access_tokens.insert");
        match self.database.insert(token.clone(), cap).await? {
            Ok(0) => Err(InsertTokenError::DigestTaken),
            Ok(_) => Ok(()),
            Err(Error::NotFound | Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
                Err(InsertTokenError::UnknownUser)
            }
            Err(error) => Err(D::report(error).into()),
        }
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.find");
        let digest = DigestColumn(key.digest);
        self.database
            .read(move |connection| T::find(digest).first(connection))
            .await
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.touch");
        let digest = DigestColumn(key.digest);
        let (at, expires_at) = (InstantColumn::new(at), expires_at.map(InstantColumn::new));
        let touched = self.database.change(OnDisconnect::Retry, move |connection| {
            T::touch(digest, at, expires_at).execute(connection)
        });
        touched.await.map(drop)
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.delete");
        let digest = DigestColumn(key.digest);
        let gone = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete(digest).execute(connection)
        });
        Ok(gone.await? > 0)
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.delete_all");
        let user_id = user_id.clone();
        let gone = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete_all(user_id.clone().into()).execute(connection)
        });
        Ok(gone.await? as u64)
    }
}

#[async_trait]
impl<D, T, Id> AccessTokenIndex<Id> for AccessTokensIn<D, T, Id>
where
    D: AccessTokenCalls<T, Id>,
    T: AccessTokenTable<D, Id>,
    Id: ColumnId,
{
    async fn list(&self, user_id: &Id, epoch: i64) -> Result<Vec<AccessToken<Id>>, StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.list");
        let user_id = user_id.clone();
        self.database
            .read(move |connection| T::list(user_id.clone().into(), epoch).load(connection))
            .await
    }

    async fn delete_by_id(&self, user_id: &Id, id: TokenId) -> Result<bool, StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.delete_by_id");
        let user_id = user_id.clone();
        let gone = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete_by_id(user_id.clone().into(), UuidColumn(id.0)).execute(connection)
        });
        Ok(gone.await? > 0)
    }
}

#[async_trait]
impl<D, T, Id> RotateTokens<Id> for AccessTokensIn<D, T, Id>
where
    D: AccessTokenCalls<T, Id>,
    T: AccessTokenTable<D, Id>,
    Id: ColumnId,
{
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced<Id>>, StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.advance");
        self.database.advance(key.digest, *step).await
    }
}

#[async_trait]
impl<D, T, Id> PurgeExpired for AccessTokensIn<D, T, Id>
where
    D: AccessTokenCalls<T, Id>,
    T: AccessTokenTable<D, Id>,
    Id: ColumnId,
{
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let _timed = Timer::of(D::STORE, "access_tokens.purge_expired");
        Ok(self.database.purge::<T>(now, limit).await? as u64)
    }
}

/// The query for the tokens that are removed by the insertion of `token` under `cap`.
pub(crate) fn surplus<D: AnyDatabase, T: AccessTokenTable<D, Id>, Id: ColumnId>(
    token: &AccessToken<Id>,
    cap: Cap,
) -> impl Query<D, DigestColumn> + use<D, T, Id> {
    let spared = [token.digest, cap.replaced.unwrap_or(token.digest)].map(DigestColumn);
    let at = InstantColumn::new(token.created_at);
    let (user_id, backend) = (token.user_id.clone().into(), token.backend.clone());
    T::older(user_id, backend, spared, at, cap.others().into())
}

/// A row of a table of access tokens. Each field has the name and the place of its column.
#[doc(hidden)]
#[derive(Queryable)]
pub struct AccessTokenRow<Id: ColumnId> {
    pub id: UuidColumn,
    pub digest: DigestColumn,
    pub backend: String,
    pub user_id: Id::Column,
    pub epoch: i64,
    pub actor: Option<String>,
    pub created_at: InstantColumn,
    pub expires_at: Option<InstantColumn>,
    pub absolute_expires_at: Option<InstantColumn>,
    pub last_used_at: InstantColumn,
    pub access_generation: i64,
    pub access_rotated_at: Option<InstantColumn>,
    pub refresh_generation: i64,
    pub refresh_rotated_at: Option<InstantColumn>,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub label: Option<String>,
}

impl<Id: ColumnId> From<AccessToken<Id>> for AccessTokenRow<Id> {
    fn from(token: AccessToken<Id>) -> Self {
        let instant = |instant: Option<OffsetDateTime>| instant.map(InstantColumn::new);
        Self {
            id: UuidColumn(token.id.0),
            digest: DigestColumn(token.digest),
            backend: token.backend,
            user_id: token.user_id.into(),
            epoch: token.epoch,
            actor: token.actor,
            created_at: InstantColumn::new(token.created_at),
            expires_at: instant(token.expires_at),
            absolute_expires_at: instant(token.absolute_expires_at),
            last_used_at: InstantColumn::new(token.last_used_at),
            access_generation: token.access_generation.number,
            access_rotated_at: instant(token.access_generation.since),
            refresh_generation: token.refresh_generation.number,
            refresh_rotated_at: instant(token.refresh_generation.since),
            user_agent: token.client.user_agent,
            address: token.client.address,
            label: token.client.label,
        }
    }
}

/// The access token of `row`.
pub fn access_token<Id: ColumnId>(row: AccessTokenRow<Id>) -> AccessToken<Id> {
    let instant = |column: Option<InstantColumn>| column.map(InstantColumn::instant);
    let subject = Subject::new(row.user_id.into(), row.epoch);
    let mut token = AccessToken::new(TokenId(row.id.0), row.digest.0, subject, row.created_at.instant());
    token.backend = row.backend;
    token.actor = row.actor;
    token.expires_at = instant(row.expires_at);
    token.absolute_expires_at = instant(row.absolute_expires_at);
    token.last_used_at = row.last_used_at.instant();
    token.access_generation = Generation::new(row.access_generation, instant(row.access_rotated_at));
    token.refresh_generation = Generation::new(row.refresh_generation, instant(row.refresh_rotated_at));
    token.client.user_agent = row.user_agent;
    token.client.address = row.address;
    token.client.label = row.label;
    token
}
