//! A database for one test.

use std::{env, thread};

use auth_core::{AccessToken, ClientInfo, NewUser, PublicId, TokenKey, UserId};
use auth_mongo::mongodb::{Client, Database, options::ClientOptions};
use time::OffsetDateTime;
use uuid::Uuid;

/// A database that no other test has; dropped with this.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
}

impl TestDatabase {
    pub(crate) async fn new() -> Self {
        Self::with(options().await)
    }

    pub(crate) fn with(options: ClientOptions) -> Self {
        let client = Client::with_options(options).expect("a client");
        let database = client.database(&format!("test_{}", Uuid::new_v4().simple()));
        Self { database }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.database.name().to_owned();
        // On a runtime and a client of its own: those of the test may be at their end.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let client = Client::with_options(options().await).expect("a client");
                client.database(&name).drop().await.expect("a dropped database");
            });
        });
        if dropping.join().is_err() && !thread::panicking() {
            panic!("the database of the test is still there");
        }
    }
}

pub(crate) fn url() -> String {
    env::var("TEST_MONGODB_URL").expect("TEST_MONGODB_URL names a server")
}

pub(crate) async fn options() -> ClientOptions {
    ClientOptions::parse(url()).await.expect("a URL of MongoDB")
}

pub(crate) fn new_user<Id: UserId, P>(name: &str, profile: P) -> NewUser<Id, P> {
    NewUser {
        id: Id::generate(),
        email: format!("{name}@example.com").parse().expect("an e-mail"),
        password_hash: None,
        is_active: true,
        is_superuser: false,
        is_verified: false,
        created_at: OffsetDateTime::UNIX_EPOCH,
        profile,
    }
}

pub(crate) fn new_token<Id: UserId>(user_id: &Id, text: &str) -> (TokenKey, AccessToken<Id>) {
    let key = TokenKey::of(text);
    let token = AccessToken {
        id: PublicId::generate(),
        digest: key.digest,
        user_id: user_id.clone(),
        epoch: 0,
        created_at: OffsetDateTime::UNIX_EPOCH,
        expires_at: None,
        last_used_at: OffsetDateTime::UNIX_EPOCH,
        client: ClientInfo::default(),
    };
    (key, token)
}
