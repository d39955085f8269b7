//! The stores keep every promise of the suite: with each kind of id, with a profile and without, sharded or not.

use std::{sync::Arc, time::Duration};

use auth_core::{
    Profile,
    conformance::{AccessTokenFixture, UserFixture},
};
use auth_mongo::{DocumentId, MongoAccessTokenStore, MongoUserStore, ObjectId, mongodb::bson};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::database::TestDatabase;

/// No promise of the suite is about time, and 50 insertions under one cap are one after the other.
const PATIENCE: Duration = Duration::from_secs(20);

struct Users<Id, P> {
    store: Arc<MongoUserStore<Id, P>>,
    profile: fn(u32) -> P,
    _database: TestDatabase,
}

async fn users<Id: DocumentId, P: Profile>(profile: fn(u32) -> P) -> Users<Id, P> {
    let database = TestDatabase::new().await;
    let store = MongoUserStore::builder(&database.database)
        .deadline(PATIENCE)
        .build()
        .expect("a store");
    store.create_indexes().await.expect("indexes");
    Users {
        store: Arc::new(store),
        profile,
        _database: database,
    }
}

impl<Id: DocumentId, P: Profile + PartialEq> UserFixture for Users<Id, P> {
    type Id = Id;
    type Profile = P;
    type Store = MongoUserStore<Id, P>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.store)
    }

    fn profile(&self, n: u32) -> P {
        (self.profile)(n)
    }
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
    _database: TestDatabase,
}

async fn tokens<Id: DocumentId>(is_sharded: bool) -> Tokens<Id> {
    let database = TestDatabase::new().await;
    let mut builder = MongoAccessTokenStore::builder(&database.database).deadline(PATIENCE);
    if is_sharded {
        builder = builder.sharded();
    }
    let store = builder.build().expect("a store");
    store.create_indexes().await.expect("indexes");
    Tokens {
        store: Arc::new(store),
        _database: database,
    }
}

impl<Id: DocumentId> AccessTokenFixture for Tokens<Id> {
    type Id = Id;
    type Store = MongoAccessTokenStore<Id>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.store)
    }

    async fn user(&self) -> Id {
        Id::generate().expect("an id")
    }
}

/// Each suite of users.
macro_rules! users {
    ($module:ident, $id:ty, $profile:expr) => {
        mod $module {
            use super::*;

            async fn fixture() -> Users<$id, impl Profile + PartialEq> {
                users($profile).await
            }

            auth_core::user_store_conformance!(fixture, #[ignore = "needs MongoDB"]);
        }
    };
}

/// Each suite of access tokens.
macro_rules! tokens {
    ($module:ident, $id:ty, $is_sharded:expr) => {
        mod $module {
            use super::*;

            async fn fixture() -> Tokens<$id> {
                tokens($is_sharded).await
            }

            auth_core::access_token_store_conformance!(fixture, #[ignore = "needs MongoDB"]);

            mod index {
                auth_core::access_token_index_conformance!(super::fixture, #[ignore = "needs MongoDB"]);
            }

            mod purge {
                auth_core::purge_expired_conformance!(super::fixture, #[ignore = "needs MongoDB"]);
            }
        }
    };
}

users!(users_of_uuid, Uuid, |_n| ());
users!(users_of_object_id_with_a_profile, ObjectId, member);
users!(users_of_string, String, |_n| ());
tokens!(tokens_of_uuid, Uuid, false);
tokens!(tokens_of_object_id, ObjectId, false);
tokens!(tokens_of_string_sharded, String, true);
