use std::{marker::PhantomData, sync::Arc, time::Duration};

use auth_core::{ConfigError, Profile};
use mongodb::Database;

use super::{Inner, MongoUserStore};
use crate::{DocumentId, call::Calls, profile::ProfileFields, settings::Settings};

/// Builds a [`MongoUserStore`].
pub struct MongoUserStoreBuilder<Id, P> {
    settings: Settings,
    email_index: String,
    make_id: Option<Arc<dyn Fn() -> Option<Id> + Send + Sync>>,
    profile: PhantomData<fn() -> P>,
}

impl<Id: DocumentId, P: Profile> MongoUserStore<Id, P> {
    /// A builder for a store in `database`, by default in the collection `users`.
    #[must_use]
    pub fn builder(database: &Database) -> MongoUserStoreBuilder<Id, P> {
        MongoUserStoreBuilder {
            settings: Settings::new(database, "users"),
            email_index: "normalized_email_1".to_owned(),
            make_id: None,
            profile: PhantomData,
        }
    }
}

impl<Id: DocumentId, P: Profile> MongoUserStoreBuilder<Id, P> {
    /// Stores the users in the collection `name`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.settings.collection = name.into();
        self
    }

    /// Sets the name of the unique index on the normalised e-mail. The default is `normalized_email_1`.
    #[must_use]
    pub fn email_index(mut self, name: impl Into<String>) -> Self {
        self.email_index = name.into();
        self
    }

    /// Sets the deadline of each call. The default is 2 seconds.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = limit;
        self
    }

    /// Sets the function that makes the id of a new user. Integer ids need it, because MongoDB does not make them.
    ///
    /// # Security
    /// `make` must never return an id twice, not even that of a deleted user: a JWT of the deleted user would be the
    /// new user's.
    #[must_use]
    pub fn ids(mut self, make: impl Fn() -> Id + Send + Sync + 'static) -> Self {
        self.make_id = Some(Arc::new(move || Some(make())));
        self
    }

    /// Builds the store, without asking the server.
    ///
    /// # Errors
    /// [`ConfigError`] that names
    ///
    /// - `deadline` if it is zero;
    /// - `collection` if it is not a valid name;
    /// - `ids` if ids of this type need a function that makes them;
    /// - `profile` if Serde does not know the names of its fields, if one of them is a field that every user has, or if
    ///   one is read and never written (`skip_serializing` keeps a field out of the document).
    pub fn build(self) -> Result<MongoUserStore<Id, P>, ConfigError> {
        let users = self.settings.open()?;
        let make_id = match self.make_id {
            Some(make) => make,
            None if Id::generate().is_some() => Arc::new(Id::generate),
            None => {
                let problem =
                    "are needed: MongoDB makes no ids of this type. Call `ids` with a function that does";
                return Err(ConfigError::new("ids", problem));
            }
        };
        let inner = Inner {
            users,
            profile: ProfileFields::new()?,
            make_id,
            calls: Calls::within(self.settings.deadline),
            email_index: self.email_index,
        };
        Ok(MongoUserStore {
            inner: Arc::new(inner),
        })
    }
}
