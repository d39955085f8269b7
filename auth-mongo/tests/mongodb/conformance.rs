//! The stores keep every promise of the suite: with each kind of id, with a profile and without.

use std::{sync::Arc, time::Duration};

use auth_core::{
    Profile,
    conformance::{AccessTokenFixture, SessionFixture, UserFixture},
};
use auth_mongo::{
    DocumentId, MongoAccessTokenStore, MongoSessionStore, MongoUserStore,
    mongodb::{Client, Database, bson},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::database::{TestDatabase, options};

/// No promise of the suite is about time, and 50 insertions under one cap are one after the other.
const PATIENCE: Duration = Duration::from_secs(20);

/// For a call that fails anyway, once the driver has looked for a server.
const SHORT: Duration = Duration::from_millis(100);

struct Users<Id, P> {
    store: Arc<MongoUserStore<Id, P>>,
    profile: fn(u32) -> P,
    database: TestDatabase,
}

async fn users<Id: DocumentId, P: Profile>(profile: fn(u32) -> P) -> Users<Id, P> {
    let database = TestDatabase::new().await;
    let store = user_store(&database.database, PATIENCE);
    store.create_indexes().await.expect("indexes");
    Users {
        store: Arc::new(store),
        profile,
        database,
    }
}

fn user_store<Id: DocumentId, P: Profile>(database: &Database, limit: Duration) -> MongoUserStore<Id, P> {
    let builder = MongoUserStore::builder(database).deadline(limit);
    builder.build().expect("a store")
}

impl<Id: DocumentId, P: Profile + PartialEq> UserFixture for Users<Id, P> {
    type Id = Id;
    type Profile = P;
    type Store = MongoUserStore<Id, P>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.store)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        let database = another_client(&self.database).await;
        Arc::new(user_store(&database, PATIENCE))
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        Some(Arc::new(user_store(&nowhere().await, SHORT)))
    }

    fn profile(&self, n: u32) -> P {
        (self.profile)(n)
    }
}

/// The same database by a client of its own, as another process has.
async fn another_client(test: &TestDatabase) -> Database {
    let client = Client::with_options(options().await).expect("a client");
    client.database(test.database.name())
}

/// A database of a server where nobody listens.
async fn nowhere() -> Database {
    let database = auth_mongo::connect("mongodb://127.0.0.1:1/nothing").await;
    database.expect("a database")
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    first_name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    nickname: Option<String>,
    shelves: Vec<i32>,
    card: Uuid,
    joined: bson::DateTime,
}

fn member(n: u32) -> Member {
    Member {
        first_name: format!("Zoë \" $ {n}"),
        nickname: n.is_multiple_of(2).then(|| format!("nick{n}")),
        shelves: (0..n.cast_signed() % 5).collect(),
        card: Uuid::from_u128(n.into()),
        joined: bson::DateTime::from_millis(n.into()),
    }
}

struct Tokens<Id> {
    store: Arc<MongoAccessTokenStore<Id>>,
    database: TestDatabase,
}

async fn tokens<Id: DocumentId>() -> Tokens<Id> {
    let database = TestDatabase::new().await;
    let store = token_store(&database.database, PATIENCE);
    store.create_indexes().await.expect("indexes");
    Tokens {
        store: Arc::new(store),
        database,
    }
}

fn token_store<Id: DocumentId>(database: &Database, limit: Duration) -> MongoAccessTokenStore<Id> {
    MongoAccessTokenStore::builder(database)
        .deadline(limit)
        .build()
        .expect("a store")
}

impl<Id: DocumentId> AccessTokenFixture for Tokens<Id> {
    type Id = Id;
    type Store = MongoAccessTokenStore<Id>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.store)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        let database = another_client(&self.database).await;
        Arc::new(token_store(&database, PATIENCE))
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        Some(Arc::new(token_store(&nowhere().await, SHORT)))
    }

    async fn user(&self, id: Option<Id>) -> Id {
        id.or_else(Id::generate).expect("an id")
    }
}

struct Sessions<Id> {
    store: Arc<MongoSessionStore<Id>>,
    database: TestDatabase,
}

async fn sessions<Id: DocumentId>() -> Sessions<Id> {
    let database = TestDatabase::new().await;
    let store = session_store(&database.database, PATIENCE);
    store.create_indexes().await.expect("indexes");
    Sessions {
        store: Arc::new(store),
        database,
    }
}

fn session_store<Id: DocumentId>(database: &Database, limit: Duration) -> MongoSessionStore<Id> {
    MongoSessionStore::builder(database)
        .deadline(limit)
        .build()
        .expect("a store")
}

impl<Id: DocumentId> SessionFixture for Sessions<Id> {
    type Id = Id;
    type Store = MongoSessionStore<Id>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.store)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        let database = another_client(&self.database).await;
        Arc::new(session_store(&database, PATIENCE))
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        Some(Arc::new(session_store(&nowhere().await, SHORT)))
    }

    async fn user(&self, id: Option<Id>) -> Id {
        id.or_else(Id::generate).expect("an id")
    }
}

/// Each suite, on ids of one type, with a profile.
mod suite {
    use auth_mongo::ObjectId;

    async fn users() -> super::Users<ObjectId, super::Member> {
        super::users(super::member).await
    }

    async fn tokens() -> super::Tokens<ObjectId> {
        super::tokens().await
    }

    async fn sessions() -> super::Sessions<ObjectId> {
        super::sessions().await
    }

    mod users_with_a_profile {
        auth_core::user_store_conformance!(super::users, #[ignore = "needs MongoDB"]);
    }

    mod list {
        auth_core::list_users_conformance!(super::users, #[ignore = "needs MongoDB"]);
    }

    mod access_tokens {
        auth_core::access_token_store_conformance!(super::tokens, #[ignore = "needs MongoDB"]);
    }

    mod index {
        auth_core::access_token_index_conformance!(super::tokens, #[ignore = "needs MongoDB"]);
    }

    mod rotation {
        auth_core::rotate_tokens_conformance!(super::tokens, #[ignore = "needs MongoDB"]);
    }

    mod purge {
        auth_core::purge_expired_conformance!(super::tokens, #[ignore = "needs MongoDB"]);
    }

    mod data {
        auth_core::session_store_conformance!(super::sessions, #[ignore = "needs MongoDB"]);
    }

    mod purge_of_sessions {
        auth_core::purge_sessions_conformance!(super::sessions, #[ignore = "needs MongoDB"]);
    }
}

/// The promises that depend on the ids, for ids of another type and users without a profile.
macro_rules! ids {
    ($module:ident: $id:ty) => {
        mod $module {
            async fn users() -> super::Users<$id, ()> {
                super::users(|_n| ()).await
            }

            async fn tokens() -> super::Tokens<$id> {
                super::tokens().await
            }

            async fn sessions() -> super::Sessions<$id> {
                super::sessions().await
            }

            mod users_without_a_profile {
                auth_core::user_ids_conformance!(super::users, #[ignore = "needs MongoDB"]);
            }

            mod list {
                auth_core::list_users_conformance!(super::users, #[ignore = "needs MongoDB"]);
            }

            mod access_tokens {
                auth_core::access_token_ids_conformance!(super::tokens, #[ignore = "needs MongoDB"]);
                auth_core::rotate_ids_conformance!(super::tokens, #[ignore = "needs MongoDB"]);
            }

            mod data {
                auth_core::session_ids_conformance!(super::sessions, #[ignore = "needs MongoDB"]);
            }
        }
    };
}

ids!(uuids: uuid::Uuid);
ids!(texts: String);
