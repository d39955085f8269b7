//! The indexes of a collection, each made by a call of its own.

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

/// An index over what is there already takes longer than a look-up.
const INDEX_DEADLINE: Duration = Duration::from_secs(60);

/// What a server says that knows no TTL indexes: not implemented, no such command, no such option, no such index.
const NO_TTL: [i32; 5] = [238, 115, 72, 197, 67];

/// Makes the index `name` over `keys` if it is not there.
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

/// Makes the index `name` over `keys`, a date at which the server removes the document. One without TTL indexes gets a
/// plain index, and the log a warning.
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
                "the server has no TTL indexes: an expired token stays until it is purged"
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
        .make(async move { Ok(collection.create_index(index).await.map(drop)) })
        .await
}

/// Refuses a collection that was made with a collation: to one that overlooks case or accents, two e-mails are the same
/// that are not.
///
/// # Errors
/// [`StoreError`] if it has one, or if the server does not answer within a minute.
pub(crate) async fn check_collation(collection: &Collection<RawDocumentBuf>) -> Result<(), StoreError> {
    let (name, database) = (
        collection.name().to_owned(),
        collection.client().database(&collection.namespace().db),
    );
    Calls::within(INDEX_DEADLINE)
        .make(async move {
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
