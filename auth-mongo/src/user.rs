//! Users in a collection.

mod builder;
mod document;
mod list;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use auth_core::{
    InsertUserError, NewUser, NormalizedEmail, Profile, StoreError, UpdateUserError, User, UserStore,
    metrics::Timer,
};
use mongodb::{
    Collection,
    bson::{Document, RawDocumentBuf, doc},
};
use uuid::Uuid;

pub use builder::MongoUserStoreBuilder;
pub(crate) use document::is_own_field;

use crate::{
    DocumentId,
    call::{Calls, STORE},
    failure::{Duplicate, duplicate, failed, refused_document},
    index,
    profile::{ProfileError, ProfileFields},
};

/// Users in a collection of MongoDB, one document each.
///
/// | field | type |
/// |---|---|
/// | `_id` | as [`DocumentId`] has it for the type of the id |
/// | `email` | string: as typed |
/// | `normalized_email` | string: as compared, with a unique index |
/// | `password_hash` | string or null |
/// | `is_active`, `is_superuser`, `is_verified` | boolean |
/// | `roles` | array of strings; absent if the document is older than this field |
/// | `security_epoch`, `revision` | 64-bit integer |
/// | `created_at`, `updated_at` | date |
/// | each field of the profile | as the driver writes it |
///
/// The application may read these documents, and add fields that are in no profile: the store leaves those alone. Don't
/// change the fields above from outside the store.
///
/// # The profile
///
/// A struct with named fields, or `()`. Its fields are fields of the document, as `Collection<Profile>` would write
/// them. You can search and index them. A violation of a unique index of yours is
/// [`ProfileTaken`](InsertUserError::ProfileTaken). A value that the collection's validator refuses is
/// [`ProfileRefused`](InsertUserError::ProfileRefused).
///
/// For dates and UUIDs, use the driver's own types, or the `serde_helpers` of `mongodb::bson`.
pub struct MongoUserStore<Id = Uuid, P = ()> {
    inner: Arc<Inner<Id, P>>,
}

struct Inner<Id, P> {
    users: Collection<RawDocumentBuf>,
    profile: ProfileFields<P>,
    make_id: Arc<dyn Fn() -> Option<Id> + Send + Sync>,
    calls: Calls,
    email_index: String,
}

impl<Id: DocumentId, P: Profile> MongoUserStore<Id, P> {
    /// Creates the unique index on `normalized_email` if it is missing.
    ///
    /// # Security
    /// Call it before the first registration. Without the index, two users can have the same e-mail.
    ///
    /// # Errors
    /// [`StoreError`] if the server does not answer within a minute, if the collection has a collation, or if existing users
    /// share an e-mail.
    pub async fn create_indexes(&self) -> Result<(), StoreError> {
        let Inner {
            users, email_index, ..
        } = &*self.inner;
        index::check_collation(users).await?;
        index::create(users, email_index, doc! { "normalized_email": 1 }, true).await
    }
}

impl<Id: DocumentId, P: Profile> Inner<Id, P> {
    async fn find(&self, filter: Document) -> Result<Option<User<Id, P>>, StoreError> {
        let found = self.users.find_one(filter).await.map_err(failed)?;
        found
            .map(|document| document::user(&document, self.profile))
            .transpose()
    }

    async fn is_any(&self, filter: Document) -> Result<bool, StoreError> {
        let found = self.users.find_one(filter).projection(doc! { "_id": 1 }).await;
        Ok(found.map_err(failed)?.is_some())
    }

    /// The value of `user` that another user already has, after a unique `index` refused the write.
    async fn taken(&self, user: &User<Id, P>, index: Duplicate, is_new: bool) -> Result<Taken, StoreError> {
        match index {
            Duplicate::Fields(fields) if fields == ["normalized_email"] => return Ok(Taken::Email),
            Duplicate::Fields(fields) if fields == ["_id"] => return Ok(Taken::Id),
            Duplicate::Fields(_fields) => return Ok(Taken::Profile),
            Duplicate::Unknown => {}
        }
        // The index has decided. This server does not say which one it was, so ask.
        let email = user.email.normalized().as_str();
        let others = doc! { "normalized_email": email, "_id": { "$ne": user.id.to_bson() } };
        Ok(if self.is_any(others).await? {
            Taken::Email
        } else if is_new && self.is_any(doc! { "_id": user.id.to_bson() }).await? {
            Taken::Id
        } else {
            Taken::Profile
        })
    }
}

enum Taken {
    Email,
    Id,
    Profile,
}

#[async_trait]
impl<Id: DocumentId, P: Profile> UserStore<Id, P> for MongoUserStore<Id, P> {
    async fn insert(&self, new: NewUser<Id, P>) -> Result<User<Id, P>, InsertUserError> {
        let _timed = Timer::of(STORE, "users.insert");
        let store = Arc::clone(&self.inner);
        self.inner
            .calls
            .run(async move {
                let id = new.id.clone().or_else(|| (store.make_id)());
                let id = id.ok_or_else(|| StoreError::internal(STORE, "there is no id for the new user"))?;
                let user = new.into_user(id);
                let document = match document::document(&user, store.profile) {
                    Ok(document) => document,
                    Err(ProfileError::Unwritable { field }) => {
                        return Err(InsertUserError::ProfileRefused { field });
                    }
                    Err(error) => return Err(StoreError::internal(STORE, error).into()),
                };
                let Err(error) = store.users.clone_with_type().insert_one(document).await else {
                    return Ok(user);
                };
                let Some(index) = duplicate(&error) else {
                    return Err(match refused_document(&error) {
                        Some(refusal) => InsertUserError::ProfileRefused {
                            field: store.profile.named_in(&refusal),
                        },
                        None => failed(error).into(),
                    });
                };
                match store.taken(&user, index, true).await? {
                    Taken::Email => Err(InsertUserError::EmailTaken),
                    Taken::Id => Err(StoreError::internal(STORE, "the id is taken").into()),
                    Taken::Profile => Err(InsertUserError::ProfileTaken),
                }
            })
            .await
    }

    async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError> {
        let _timed = Timer::of(STORE, "users.find");
        let (store, filter) = (Arc::clone(&self.inner), doc! { "_id": id.to_bson() });
        self.inner
            .calls
            .run(async move { store.find(filter).await })
            .await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError> {
        let _timed = Timer::of(STORE, "users.find_by_email");
        let (store, filter) = (
            Arc::clone(&self.inner),
            doc! { "normalized_email": email.as_str() },
        );
        self.inner
            .calls
            .run(async move { store.find(filter).await })
            .await
    }

    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError> {
        let _timed = Timer::of(STORE, "users.update");
        let (store, user) = (Arc::clone(&self.inner), user.clone());
        self.inner
            .calls
            .run(async move {
                let filter = doc! { "_id": user.id.to_bson(), "revision": user.revision };
                let update = match document::update(&user, store.profile) {
                    Ok(update) => update,
                    Err(ProfileError::Unwritable { field }) => {
                        return Err(UpdateUserError::ProfileRefused { field });
                    }
                    Err(error) => return Err(StoreError::internal(STORE, error).into()),
                };
                let error = match store.users.update_one(filter, update).await {
                    Ok(answer) if answer.matched_count == 0 => return Err(UpdateUserError::Conflict),
                    Ok(_answer) => return Ok(()),
                    Err(error) => error,
                };
                let Some(index) = duplicate(&error) else {
                    return Err(match refused_document(&error) {
                        Some(refusal) => UpdateUserError::ProfileRefused {
                            field: store.profile.named_in(&refusal),
                        },
                        None => failed(error).into(),
                    });
                };
                match store.taken(&user, index, false).await? {
                    Taken::Email => Err(UpdateUserError::EmailTaken),
                    Taken::Id | Taken::Profile => Err(UpdateUserError::ProfileTaken),
                }
            })
            .await
    }

    async fn delete(&self, id: &Id) -> Result<bool, StoreError> {
        let _timed = Timer::of(STORE, "users.delete");
        let (store, filter) = (Arc::clone(&self.inner), doc! { "_id": id.to_bson() });
        self.inner
            .calls
            .run(async move {
                let answer = store.users.delete_one(filter).await.map_err(failed)?;
                Ok(answer.deleted_count > 0)
            })
            .await
    }
}

impl<Id, P> Clone for MongoUserStore<Id, P> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<Id, P> fmt::Debug for MongoUserStore<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoUserStore")
            .field("collection", &self.inner.users.namespace())
            .field("deadline", &self.inner.calls.limit())
            .finish_non_exhaustive()
    }
}
