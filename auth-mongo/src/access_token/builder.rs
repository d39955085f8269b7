use std::{marker::PhantomData, sync::Arc, time::Duration};

use auth_core::ConfigError;
use mongodb::Database;

use super::{Inner, MongoAccessTokenStore, cap::Turns};
use crate::{DocumentId, call::Calls, settings::Settings};

/// Builds a [`MongoAccessTokenStore`].
#[derive(Debug)]
pub struct MongoAccessTokenStoreBuilder<Id> {
    settings: Settings,
    indexes: IndexNames,
    id: PhantomData<fn() -> Id>,
}

#[derive(Debug)]
pub(super) struct IndexNames {
    pub(super) digest: String,
    pub(super) user: String,
    pub(super) expiry: String,
    pub(super) absolute_expiry: String,
}

impl<Id: DocumentId> MongoAccessTokenStore<Id> {
    /// A builder for a store in `database`, by default in the collection `access_tokens`.
    #[must_use]
    pub fn builder(database: &Database) -> MongoAccessTokenStoreBuilder<Id> {
        MongoAccessTokenStoreBuilder {
            settings: Settings::new(database, "access_tokens"),
            indexes: IndexNames {
                digest: "digest_1".to_owned(),
                user: "user_id_1_place_1".to_owned(),
                expiry: "expires_at_1".to_owned(),
                absolute_expiry: "absolute_expires_at_1".to_owned(),
            },
            id: PhantomData,
        }
    }
}

impl<Id: DocumentId> MongoAccessTokenStoreBuilder<Id> {
    /// Stores the tokens in the collection `name`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.settings.collection = name.into();
        self
    }

    /// Sets the name of the unique index on the digest. The default is `digest_1`.
    #[must_use]
    pub fn digest_index(mut self, name: impl Into<String>) -> Self {
        self.indexes.digest = name.into();
        self
    }

    /// Sets the name of the unique index on the user and the token's place. The default is `user_id_1_place_1`.
    #[must_use]
    pub fn user_index(mut self, name: impl Into<String>) -> Self {
        self.indexes.user = name.into();
        self
    }

    /// Sets the name of the TTL index on the expiry. The default is `expires_at_1`.
    #[must_use]
    pub fn expiry_index(mut self, name: impl Into<String>) -> Self {
        self.indexes.expiry = name.into();
        self
    }

    /// Sets the name of the TTL index on the absolute expiry. The default is `absolute_expires_at_1`.
    #[must_use]
    pub fn absolute_expiry_index(mut self, name: impl Into<String>) -> Self {
        self.indexes.absolute_expiry = name.into();
        self
    }

    /// Sets the deadline of each call. The default is 2 seconds.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = limit;
        self
    }

    /// Builds the store, without asking the server.
    ///
    /// # Errors
    /// [`ConfigError`] naming `deadline` if it is zero, and `collection` if it is not a valid name.
    pub fn build(self) -> Result<MongoAccessTokenStore<Id>, ConfigError> {
        let inner = Inner {
            tokens: self.settings.open()?,
            calls: Calls::within(self.settings.deadline),
            indexes: self.indexes,
            turns: Turns::default(),
        };
        Ok(MongoAccessTokenStore {
            inner: Arc::new(inner),
            id: PhantomData,
        })
    }
}
