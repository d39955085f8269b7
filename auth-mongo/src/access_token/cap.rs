//! An insertion under a cap, as one write of one document.
//!
//! MongoDB always writes one document atomically. Several need a transaction, which a single server does not have. So each
//! token has a place, unique among its user's. The place names the backend, because each backend has a cap of its own.
//! With a cap of N, a new token takes a free place below N, or replaces the document of the user's oldest token of the
//! backend. At no moment is there one token too many, or neither of the two.
//!
//! Tokens that name no backend count for each backend, but have places of another form. While a user has K of them, the
//! backend's tokens take places below N - K only, and no cap puts in more of the K. So the cap holds with them, too.
//!
//! If another insertion was faster, in this process or another, the unique index refuses the write, or the oldest token
//! is no longer there. Then this one looks again.

use std::{array, collections::HashSet, num::NonZeroU32};

use auth_core::{AccessToken, InsertTokenError, ShardTag, StoreError};
use mongodb::{
    bson::{Bson, DateTime, doc, oid::ObjectId},
    error::Error,
    options::ReadConcern,
};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

use super::{
    Inner,
    document::{DigestField, document, of_user},
};
use crate::{
    DocumentId,
    digest::digest,
    failure::{Duplicate, duplicate, failed},
};

/// Insertions for one user wait for each other here, so that within one process none has to look twice.
#[derive(Debug)]
pub(super) struct Turns([Mutex<()>; 256]);

impl Turns {
    async fn lock(&self, user_id: &impl DocumentId) -> MutexGuard<'_, ()> {
        let turn = usize::from(ShardTag::for_user(user_id).get()) % self.0.len();
        self.0[turn].lock().await
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self(array::from_fn(|_turn| Mutex::default()))
    }
}

/// The part of an existing token that an insertion needs.
#[derive(Deserialize)]
struct Held {
    #[serde(rename = "_id")]
    document: ObjectId,
    digest: DigestField,
    place: Bson,
    created_at: DateTime,
}

impl Inner {
    /// Inserts `token` and removes the user's oldest tokens beyond `cap`.
    pub(super) async fn insert_under<Id: DocumentId>(
        &self,
        cap: NonZeroU32,
        token: &AccessToken<Id>,
    ) -> Result<(), InsertTokenError> {
        let cap = usize::try_from(cap.get()).unwrap_or(usize::MAX);
        let _turn = self.turns.lock(&token.user_id).await;
        // Ends at the deadline of the call at the latest.
        loop {
            let held = self.held(token).await?;
            if held.iter().any(|held| held.digest.0 == token.digest) {
                return Err(InsertTokenError::DigestTaken);
            }
            let is_in = if held.len() < cap {
                self.insert_at(free_place(&token.backend, &held), token).await?
            } else {
                let place = free_place(&token.backend, &held[1..]);
                self.replace(&held[0], place, token).await?
            };
            if is_in {
                let surplus = held.len().saturating_sub(cap);
                return Ok(self
                    .remove(&token.user_id, held.get(1..=surplus).unwrap_or_default())
                    .await?);
            }
        }
    }

    /// The user's tokens that count beside `token`, oldest first. They include those that no majority has yet.
    async fn held<Id: DocumentId>(&self, token: &AccessToken<Id>) -> Result<Vec<Held>, StoreError> {
        let mut filter = of_user(&token.user_id);
        // Null stands for a field that is absent.
        filter.insert("backend", doc! { "$in": [&token.backend, Bson::Null] });
        let mut found = self
            .tokens
            .clone_with_type::<Held>()
            .find(filter)
            .projection(doc! { "digest": 1, "place": 1, "created_at": 1 })
            .read_concern(ReadConcern::local())
            .await
            .map_err(failed)?;
        let mut held = Vec::new();
        while found.advance().await.map_err(failed)? {
            held.push(found.deserialize_current().map_err(failed)?);
        }
        held.sort_by_key(|held| (held.created_at, held.document));
        Ok(held)
    }

    /// Inserts `token` at `place`. False if the place is taken.
    pub(super) async fn insert_at<Id: DocumentId>(
        &self,
        place: impl Into<Bson>,
        token: &AccessToken<Id>,
    ) -> Result<bool, InsertTokenError> {
        let mut document = document(token);
        document.insert("place", place);
        match self.tokens.clone_with_type().insert_one(document).await {
            Ok(_answer) => Ok(true),
            Err(error) => self.refused(error, token).await,
        }
    }

    /// Replaces the `oldest` by `token` at `place`. False if the oldest was no longer there, or the place is taken.
    async fn replace<Id: DocumentId>(
        &self,
        oldest: &Held,
        place: Bson,
        token: &AccessToken<Id>,
    ) -> Result<bool, InsertTokenError> {
        let mut document = document(token);
        document.insert("place", place);
        let mut filter = of_user(&token.user_id);
        filter.insert("_id", oldest.document);
        filter.insert("digest", digest(&oldest.digest.0));
        match self.tokens.clone_with_type().replace_one(filter, document).await {
            Ok(answer) => Ok(answer.matched_count > 0),
            Err(error) => self.refused(error, token).await,
        }
    }

    /// Removes the `surplus` over a cap that is new or was lowered. By digest, because other tokens may have taken
    /// their places.
    async fn remove(&self, user_id: &impl DocumentId, surplus: &[Held]) -> Result<(), StoreError> {
        if surplus.is_empty() {
            return Ok(());
        }
        let digests: Vec<_> = surplus.iter().map(|held| digest(&held.digest.0)).collect();
        let mut filter = of_user(user_id);
        filter.insert("digest", doc! { "$in": digests });
        self.tokens.delete_many(filter).await.map_err(failed)?;
        Ok(())
    }

    /// `Ok(false)` if the place is taken.
    async fn refused<Id: DocumentId>(
        &self,
        error: Error,
        token: &AccessToken<Id>,
    ) -> Result<bool, InsertTokenError> {
        let is_digest = match duplicate(&error) {
            None => return Err(failed(error).into()),
            Some(Duplicate::Fields(fields)) => fields.iter().any(|field| field == "digest"),
            // The index has decided. This server does not say which one it was, so ask for the digest.
            Some(Duplicate::Unknown) => {
                let filter = doc! { "digest": digest(&token.digest) };
                self.is_any(filter).await?
            }
        };
        if is_digest {
            Err(InsertTokenError::DigestTaken)
        } else {
            Ok(false)
        }
    }
}

/// The lowest place of the backend that no token has.
///
/// Tokens that were inserted without a cap, or under a higher one, have other places but count towards the cap. The
/// free place is below the cap even so, since there are fewer tokens than the cap.
fn free_place(backend: &str, held: &[Held]) -> Bson {
    // By their text: a number has no hash, and a walk over all for each place would be a million steps for a thousand tokens.
    let taken: HashSet<_> = held.iter().map(|held| held.place.to_string()).collect();
    let is_free = |place: &Bson| !taken.contains(&place.to_string());
    (0..)
        .map(|number| place(backend, number))
        .find(is_free)
        .unwrap_or_default()
}

/// A token that names no backend has the place that every token had before tokens named theirs.
fn place(backend: &str, number: i64) -> Bson {
    if backend.is_empty() {
        number.into()
    } else {
        format!("{backend}/{number}").into()
    }
}
