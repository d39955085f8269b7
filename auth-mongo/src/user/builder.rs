use std::{marker::PhantomData, sync::Arc, time::Duration};

use auth_core::{ConfigError, Profile};
use mongodb::Database;

use super::{Inner, MongoUserStore};
use crate::{DocumentId, call::Calls, profile::ProfileFields, settings::Settings};

/// Makes a [`MongoUserStore`].
pub struct MongoUserStoreBuilder<Id, P> {
    settings: Settings,
    email_index: String,
    make_id: Option<Arc<dyn Fn() -> Option<Id> + Send + Sync>>,
    profile: PhantomData<fn() -> P>,
}

impl<Id: DocumentId, P: Profile> MongoUserStore<Id, P> {
    /// Users in the collection `users` of `database`, unless the builder is told otherwise.
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
    /// Keeps the users in the collection `name`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.settings.collection = name.into();
        self
    }

    /// Calls the unique index on the normalised e-mail `name`, in place of `normalized_email_1`.
    #[must_use]
    pub fn email_index(mut self, name: impl Into<String>) -> Self {
        self.email_index = name.into();
        self
    }

    /// Gives each call `limit`, in place of 2 seconds.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = limit;
        self
    }

    /// Takes the id of a new user that has none from `make`, as MongoDB makes no numbers. It must never give one twice,
    /// that of a deleted user included.
    #[must_use]
    pub fn ids(mut self, make: impl Fn() -> Id + Send + Sync + 'static) -> Self {
        self.make_id = Some(Arc::new(move || Some(make())));
        self
    }

    /// The store. It asks nothing of the server yet.
    ///
    /// # Errors
    /// [`ConfigError`] naming `deadline` if that is zero, `collection` if that is no name of one, `ids` if nobody makes
    /// ids of this type, and `profile` if Serde does not know the names of its fields, if one is a field that every
    /// user has, or if one is read and never written: `skip_serializing` keeps a field out of the document.
    pub fn build(self) -> Result<MongoUserStore<Id, P>, ConfigError> {
        let users = self.settings.open()?;
        let make_id = match self.make_id {
            Some(make) => make,
            None if Id::generate().is_some() => Arc::new(Id::generate),
            None => {
                let problem =
                    "are made by nobody: MongoDB makes no ids of this type, `ids` names a function that does";
                return Err(ConfigError::new("ids", problem));
            }
        };
        let inner = Inner {
            users,
            profile: ProfileFields::of()?,
            make_id,
            calls: Calls::within(self.settings.deadline),
            email_index: self.email_index,
        };
        Ok(MongoUserStore {
            inner: Arc::new(inner),
        })
    }
}
