use std::{marker::PhantomData, sync::Arc, time::Duration};

use auth_core::ConfigError;
use mongodb::Database;

use super::{Inner, MongoAccessTokenStore, cap::Turns};
use crate::{DocumentId, call::Calls, settings::Settings};

/// Makes a [`MongoAccessTokenStore`].
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
}

impl<Id: DocumentId> MongoAccessTokenStore<Id> {
    /// Tokens in the collection `access_tokens` of `database`, unless the builder is told otherwise.
    #[must_use]
    pub fn builder(database: &Database) -> MongoAccessTokenStoreBuilder<Id> {
        MongoAccessTokenStoreBuilder {
            settings: Settings::new(database, "access_tokens"),
            indexes: IndexNames {
                digest: "digest_1".to_owned(),
                user: "user_id_1_place_1".to_owned(),
                expiry: "expires_at_1".to_owned(),
            },
            id: PhantomData,
        }
    }
}

impl<Id: DocumentId> MongoAccessTokenStoreBuilder<Id> {
    /// Keeps the tokens in the collection `name`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.settings.collection = name.into();
        self
    }

    /// Calls the unique index on the digest `name`, in place of `digest_1`.
    #[must_use]
    pub fn digest_index(mut self, name: impl Into<String>) -> Self {
        self.indexes.digest = name.into();
        self
    }

    /// Calls the unique index on the user and the token's place `name`, in place of `user_id_1_place_1`.
    #[must_use]
    pub fn user_index(mut self, name: impl Into<String>) -> Self {
        self.indexes.user = name.into();
        self
    }

    /// Calls the index that lets the server remove expired tokens `name`, in place of `expires_at_1`.
    #[must_use]
    pub fn expiry_index(mut self, name: impl Into<String>) -> Self {
        self.indexes.expiry = name.into();
        self
    }

    /// Gives each call `limit`, in place of 2 seconds.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = limit;
        self
    }

    /// The store. It asks nothing of the server yet.
    ///
    /// # Errors
    /// [`ConfigError`] naming `deadline` if that is zero, and `collection` if that is no name of one.
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
