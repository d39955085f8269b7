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
//! A token that the new one replaces does not count. If the new one needs its place, it makes way: its place becomes its public
//! id, as that of a token without a cap. So there still is one place for each token that counts, however many insertions
//! leave out the same one.
//!
//! If another insertion was faster, in this process or another, the unique index refuses the write, or the oldest token
//! is no longer there. Then this one looks again.

use std::{
    array,
    collections::{HashMap, HashSet},
};

use auth_core::{AccessToken, Cap, InsertTokenError, ShardTag, StoreError};
use mongodb::{
    bson::{self, Bson, DateTime, doc, oid::ObjectId},
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
    instant::date,
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
    id: bson::Uuid,
    digest: DigestField,
    place: Bson,
    created_at: DateTime,
    expires_at: Option<DateTime>,
    absolute_expires_at: Option<DateTime>,
}

impl Held {
    fn is_live(&self, at: DateTime) -> bool {
        let ends = [self.expires_at, self.absolute_expires_at];
        ends.into_iter().flatten().all(|end| at < end)
    }
}

/// The place of a new token.
enum Room<'a> {
    /// To a place that is free, beside the others.
    Free(Bson),
    /// To this place, in the document of a token that goes.
    Of(&'a Held, Bson),
    /// To the place of this token, which stays, but does not count.
    Held(&'a Held),
}

impl Inner {
    /// Inserts `token` and removes the user's oldest tokens beyond `cap`.
    pub(super) async fn insert_under<Id: DocumentId>(
        &self,
        cap: Cap,
        token: &AccessToken<Id>,
    ) -> Result<(), InsertTokenError> {
        let others = usize::try_from(cap.others()).unwrap_or(usize::MAX);
        let _turn = self.turns.lock(&token.user_id).await;
        // Ends at the deadline of the call at the latest.
        loop {
            let held = self.held(token).await?;
            if held.iter().any(|held| held.digest.0 == token.digest) {
                return Err(InsertTokenError::DigestTaken);
            }
            let (replaced, counted): (Vec<_>, Vec<_>) =
                held.iter().partition(|held| cap.replaced == Some(held.digest.0));
            let (doomed, kept) = counted.split_at(counted.len().saturating_sub(others));
            let (is_in, reused) = match room(&token.backend, others, doomed, kept, replaced.first().copied())
            {
                Room::Free(place) => (self.insert_at(place, token).await?, None),
                Room::Of(oldest, place) => (self.replace(oldest, place, token).await?, Some(oldest)),
                Room::Held(replaced) => {
                    self.make_way(&token.user_id, replaced).await?;
                    continue;
                }
            };
            if is_in {
                let reused = reused.map(|reused| reused.document);
                let surplus = doomed.iter().copied();
                let surplus = surplus.filter(|held| Some(held.document) != reused);
                return Ok(self.remove(&token.user_id, surplus).await?);
            }
        }
    }

    /// The user's tokens of the backend of `token` and of none, oldest first. What has expired is older than the others. They
    /// include those that no majority has yet.
    async fn held<Id: DocumentId>(&self, token: &AccessToken<Id>) -> Result<Vec<Held>, StoreError> {
        let mut filter = of_user(&token.user_id);
        // Null stands for a field that is absent.
        filter.insert("backend", doc! { "$in": [&token.backend, Bson::Null] });
        let mut found = self
            .tokens
            .clone_with_type::<Held>()
            .find(filter)
            .projection(doc! {
                "id": 1, "digest": 1, "place": 1, "created_at": 1, "expires_at": 1, "absolute_expires_at": 1,
            })
            .read_concern(ReadConcern::local())
            .await
            .map_err(failed)?;
        let mut held = Vec::new();
        while found.advance().await.map_err(failed)? {
            held.push(found.deserialize_current().map_err(failed)?);
        }
        let at = date(token.created_at);
        held.sort_by_key(|held| (held.is_live(at), held.created_at, held.document));
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

    /// Gives the place of this token to another one.
    async fn make_way(&self, user_id: &impl DocumentId, held: &Held) -> Result<(), StoreError> {
        let mut filter = of_user(user_id);
        filter.insert("_id", held.document);
        filter.insert("digest", digest(&held.digest.0));
        let update = doc! { "$set": { "place": held.id } };
        let answer = self.tokens.update_one(filter, update).await;
        answer.map(drop).map_err(failed)
    }

    /// Removes the `surplus` over a cap that is new or was lowered. By digest, because other tokens may have taken
    /// their places.
    async fn remove<'a>(
        &self,
        user_id: &impl DocumentId,
        surplus: impl Iterator<Item = &'a Held>,
    ) -> Result<(), StoreError> {
        let digests: Vec<_> = surplus.map(|held| digest(&held.digest.0)).collect();
        if digests.is_empty() {
            return Ok(());
        }
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

/// The lowest place of the backend that none of the `kept` tokens has. That of the `replaced` one is the last resort.
///
/// Tokens that were inserted without a cap, or under a higher one, have other places but count towards the cap. The room is
/// below the cap even so, since fewer tokens are kept than the cap allows: `others` at most.
fn room<'a>(
    backend: &str,
    others: usize,
    doomed: &[&'a Held],
    kept: &[&'a Held],
    replaced: Option<&'a Held>,
) -> Room<'a> {
    let number = |held: &Held| number(backend, &held.place);
    let most = others.saturating_add(1);
    let kept_places: HashSet<_> = kept.iter().filter_map(|held| number(held)).collect();
    let doomed_places: HashMap<_, _> = doomed
        .iter()
        .filter_map(|held| Some((number(held)?, *held)))
        .collect();
    // Each kept token that has another place takes one away.
    let elsewhere = kept.len() - kept_places.iter().filter(|place| **place < most).count();
    let end = most.saturating_sub(elsewhere);
    let replaced_place = replaced.and_then(number);
    let free = (0..end).find(|place| !kept_places.contains(place) && replaced_place != Some(*place));
    let Some(free) = free else {
        return replaced.map_or_else(|| Room::Free(place(backend, end)), Room::Held);
    };
    match doomed_places.get(&free).or(doomed.first()) {
        Some(doomed) => Room::Of(doomed, place(backend, free)),
        None => Room::Free(place(backend, free)),
    }
}

/// A token that names no backend has the place that every token had before tokens named theirs.
fn place(backend: &str, number: usize) -> Bson {
    if backend.is_empty() {
        i64::try_from(number).unwrap_or(i64::MAX).into()
    } else {
        format!("{backend}/{number}").into()
    }
}

/// The number of a place of the backend.
fn number(backend: &str, place: &Bson) -> Option<usize> {
    match place {
        Bson::String(place) => place.strip_prefix(backend)?.strip_prefix('/')?.parse().ok(),
        Bson::Int32(number) if backend.is_empty() => usize::try_from(*number).ok(),
        Bson::Int64(number) if backend.is_empty() => usize::try_from(*number).ok(),
        _ => None,
    }
}
