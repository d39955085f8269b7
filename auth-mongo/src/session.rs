//! Sessions with data in a collection.

mod builder;
mod document;

use std::{fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use auth_core::{
    InsertTokenError, Predecessor, PurgeExpired, SessionChange, SessionStore, SessionWrite, StoreError,
    StoredSession, TokenLookup, metrics::Timer,
};
use mongodb::{
    Collection,
    bson::{Document, doc},
};
use time::OffsetDateTime;
use uuid::Uuid;

pub use builder::MongoSessionStoreBuilder;
use document::{
    REPLACED_BY, SessionDocument, document, expired, is_replaced_by, of_digest, of_key, of_live_key,
    replaced_by, update,
};

use crate::{
    DocumentId,
    call::{Calls, STORE},
    failure::{duplicate, failed},
    index,
    purge::purge,
};

/// Sessions with data in a collection of MongoDB, one document each.
///
/// | field | type |
/// |---|---|
/// | `_id` | binary: the 32 bytes of the SHA-256 of the id |
/// | `user_id` | as [`DocumentId`] has it for the type of the id; absent for a visitor |
/// | `epoch` | 64-bit integer; absent for a visitor |
/// | `data` | string: JSON |
/// | `revision` | 64-bit integer |
/// | `created_at`, `last_used_at` | date |
/// | `expires_at` | date, with a TTL index; absent if the session does not expire |
/// | `absolute_expires_at` | date; absent if there is no such limit |
/// | `replaced_by` | binary, as `_id`: the session that took the place of this one, of which nothing else is left, for a minute |
///
/// A look-up is one command, and so is a save. A session in the place of another takes two. A save or deletion that finds another
/// revision takes a second one, to tell whether the session is still there.
///
/// The server removes expired sessions about once a minute, by its own clock. The front end rejects them earlier, by the
/// application's clock. If the server's clock is ahead, it removes sessions early.
pub struct MongoSessionStore<Id = Uuid> {
    inner: Arc<Inner>,
    id: PhantomData<fn() -> Id>,
}

struct Inner {
    sessions: Collection<SessionDocument>,
    calls: Calls,
}

impl<Id: DocumentId> MongoSessionStore<Id> {
    /// Creates the missing indexes: `user_id_1` on the user, and `expires_at_1`, a TTL index by which the server removes expired
    /// sessions.
    ///
    /// If the server has no TTL indexes, it gets a plain one and the log gets a warning. Then call
    /// [`purge_expired`](PurgeExpired::purge_expired) regularly.
    ///
    /// # Errors
    /// [`StoreError`] if the server does not answer within a minute for each index, or if the collection has a collation.
    pub async fn create_indexes(&self) -> Result<(), StoreError> {
        let sessions = self.inner.sessions.clone_with_type();
        index::check_collation(&sessions).await?;
        index::create(&sessions, "user_id_1", doc! { "user_id": 1 }, false).await?;
        index::create_ttl(&sessions, "expires_at_1", doc! { "expires_at": 1 }).await
    }
}

impl Inner {
    async fn create(&self, document: Document) -> Result<(), InsertTokenError> {
        match self.sessions.clone_with_type().insert_one(document).await {
            Ok(_answer) => Ok(()),
            // No other index is unique.
            Err(error) if duplicate(&error).is_some() => Err(InsertTokenError::DigestTaken),
            Err(error) => Err(failed(error).into()),
        }
    }

    /// Inserts `document`, that of `key`, in the place of `old`.
    ///
    /// A server by itself has no transactions. So the new one is first: a deletion of all that comes between removes both.
    /// Then the old one becomes a note of what took its place, by which the same call, made again, knows itself.
    async fn replace(
        &self,
        key: &TokenLookup,
        document: Document,
        old: &Predecessor,
    ) -> Result<SessionWrite, InsertTokenError> {
        let is_new = match self.create(document.clone()).await {
            Ok(()) => true,
            Err(InsertTokenError::DigestTaken) => {
                let found = self.document(of_key(key)).await?;
                if found.as_ref() != Some(&document) {
                    return Err(InsertTokenError::DigestTaken);
                }
                false
            }
            Err(error) => return Err(error),
        };
        let filter = of_revision(&of_key(&old.key), old.revision);
        let answer = self.sessions.update_one(filter, replaced_by(key)).await;
        if answer.map_err(failed)?.matched_count > 0 {
            return Ok(SessionWrite::Done);
        }
        let write = match self.document(of_digest(&old.key)).await? {
            // Unless somebody has ended the new session since that call.
            Some(note) if is_replaced_by(&note, key) && !is_new => SessionWrite::Done,
            Some(another) if !another.contains_key(REPLACED_BY) => SessionWrite::Conflict,
            _ => SessionWrite::Gone,
        };
        if write != SessionWrite::Done {
            self.sessions.delete_one(of_key(key)).await.map_err(failed)?;
        }
        Ok(write)
    }

    async fn document(&self, filter: Document) -> Result<Option<Document>, StoreError> {
        let sessions = self.sessions.clone_with_type::<Document>();
        sessions.find_one(filter).await.map_err(failed)
    }

    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError> {
        let live = of_live_key(key, change.at);
        let filter = of_revision(&live, change.revision);
        let answer = self.sessions.update_one(filter, update(change)).await;
        match answer.map_err(failed)?.matched_count {
            0 => self.missed(live, change.revision).await,
            _ => Ok(SessionWrite::Done),
        }
    }

    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        let filter = of_revision(&of_key(key), revision);
        let answer = self.sessions.delete_one(filter).await;
        match answer.map_err(failed)?.deleted_count {
            0 => self.missed(of_key(key), revision).await,
            _ => Ok(SessionWrite::Done),
        }
    }

    /// Why a write to the session of `filter` with this revision found nothing to do.
    ///
    /// A write waits for a majority to have all that came before it, even if it has nothing to do. So this look-up sees what
    /// that write saw, or what came later.
    async fn missed(&self, filter: Document, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        if revision.is_none() {
            return Ok(SessionWrite::Gone);
        }
        let sessions = self.sessions.clone_with_type::<Document>();
        let found = sessions.find_one(filter).projection(doc! { "_id": 1 }).await;
        Ok(match found.map_err(failed)? {
            Some(_another_revision) => SessionWrite::Conflict,
            None => SessionWrite::Gone,
        })
    }
}

/// `filter` for this revision alone, or for any.
fn of_revision(filter: &Document, revision: Option<i64>) -> Document {
    let mut filter = filter.clone();
    if let Some(revision) = revision {
        filter.insert("revision", revision);
    }
    filter
}

#[async_trait]
impl<Id: DocumentId> SessionStore<Id> for MongoSessionStore<Id> {
    async fn create(
        &self,
        key: &TokenLookup,
        session: &StoredSession<Id>,
        predecessor: Option<&Predecessor>,
    ) -> Result<SessionWrite, InsertTokenError> {
        let _timed = Timer::of(STORE, "sessions.create");
        let (store, document) = (Arc::clone(&self.inner), document(key, session));
        let (key, old) = (*key, predecessor.copied());
        self.inner
            .calls
            .run(async move {
                match old {
                    None => store.create(document).await.map(|()| SessionWrite::Done),
                    Some(old) => store.replace(&key, document, &old).await,
                }
            })
            .await
    }

    async fn load(&self, key: &TokenLookup) -> Result<Option<StoredSession<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "sessions.load");
        let (store, filter) = (Arc::clone(&self.inner), of_key(key));
        self.inner
            .calls
            .run(async move {
                let found = store.sessions.find_one(filter).await.map_err(failed)?;
                found.map(SessionDocument::session).transpose()
            })
            .await
    }

    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError> {
        let _timed = Timer::of(STORE, "sessions.save");
        let (store, key, change) = (Arc::clone(&self.inner), *key, change.clone());
        self.inner
            .calls
            .run(async move { store.save(&key, &change).await })
            .await
    }

    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        let _timed = Timer::of(STORE, "sessions.delete");
        let (store, key) = (Arc::clone(&self.inner), *key);
        self.inner
            .calls
            .run(async move { store.delete(&key, revision).await })
            .await
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let _timed = Timer::of(STORE, "sessions.delete_all");
        let (store, filter) = (Arc::clone(&self.inner), doc! { "user_id": user_id.to_bson() });
        self.inner
            .calls
            .run(async move {
                let answer = store.sessions.delete_many(filter).await.map_err(failed)?;
                Ok(answer.deleted_count)
            })
            .await
    }
}

#[async_trait]
impl<Id: DocumentId> PurgeExpired for MongoSessionStore<Id> {
    /// Purges in batches of 1000, each with the deadline of a call.
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let _timed = Timer::of(STORE, "sessions.purge_expired");
        let Inner { sessions, calls } = &*self.inner;
        purge(calls, &sessions.clone_with_type(), &[expired(now)], limit).await
    }
}

impl<Id> Clone for MongoSessionStore<Id> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            id: PhantomData,
        }
    }
}

impl<Id> fmt::Debug for MongoSessionStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoSessionStore")
            .field("collection", &self.inner.sessions.namespace())
            .field("deadline", &self.inner.calls.limit())
            .finish_non_exhaustive()
    }
}
