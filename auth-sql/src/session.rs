//! Sessions with data in a table. A macro implements [`SessionTable`] for the default table of each database.

mod statements;

use std::marker::PhantomData;

use async_trait::async_trait;
use auth_core::{
    InsertTokenError, Predecessor, PurgeExpired, SessionChange, SessionStore, SessionWrite, StoreError,
    StoredSession, Subject, TokenLookup, UserId, metrics::Timer,
};
use diesel::{
    Queryable,
    result::{DatabaseErrorKind, Error},
};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{
    DigestColumn, InstantColumn,
    purge::{ExpiringTable, PurgeCalls},
    statement::{AnyDatabase, OnDisconnect, Query, Statement, within},
};
pub(crate) use statements::session_table;

/// The statements on a table of sessions in a `D`.
pub trait SessionTable<D: AnyDatabase>: ExpiringTable<D> {
    /// Inserts a session. It fails if the digest is taken, which no other unique index can make it do.
    fn create(digest: DigestColumn, row: SessionRow) -> impl Statement<D>;

    /// Puts a session in the place of that of `old`, if that has the `revision`, or whatever it has. It fails as
    /// [`create`](Self::create) does.
    fn replace(
        old: DigestColumn,
        revision: Option<i64>,
        digest: DigestColumn,
        row: SessionRow,
    ) -> impl Statement<D>;

    /// The session of `digest`.
    fn load(digest: DigestColumn) -> impl Query<D, SessionRow>;

    /// Makes `change` in the session of `digest`, if it is due.
    fn save(digest: DigestColumn, change: SessionChange) -> impl Statement<D>;

    /// Deletes the session of `digest`, if it has the `revision`, or whatever it has.
    fn delete(digest: DigestColumn, revision: Option<i64>) -> impl Statement<D>;

    /// Deletes the sessions of the user whose id is written so.
    fn delete_all(user_id: String) -> impl Statement<D>;
}

/// Sessions with data of users with ids `Id`, in a table `T` of a database `D`.
///
/// Any type of id will do, since the table has the ids as text. It need not be one that can be a column.
#[derive(Clone, Debug)]
pub struct SessionsIn<D, T, Id> {
    database: D,
    table: PhantomData<(T, Id)>,
}

impl<D: AnyDatabase, T: SessionTable<D>, Id: UserId> SessionsIn<D, T, Id> {
    /// A store on a pool or a `Database`. On SQLite, give all stores of a pool the same `Database`, so that their writers
    /// take turns.
    #[must_use]
    pub fn new(database: impl Into<D>) -> Self {
        Self {
            database: database.into(),
            table: PhantomData,
        }
    }

    /// Why `session` replaced nothing. If it is there, an earlier attempt or call has put it in the place of `old`.
    async fn not_replaced(
        &self,
        key: &TokenLookup,
        session: &StoredSession<Id>,
        old: &Predecessor,
        until: Instant,
    ) -> Result<SessionWrite, StoreError> {
        let written = read::<D, Id>(SessionRow::new(session))?;
        let found = within(&self.database, until, self.load(key)).await?;
        if found.is_some_and(|found| found == written) {
            return Ok(SessionWrite::Done);
        }
        self.outcome(0, &old.key, old.revision, |_found| true, until)
            .await
    }

    /// The outcome of a write to the session of `key`, of a `revision` or any, that wrote `rows`. A session that
    /// `is_there` had another revision.
    async fn outcome(
        &self,
        rows: usize,
        key: &TokenLookup,
        revision: Option<i64>,
        is_there: impl Fn(StoredSession<Id>) -> bool + Send,
        until: Instant,
    ) -> Result<SessionWrite, StoreError> {
        if rows > 0 {
            return Ok(SessionWrite::Done);
        }
        if revision.is_none() {
            return Ok(SessionWrite::Gone);
        }
        let found = within(&self.database, until, self.load(key)).await?;
        Ok(match found.is_some_and(is_there) {
            true => SessionWrite::Conflict,
            false => SessionWrite::Gone,
        })
    }
}

#[async_trait]
impl<D, T, Id> SessionStore<Id> for SessionsIn<D, T, Id>
where
    D: AnyDatabase,
    T: SessionTable<D>,
    Id: UserId,
{
    async fn create(
        &self,
        key: &TokenLookup,
        session: &StoredSession<Id>,
        predecessor: Option<&Predecessor>,
    ) -> Result<SessionWrite, InsertTokenError> {
        let _timed = Timer::of(D::STORE, "sessions.create");
        let until = Instant::now() + self.database.limit();
        let (digest, written, old) = (DigestColumn(key.digest), session.clone(), predecessor.copied());
        // A second replacement replaces nothing, so it does no harm.
        let on_disconnect = match old {
            None => OnDisconnect::Fail,
            Some(_) => OnDisconnect::Retry,
        };
        let created = self.database.try_change(on_disconnect, move |connection| {
            let row = SessionRow::new(&written);
            match old {
                None => T::create(digest, row).execute(connection),
                Some(old) => {
                    T::replace(DigestColumn(old.key.digest), old.revision, digest, row).execute(connection)
                }
            }
        });
        match (created.await?, predecessor) {
            (Ok(0), Some(old)) => Ok(self.not_replaced(key, session, old, until).await?),
            (Ok(_row), _) => Ok(SessionWrite::Done),
            (Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)), _) => {
                Err(InsertTokenError::DigestTaken)
            }
            (Err(error), _) => Err(D::report(error).into()),
        }
    }

    async fn load(&self, key: &TokenLookup) -> Result<Option<StoredSession<Id>>, StoreError> {
        let _timed = Timer::of(D::STORE, "sessions.load");
        let digest = DigestColumn(key.digest);
        let found = self
            .database
            .read(move |connection| T::load(digest).first(connection));
        found.await?.map(read::<D, Id>).transpose()
    }

    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError> {
        let _timed = Timer::of(D::STORE, "sessions.save");
        let until = Instant::now() + self.database.limit();
        // A second attempt to replace the data would be in conflict with the first, or replace what came between.
        let on_disconnect = match change.data {
            Some(_) => OnDisconnect::Fail,
            None => OnDisconnect::Retry,
        };
        let (digest, made) = (DigestColumn(key.digest), change.clone());
        let saved = self.database.change(on_disconnect, move |connection| {
            T::save(digest, made.clone()).execute(connection)
        });
        let is_there = |found: StoredSession<Id>| found.is_live(change.at);
        self.outcome(saved.await?, key, change.revision, is_there, until)
            .await
    }

    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        let _timed = Timer::of(D::STORE, "sessions.delete");
        let until = Instant::now() + self.database.limit();
        let digest = DigestColumn(key.digest);
        let deleted = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete(digest, revision).execute(connection)
        });
        self.outcome(deleted.await?, key, revision, |_found| true, until)
            .await
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let _timed = Timer::of(D::STORE, "sessions.delete_all");
        let user_id = user_id.to_string();
        let gone = self.database.change(OnDisconnect::Retry, move |connection| {
            T::delete_all(user_id.clone()).execute(connection)
        });
        Ok(gone.await? as u64)
    }
}

#[async_trait]
impl<D, T, Id> PurgeExpired for SessionsIn<D, T, Id>
where
    D: PurgeCalls,
    T: SessionTable<D>,
    Id: UserId,
{
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let _timed = Timer::of(D::STORE, "sessions.purge_expired");
        Ok(self.database.purge::<T>(now, limit).await? as u64)
    }
}

/// A row of a table of sessions, but for its digest. Each field has the name and the place of its column.
#[derive(Queryable)]
pub struct SessionRow {
    pub(crate) user_id: Option<String>,
    pub(crate) epoch: Option<i64>,
    pub(crate) data: String,
    pub(crate) revision: i64,
    pub(crate) created_at: InstantColumn,
    pub(crate) last_used_at: InstantColumn,
    pub(crate) expires_at: Option<InstantColumn>,
    pub(crate) absolute_expires_at: Option<InstantColumn>,
}

impl SessionRow {
    fn new<Id: UserId>(session: &StoredSession<Id>) -> Self {
        let subject = session.subject.as_ref();
        Self {
            user_id: subject.map(|subject| subject.user_id.to_string()),
            epoch: subject.map(|subject| subject.epoch),
            data: session.data.clone(),
            revision: session.revision,
            created_at: InstantColumn::new(session.created_at),
            last_used_at: InstantColumn::new(session.last_used_at),
            expires_at: session.expires_at.map(InstantColumn::new),
            absolute_expires_at: session.absolute_expires_at.map(InstantColumn::new),
        }
    }
}

/// The session of `row`.
///
/// # Errors
/// [`StoreError`] if the id of the user is not an `Id`.
fn read<D: AnyDatabase, Id: UserId>(row: SessionRow) -> Result<StoredSession<Id>, StoreError> {
    let mut session = StoredSession::new(row.data, row.created_at.instant());
    if let Some((user_id, epoch)) = row.user_id.zip(row.epoch) {
        let user_id = user_id.parse().map_err(|_repeats_it| {
            StoreError::invalid_data(D::STORE, "a session has a user id of another type")
        })?;
        session.subject = Some(Subject::new(user_id, epoch));
    }
    session.revision = row.revision;
    session.last_used_at = row.last_used_at.instant();
    session.expires_at = row.expires_at.map(InstantColumn::instant);
    session.absolute_expires_at = row.absolute_expires_at.map(InstantColumn::instant);
    Ok(session)
}
