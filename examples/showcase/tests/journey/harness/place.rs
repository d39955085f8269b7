//! What a process is started with.

use super::redis;

/// Where the process keeps what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) store: Store,
    pub(crate) redis: Redis,
}

/// The database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
    MariaDb,
    MongoDb,
}

/// Redis beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redis {
    Without,
    Single,
    Cluster,
    Sentinel,
}

impl Redis {
    /// Its URL. The tests share it: the names of their keys are random.
    ///
    /// # Panics
    /// If the environment does not name it.
    pub(crate) fn url(self) -> Option<String> {
        let variable = match self {
            Self::Without => return None,
            Self::Single => "TEST_REDIS_URL",
            Self::Cluster => "TEST_REDIS_CLUSTER_URL",
            Self::Sentinel => "TEST_REDIS_SENTINEL_URL",
        };
        Some(required(variable))
    }

    /// Everything in a single one.
    pub(crate) async fn dump(self) -> Option<Vec<u8>> {
        Some(redis::dump(&self.url()?).await)
    }
}

/// What the environment says of a server that a test needs.
pub(crate) fn required(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|problem| panic!("{variable}: {problem}"))
}
