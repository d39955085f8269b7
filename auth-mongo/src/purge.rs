//! The removal of expired documents.

use auth_core::StoreError;
use mongodb::{
    Collection,
    bson::{Document, doc},
};

use crate::{call::Calls, failure::failed};

/// The number of documents that a purge removes at a time.
const BATCH: u32 = 1000;

/// Removes at most `limit` documents that one of the filters `expired` matches, in batches, each with the deadline of a call.
/// Returns their number.
pub(crate) async fn purge(
    calls: &Calls,
    collection: &Collection<Document>,
    expired: &[Document],
    limit: u32,
) -> Result<u64, StoreError> {
    let mut purged = 0;
    let mut left = limit;
    while left > 0 {
        let (collection, expired, batch) = (collection.clone(), expired.to_vec(), left.min(BATCH));
        let (removed, may_be_more) = calls
            .run(async move { purge_batch(&collection, expired, batch).await })
            .await?;
        purged += removed;
        left -= batch;
        if !may_be_more {
            break;
        }
    }
    Ok(purged)
}

/// Returns how many it removed, and whether there may be more.
async fn purge_batch(
    collection: &Collection<Document>,
    expired: Vec<Document>,
    limit: u32,
) -> Result<(u64, bool), StoreError> {
    let mut found = collection
        .find(doc! { "$or": expired.clone() })
        .projection(doc! { "_id": 1 })
        .limit(limit.into())
        .await
        .map_err(failed)?;
    let mut ids = Vec::new();
    while found.advance().await.map_err(failed)? {
        let mut document = found.deserialize_current().map_err(failed)?;
        ids.extend(document.remove("_id"));
    }
    let may_be_more = ids.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    if ids.is_empty() {
        return Ok((0, may_be_more));
    }
    // The document may be live again by now, or hold a newer token, so the filter checks the expiry again.
    let filter = doc! { "_id": { "$in": ids }, "$or": expired };
    let answer = collection.delete_many(filter).await.map_err(failed)?;
    Ok((answer.deleted_count, may_be_more))
}
