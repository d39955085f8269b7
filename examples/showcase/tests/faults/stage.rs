//! A store of a test's own behind a proxy, and the program on it.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
};

use tokio::sync::RwLockReadGuard;

use portcullis_support::{Fault, Proxy};

use crate::{
    database::{Database, Kind},
    process::Showcase,
    server::{local, redis::Redis},
    site::Site,
};

/// The store that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Database(Kind),
    /// With the users in SQLite.
    Redis,
}

/// All but the program.
pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    pub(crate) place: Place,
    pub(crate) environment: Vec<(String, String)>,
    _undisturbed: Option<RwLockReadGuard<'static, ()>>,
}

/// Where the store really is.
pub(crate) enum Place {
    Database(Database),
    Redis(Redis),
}

impl Store {
    /// The names of its backends.
    pub(crate) fn backends(self) -> [&'static str; 2] {
        [self.bearer(), self.cookie()]
    }

    pub(crate) fn bearer(self) -> &'static str {
        match self {
            Self::Database(_) => "db",
            Self::Redis => "redis",
        }
    }

    pub(crate) fn cookie(self) -> &'static str {
        match self {
            Self::Database(_) => "cookie",
            Self::Redis => "redis-cookie",
        }
    }

    /// Whether the users are in it, too.
    pub(crate) fn has_users(self) -> bool {
        matches!(self, Self::Database(_))
    }
}

impl Stage {
    /// An empty store, on a server that runs all the while.
    pub(crate) async fn start(store: Store) -> Self {
        let undisturbed = match store {
            Store::Database(kind) => Some(kind.lock().read().await),
            Store::Redis => None,
        };
        Self {
            _undisturbed: undisturbed,
            ..Self::disturbed(store).await
        }
    }

    /// An empty store, on a server that this test stops, or whoever holds its lock.
    pub(crate) async fn disturbed(store: Store) -> Self {
        let (place, proxy, variable, url) = match store {
            Store::Database(kind) => {
                let database = Database::create(kind).await;
                let proxy = Proxy::to(database.address()).await;
                let url = database.url_at(proxy.port());
                (Place::Database(database), proxy, "DATABASE_URL", url)
            }
            Store::Redis => {
                let redis = Redis::start().await;
                let proxy = Proxy::to(local(redis.port)).await;
                let url = format!("redis://127.0.0.1:{}", proxy.port());
                (Place::Redis(redis), proxy, "REDIS_URL", url)
            }
        };
        Self {
            proxy,
            place,
            environment: vec![(variable.to_owned(), url)],
            _undisturbed: None,
        }
    }

    /// The program, which lives; it may not be ready.
    pub(crate) async fn showcase(&self) -> Showcase {
        start(&self.environment).await
    }

    /// The program, ready.
    pub(crate) async fn ready(&self) -> (Showcase, Site) {
        let showcase = self.showcase().await;
        showcase.until_ready().await;
        let site = Site::new(&showcase);
        (showcase, site)
    }

    /// The e-mail of every user, where the store has them.
    pub(crate) async fn emails(&self) -> Option<Vec<String>> {
        match &self.place {
            Place::Database(database) => Some(database.emails().await),
            Place::Redis(_) => None,
        }
    }

    /// How many access tokens the store has.
    pub(crate) async fn tokens(&self) -> usize {
        match &self.place {
            Place::Database(database) => database.tokens().await,
            Place::Redis(redis) => redis.tokens().await,
        }
    }

    /// The stage with the network already at fault.
    pub(crate) async fn with(store: Store, fault: Fault) -> Self {
        let stage = Self::start(store).await;
        stage.proxy.set(fault).await;
        stage
    }
}

/// The program with these variables beside those that all tests set.
pub(crate) async fn start(environment: &[(String, String)]) -> Showcase {
    let usual = [
        ("AUTH_SECRET", "a secret that outlives the process, for tests"),
        // The longest, as a machine may be busy. A client that was told to come again comes within it.
        ("REFRESH_GRACE", "60"),
        // Tracked JWTs are replaced as often as can be.
        ("ROTATE_AFTER", "0"),
        ("WORKERS", "2"),
    ];
    let own = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Showcase::start(&usual.into_iter().chain(own).collect::<Vec<_>>()).await
}

/// A name that no other test has.
pub(crate) fn random_name(prefix: &str) -> String {
    format!("{prefix}{:016x}", RandomState::new().build_hasher().finish())
}
