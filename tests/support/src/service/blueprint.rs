//! What a service is made of.

use std::{path::Path, sync::Arc, time::Duration};

use actix_web::web::ServiceConfig;
use portcullis::{
    http::CsrfPolicy,
    sql::sqlite::{self, Database, Pool, SqliteAccessTokenStore, SqliteUserStore},
    store::{RotateTokens, UserStore},
    testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
    users::{AfterRegistration, Mailer, PasswordHasher, PasswordPolicy, UserManagerBuilder, Veto},
};

use super::{Refresh, Service, Watch};
use crate::{
    Kind,
    journey::{Case, within_patience},
    roles,
};

/// Where users and tokens live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Memory,
}

/// A service to be built. Everything may be changed.
#[derive(Clone)]
pub struct Blueprint {
    pub store: Store,
    /// Instead of those in `store`.
    pub stores: Option<Stores>,
    pub backends: Vec<Kind>,
    pub verification: bool,
    pub workers: usize,
    pub hasher: PasswordHasher,
    /// Instead of the mailbox.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Instead of the pauses by default, which take most of an hour.
    pub mail_retries: Option<Vec<Duration>>,
    pub veto: Option<Arc<dyn Veto>>,
    pub after_registration: Option<Arc<dyn AfterRegistration>>,
    pub policy: Option<Arc<dyn PasswordPolicy>>,
    pub csrf: CsrfPolicy,
    pub public_url: Option<&'static str>,
    pub body_timeout: Option<Duration>,
    /// Whether JWTs that FastAPI Users issued are taken, which have no epoch.
    pub takes_fastapi_users: bool,
    pub refresh: Refresh,
    /// Whether a user who changes the password stays logged in there.
    pub keeps_log_in: bool,
    /// Of each call to SQLite.
    pub deadline: Duration,
    /// Watches the stores.
    pub watch: Option<Arc<Watch>>,
    /// Routes of the application's own, mounted before those of the library.
    pub own_routes: fn(&mut ServiceConfig),
}

impl Blueprint {
    pub fn of(backends: &[Kind]) -> Self {
        Self {
            store: Store::Sqlite,
            stores: None,
            backends: backends.to_vec(),
            verification: false,
            workers: 1,
            hasher: patient_hasher(),
            mailer: None,
            mail_retries: None,
            veto: None,
            after_registration: None,
            policy: None,
            csrf: CsrfPolicy::same_origin(),
            public_url: None,
            body_timeout: None,
            takes_fastapi_users: false,
            refresh: Refresh::default(),
            keeps_log_in: false,
            deadline: Duration::from_secs(20),
            watch: None,
            own_routes: |_config| {},
        }
    }

    /// Runs `test` against the service.
    pub fn run(self, test: impl AsyncFnOnce(&Service)) {
        run(async {
            let service = Service::start(self).await;
            test(&service).await;
        });
    }

    /// Says `sentence` of the service and the first of its backends.
    pub fn case(mut self, verification: bool, sentence: impl AsyncFnOnce(&Case)) {
        self.verification = verification;
        let kind = self.backends[0];
        self.run(async |service: &Service| {
            let case = Case {
                site: Arc::clone(&service.site),
                kind,
                verification,
            };
            sentence(&case).await;
        });
    }

    pub fn configure(&self, mut users: UserManagerBuilder) -> UserManagerBuilder {
        if let Some(veto) = &self.veto {
            users = users.veto(Arc::clone(veto));
        }
        if let Some(follower) = &self.after_registration {
            users = users.after_registration(Arc::clone(follower));
        }
        if let Some(pauses) = &self.mail_retries {
            users = users.mail_retries(pauses.iter().copied());
        }
        if let Some(policy) = &self.policy {
            users = users.password_policy(Arc::clone(policy));
        }
        users
            .roles(roles())
            .hasher(self.hasher.clone())
            .requires_verification(self.verification)
    }

    pub async fn stores(&self, file: &Path) -> Stores {
        let stores = self.unwatched_stores(file).await;
        match &self.watch {
            Some(watch) => watch.over(stores),
            None => stores,
        }
    }

    async fn unwatched_stores(&self, file: &Path) -> Stores {
        if let Some(stores) = &self.stores {
            return stores.clone();
        }
        if self.store == Store::Memory {
            return Stores {
                users: Arc::new(MemoryUserStore::new()),
                tokens: Arc::new(MemoryAccessTokenStore::new()),
                pool: None,
            };
        }
        let pool = sqlite::connect(&file.display().to_string())
            .await
            .expect("a database");
        sqlite::migrate(&pool).await.expect("tables");
        let database = Database::new(pool.clone())
            .deadline(self.deadline)
            .expect("a deadline");
        Stores {
            users: Arc::new(SqliteUserStore::new(&database)),
            tokens: Arc::new(SqliteAccessTokenStore::new(&database)),
            pool: Some(pool),
        }
    }
}

#[derive(Clone)]
pub struct Stores {
    pub users: Arc<dyn UserStore>,
    pub tokens: Arc<dyn RotateTokens>,
    pub pool: Option<Pool>,
}

/// Runs one test on a runtime of its own.
///
/// # Panics
/// If it does not end in time.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    within_patience(&runtime, "the end of the test", test);
}

/// Tests share the cores: nobody is turned away for waiting long.
fn patient_hasher() -> PasswordHasher {
    PasswordHasher::builder()
        .permits(2)
        .deadline(Duration::from_secs(60))
        .build()
        .expect("a hasher")
}
