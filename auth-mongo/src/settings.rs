//! The settings that the stores share: the collection with its guarantees, and the deadline.

use std::time::Duration;

use auth_core::{ConfigError, DEFAULT_DEADLINE, checked_deadline};
use mongodb::{
    Collection, Database,
    options::{
        Acknowledgment, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
    },
};

/// The settings of a builder.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) database: Database,
    pub(crate) collection: String,
    pub(crate) deadline: Duration,
}

impl Settings {
    pub(crate) fn new(database: &Database, collection: &str) -> Self {
        Self {
            database: database.clone(),
            collection: collection.to_owned(),
            deadline: DEFAULT_DEADLINE,
        }
    }

    /// The collection, with its own guarantees instead of the client's defaults: a write is confirmed once a majority of the
    /// replica set has it, so that no failover undoes it, and a read asks the primary for data that a majority has.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting that cannot be used.
    pub(crate) fn open<T: Send + Sync>(&self) -> Result<Collection<T>, ConfigError> {
        checked_deadline(self.deadline)?;
        let name = &self.collection;
        if name.is_empty() || name.starts_with("system.") || name.contains(['$', '\0']) {
            let problem = format_args!("{name:?} is not a valid name of a collection");
            return Err(ConfigError::new("collection", problem));
        }
        let options = CollectionOptions::builder()
            .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).build())
            .read_concern(ReadConcern::majority())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        Ok(self.database.collection_with_options(name, options))
    }
}
