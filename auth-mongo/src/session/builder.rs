use std::{marker::PhantomData, sync::Arc, time::Duration};

use auth_core::ConfigError;
use mongodb::Database;

use super::{Inner, MongoSessionStore};
use crate::{DocumentId, call::Calls, settings::Settings};

/// Builds a [`MongoSessionStore`].
#[derive(Debug)]
pub struct MongoSessionStoreBuilder<Id> {
    settings: Settings,
    id: PhantomData<fn() -> Id>,
}

impl<Id: DocumentId> MongoSessionStore<Id> {
    /// A builder for a store in `database`, by default in the collection `sessions`.
    #[must_use]
    pub fn builder(database: &Database) -> MongoSessionStoreBuilder<Id> {
        MongoSessionStoreBuilder {
            settings: Settings::new(database, "sessions"),
            id: PhantomData,
        }
    }
}

impl<Id: DocumentId> MongoSessionStoreBuilder<Id> {
    /// Stores the sessions in the collection `name`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.settings.collection = name.into();
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
    pub fn build(self) -> Result<MongoSessionStore<Id>, ConfigError> {
        let inner = Inner {
            sessions: self.settings.open()?,
            calls: Calls::within(self.settings.deadline),
        };
        Ok(MongoSessionStore {
            inner: Arc::new(inner),
            id: PhantomData,
        })
    }
}
