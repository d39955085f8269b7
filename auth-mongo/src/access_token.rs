//! Access tokens in a collection.

mod builder;
mod cap;
mod document;
mod rotate;

use std::{fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenIndex, AccessTokenStore, Cap, InsertTokenError, PurgeExpired, StoreError,
    TokenId, TokenLookup, metrics::Timer,
};
use mongodb::{
    Collection,
    bson::{Document, doc},
};
use time::OffsetDateTime;
use uuid::Uuid;

use builder::IndexNames;
pub use builder::MongoAccessTokenStoreBuilder;
use cap::Turns;
use document::{TokenDocument, expired, of_key, of_live_key, of_user, public_id};

use crate::{
    DocumentId,
    call::{Calls, STORE},
    failure::failed,
    index,
    instant::date,
    purge::purge,
};

/// Access tokens in a collection of MongoDB, one document each.
///
/// | field | type |
/// |---|---|
/// | `_id` | ObjectId; only identifies the document |
/// | `digest` | binary: the 32 bytes of SHA-256, with a unique index |
/// | `user_id` | as [`DocumentId`] has it for the type of the id |
/// | `place` | with a cap the backend and a number, `web/0`; the public id without one, or if a new log-in that replaces this one has taken the place; unique together with `user_id` |
/// | `id` | binary of subtype 4: the public id |
/// | `backend` | string; absent if the token names no backend |
/// | `epoch` | 64-bit integer |
/// | `created_at`, `last_used_at` | date |
/// | `expires_at` | date, with a TTL index; absent if the token does not expire |
/// | `absolute_expires_at` | date, with a TTL index; absent if there is no such limit |
/// | `access_generation`, `refresh_generation` | 64-bit integer; absent for the first |
/// | `access_rotated_at`, `refresh_rotated_at` | date: since when; absent for the first generation |
/// | `actor` | string: the id of the user who logged in as this user; absent if the user did |
/// | `user_agent`, `address`, `label` | string, or absent |
///
/// With a cap of N, a new token takes a free place below N of its backend, or replaces the document of the user's oldest
/// token there. That is one atomic write without a transaction, so a user never has more than N tokens of a backend. If
/// two log-ins want the same place, the second fails on the unique index and tries again.
///
/// A collection from before tokens named their backend is used as it is. Its tokens count towards the cap of every
/// backend.
///
/// # Expiry
///
/// A token ends at `expires_at` or at `absolute_expires_at`, whichever is earlier. In the document `expires_at` can be the
/// later one, so your own queries should look at both.
///
/// The server removes expired tokens about once a minute, by its own clock. The strategy rejects them earlier, by the
/// application's clock. If the server's clock is ahead, it removes tokens early.
pub struct MongoAccessTokenStore<Id = Uuid> {
    inner: Arc<Inner>,
    id: PhantomData<fn() -> Id>,
}

struct Inner {
    tokens: Collection<TokenDocument>,
    calls: Calls,
    indexes: IndexNames,
    turns: Turns,
}

impl<Id: DocumentId> MongoAccessTokenStore<Id> {
    /// Creates the missing indexes: unique ones on the digest, and on the user with the token's place, and two TTL
    /// indexes by which the server removes expired tokens.
    ///
    /// If the server has no TTL indexes, it gets plain ones and the log gets a warning. Then call
    /// [`purge_expired`](PurgeExpired::purge_expired) regularly.
    ///
    /// # Security
    /// Call it before the first log-in. Without the unique indexes, neither digests nor caps are enforced.
    ///
    /// # Errors
    /// [`StoreError`] if the server does not answer within a minute for each index, if the collection has a collation, or if
    /// existing tokens share a digest.
    pub async fn create_indexes(&self) -> Result<(), StoreError> {
        let Inner { tokens, indexes, .. } = &*self.inner;
        let tokens = tokens.clone_with_type();
        index::check_collation(&tokens).await?;
        index::create(&tokens, &indexes.digest, doc! { "digest": 1 }, true).await?;
        index::create(&tokens, &indexes.user, doc! { "user_id": 1, "place": 1 }, true).await?;
        index::create_ttl(&tokens, &indexes.expiry, doc! { "expires_at": 1 }).await?;
        index::create_ttl(
            &tokens,
            &indexes.absolute_expiry,
            doc! { "absolute_expires_at": 1 },
        )
        .await
    }
}

impl Inner {
    async fn is_any(&self, filter: Document) -> Result<bool, StoreError> {
        let tokens = self.tokens.clone_with_type::<Document>();
        let found = tokens.find_one(filter).projection(doc! { "_id": 1 }).await;
        Ok(found.map_err(failed)?.is_some())
    }

    async fn touch(
        &self,
        filter: Document,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        let update = match expires_at {
            Some(end) => doc! { "$set": { "last_used_at": date(at), "expires_at": date(end) } },
            None => doc! { "$set": { "last_used_at": date(at) }, "$unset": { "expires_at": "" } },
        };
        let answer = self.tokens.update_one(filter, update).await;
        answer.map(drop).map_err(failed)
    }

    async fn delete(&self, filter: Document) -> Result<bool, StoreError> {
        let answer = self.tokens.delete_one(filter).await;
        Ok(answer.map_err(failed)?.deleted_count > 0)
    }
}

#[async_trait]
impl<Id: DocumentId> AccessTokenStore<Id> for MongoAccessTokenStore<Id> {
    async fn insert(&self, token: &AccessToken<Id>, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        let _timed = Timer::of(STORE, "access_tokens.insert");
        let (store, token) = (Arc::clone(&self.inner), token.clone());
        self.inner
            .calls
            .run(async move {
                match cap {
                    Some(cap) => store.insert_under(cap, &token).await,
                    None if store.insert_at(public_id(token.id), &token).await? => Ok(()),
                    None => Err(StoreError::internal(STORE, "the public id is taken").into()),
                }
            })
            .await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.find");
        let (store, filter) = (Arc::clone(&self.inner), of_key(key));
        self.inner
            .calls
            .run(async move {
                let found = store.tokens.find_one(filter).await.map_err(failed)?;
                found.map(TokenDocument::token).transpose()
            })
            .await
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.touch");
        let (store, filter) = (Arc::clone(&self.inner), of_live_key(key, at));
        self.inner
            .calls
            .run(async move { store.touch(filter, at, expires_at).await })
            .await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.delete");
        let (store, filter) = (Arc::clone(&self.inner), of_key(key));
        self.inner
            .calls
            .run(async move { store.delete(filter).await })
            .await
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.delete_all");
        let (store, filter) = (Arc::clone(&self.inner), of_user(user_id));
        self.inner
            .calls
            .run(async move {
                let answer = store.tokens.delete_many(filter).await.map_err(failed)?;
                Ok(answer.deleted_count)
            })
            .await
    }
}

#[async_trait]
impl<Id: DocumentId> AccessTokenIndex<Id> for MongoAccessTokenStore<Id> {
    async fn list(&self, user_id: &Id, epoch: i64) -> Result<Vec<AccessToken<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.list");
        let (store, mut filter) = (Arc::clone(&self.inner), of_user(user_id));
        filter.insert("epoch", epoch);
        self.inner
            .calls
            .run(async move {
                let newest_first = doc! { "created_at": -1, "_id": -1 };
                let mut found = store
                    .tokens
                    .find(filter)
                    .sort(newest_first)
                    .await
                    .map_err(failed)?;
                let mut tokens = Vec::new();
                while found.advance().await.map_err(failed)? {
                    tokens.push(found.deserialize_current().map_err(failed)?.token()?);
                }
                Ok(tokens)
            })
            .await
    }

    async fn delete_by_id(&self, user_id: &Id, id: TokenId) -> Result<bool, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.delete_by_id");
        let (store, mut filter) = (Arc::clone(&self.inner), of_user(user_id));
        filter.insert("id", public_id(id));
        self.inner
            .calls
            .run(async move { store.delete(filter).await })
            .await
    }
}

#[async_trait]
impl<Id: DocumentId> PurgeExpired for MongoAccessTokenStore<Id> {
    /// Purges in batches of 1000, each with the deadline of a call.
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.purge_expired");
        let Inner { tokens, calls, .. } = &*self.inner;
        purge(calls, &tokens.clone_with_type(), &expired(now), limit).await
    }
}

impl<Id> Clone for MongoAccessTokenStore<Id> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            id: PhantomData,
        }
    }
}

impl<Id> fmt::Debug for MongoAccessTokenStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoAccessTokenStore")
            .field("collection", &self.inner.tokens.namespace())
            .field("deadline", &self.inner.calls.limit())
            .finish_non_exhaustive()
    }
}
