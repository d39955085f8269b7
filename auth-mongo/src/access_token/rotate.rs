//! The step to the next generation, as one write of one document.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{Advance, Advanced, RotateTokens, StoreError, TokenKind, TokenLookup, metrics::Timer};
use mongodb::{
    bson::doc,
    options::{ReadConcern, ReturnDocument},
};

use super::{
    Inner, MongoAccessTokenStore,
    document::{TokenDocument, number_of, of_key, of_live_key},
};
use crate::{DocumentId, call::STORE, failure::failed, instant::date};

#[async_trait]
impl<Id: DocumentId> RotateTokens<Id> for MongoAccessTokenStore<Id> {
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.advance");
        let (store, key, step) = (Arc::clone(&self.inner), *key, *step);
        self.inner
            .calls
            .run(async move {
                let advanced = store.advance(&key, &step).await?;
                advanced
                    .map(|(found, by_this_call)| Ok(Advanced::new(found.token()?, by_this_call)))
                    .transpose()
            })
            .await
    }
}

impl Inner {
    /// The document as it is afterwards, and whether this call made the `step`.
    async fn advance(
        &self,
        key: &TokenLookup,
        step: &Advance,
    ) -> Result<Option<(TokenDocument, bool)>, StoreError> {
        // Ends at the deadline of the call at the latest.
        loop {
            if let Some(advanced) = self.step(key, step).await? {
                return Ok(Some((advanced, true)));
            }
            match self.in_flight(key).await? {
                // A parallel call has made the step before this one since the write found nothing to do.
                Some(found) if found.allows(step) => {}
                found => return Ok(found.map(|found| (found, false))),
            }
        }
    }

    /// Makes the `step`, and returns the document as it is afterwards. `None` if there is none that allows it.
    async fn step(&self, key: &TokenLookup, step: &Advance) -> Result<Option<TokenDocument>, StoreError> {
        let (number, since) = match step.kind {
            TokenKind::Access => ("access_generation", "access_rotated_at"),
            TokenKind::Refresh => ("refresh_generation", "refresh_rotated_at"),
        };
        let mut filter = of_live_key(key, step.at);
        match number_of(step.from) {
            Some(from) => filter.insert(number, from),
            None => filter.insert(number, doc! { "$exists": false }),
        };
        let mut set = doc! { since: date(step.at), "last_used_at": date(step.at) };
        if let Some(until) = step.keep_until {
            // Perhaps past the absolute limit, which only the document knows. Every reader takes the earlier of the two.
            set.insert("expires_at", date(until));
        }
        let update = doc! { "$inc": { number: 1_i64 }, "$set": set };
        self.tokens
            .find_one_and_update(filter, update)
            .return_document(ReturnDocument::After)
            .await
            .map_err(failed)
    }

    /// The document of `key` as its last write left it, even if no majority has that write yet: it may be the step of a
    /// parallel call.
    async fn in_flight(&self, key: &TokenLookup) -> Result<Option<TokenDocument>, StoreError> {
        let found = self
            .tokens
            .find_one(of_key(key))
            .read_concern(ReadConcern::local());
        found.await.map_err(failed)
    }
}
