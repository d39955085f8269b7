//! The users, page by page.

use std::{num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use auth_core::{ListUsers, Profile, StoreError, User, metrics::Timer};
use mongodb::bson::doc;

use super::{MongoUserStore, document};
use crate::{DocumentId, call::STORE, failure::failed};

#[async_trait]
impl<Id: DocumentId, P: Profile> ListUsers<Id, P> for MongoUserStore<Id, P> {
    async fn list(&self, after: Option<&Id>, limit: NonZeroU32) -> Result<Vec<User<Id, P>>, StoreError> {
        let _timed = Timer::of(STORE, "users.list");
        let store = Arc::clone(&self.inner);
        let filter = after.map_or_else(Default::default, |id| doc! { "_id": { "$gt": id.to_bson() } });
        self.inner
            .calls
            .run(async move {
                let by_id = doc! { "_id": 1 };
                let mut found = store
                    .users
                    .find(filter)
                    .sort(by_id)
                    .limit(limit.get().into())
                    .await
                    .map_err(failed)?;
                let mut users = Vec::new();
                while found.advance().await.map_err(failed)? {
                    users.push(document::user(found.current(), store.profile)?);
                }
                Ok(users)
            })
            .await
    }
}
