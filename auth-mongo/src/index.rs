//! The indexes of a collection. Each is created by its own call.

use std::time::Duration;

use auth_core::StoreError;
use mongodb::{
    Collection, IndexModel,
    bson::{Document, RawDocumentBuf, doc},
    error::{Error, ErrorKind},
    options::IndexOptions,
};

use crate::{
    call::{Calls, STORE},
    failure::failed,
};

/// Building an index over existing documents takes longer than a look-up.
const INDEX_DEADLINE: Duration = Duration::from_secs(60);

/// The codes of servers without TTL indexes: not implemented, no such command, no such option, no such index.
const NO_TTL: [i32; 5] = [238, 115, 72, 197, 67];

/// Creates the index `name` over `keys` if it is missing.
///
/// # Errors
/// [`StoreError`] if the server refuses, or does not answer within a minute.
pub(crate) async fn create(
    collection: &Collection<RawDocumentBuf>,
    name: &str,
    keys: Document,
    unique: bool,
) -> Result<(), StoreError> {
    let options = IndexOptions::builder()
        .name(name.to_owned())
        .unique(unique.then_some(true));
    request(collection, keys, options.build()).await?.map_err(failed)
}

/// Creates the TTL index `name` over `keys`, the date at which the server removes the document. If the server has no
/// TTL indexes, it creates a plain one and logs a warning.
///
/// # Errors
/// [`StoreError`] if the server refuses for another reason, or does not answer within a minute.
pub(crate) async fn create_ttl(
    collection: &Collection<RawDocumentBuf>,
    name: &str,
    keys: Document,
) -> Result<(), StoreError> {
    let options = IndexOptions::builder()
        .name(name.to_owned())
        .expire_after(Duration::ZERO);
    match request(collection, keys.clone(), options.build()).await? {
        Err(error) if is_without_ttl(&error) => {
            tracing::warn!(
                target: "portcullis::mongo",
                collection = collection.name(),
                index = name,
                "the server has no TTL indexes: what has expired stays until it is purged"
            );
            create(collection, name, keys, false).await
        }
        answer => answer.map_err(failed),
    }
}

fn is_without_ttl(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(refused) if NO_TTL.contains(&refused.code))
}

async fn request(
    collection: &Collection<RawDocumentBuf>,
    keys: Document,
    options: IndexOptions,
) -> Result<Result<(), Error>, StoreError> {
    let collection = collection.clone();
    let index = IndexModel::builder().keys(keys).options(options).build();
    Calls::within(INDEX_DEADLINE)
        .run(async move { Ok(collection.create_index(index).await.map(drop)) })
        .await
}

/// Refuses a collection with a collation, which can ignore case or accents, so that different e-mails would be equal.
///
/// # Errors
/// [`StoreError`] if the collection has a collation, or the server does not answer within a minute.
pub(crate) async fn check_collation(collection: &Collection<RawDocumentBuf>) -> Result<(), StoreError> {
    let (name, database) = (
        collection.name().to_owned(),
        collection.client().database(&collection.namespace().db),
    );
    Calls::within(INDEX_DEADLINE)
        .run(async move {
            let mut found = database
                .list_collections()
                .filter(doc! { "name": name })
                .await
                .map_err(failed)?;
            while found.advance().await.map_err(failed)? {
                if found
                    .deserialize_current()
                    .map_err(failed)?
                    .options
                    .collation
                    .is_some()
                {
                    return Err(StoreError::internal(
                        STORE,
                        "the collection has a collation, but e-mails and ids are compared byte for byte",
                    ));
                }
            }
            Ok(())
        })
        .await
}
