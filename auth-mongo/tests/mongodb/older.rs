//! A collection that was written before tokens named their backend.

use auth_core::{AccessToken, AccessTokenStore as _, Advance, RotateTokens as _, TokenKind, TokenLookup};
use auth_mongo::{
    MongoAccessTokenStore,
    mongodb::{
        IndexModel,
        bson::{self, Binary, Bson, DateTime, Document, doc, spec::BinarySubtype},
        options::IndexOptions,
    },
};
use time::Duration;
use uuid::Uuid;

use super::{
    cap::{THREE, seconds, token},
    database::{TestDatabase, new_token},
};

/// The document that `token` was then.
fn document(token: &AccessToken<Uuid>, place: impl Into<Bson>) -> Document {
    let binary = |subtype, bytes: &[u8]| {
        Bson::Binary(Binary {
            subtype,
            bytes: bytes.to_vec(),
        })
    };
    let at = DateTime::from_millis(token.created_at.unix_timestamp() * 1000);
    doc! {
        "digest": binary(BinarySubtype::Generic, token.digest.as_bytes()),
        "user_id": binary(BinarySubtype::Uuid, token.user_id.as_bytes()),
        "id": binary(BinarySubtype::Uuid, token.id.0.as_bytes()),
        "epoch": token.epoch,
        "created_at": at,
        "last_used_at": at,
        "place": place.into(),
    }
}

/// Three tokens of `user` with the indexes of then: two under a cap, then one without.
async fn collection(database: &TestDatabase, user: &Uuid) -> [(TokenLookup, AccessToken<Uuid>); 3] {
    let documents = database.database.collection::<Document>("access_tokens");
    for (keys, is_unique) in [
        (doc! { "digest": 1 }, true),
        (doc! { "user_id": 1, "place": 1 }, true),
        (doc! { "expires_at": 1 }, false),
    ] {
        let options = IndexOptions::builder().unique(is_unique.then_some(true)).build();
        let index = IndexModel::builder().keys(keys).options(options).build();
        documents.create_index(index).await.expect("an index");
    }
    let tokens = [0, 1, 2].map(|n| {
        let (key, _) = new_token(user, &format!("token {n} of {user}"));
        let mut token = token(user, n);
        token.backend.clear();
        (key, token)
    });
    let public_id = bson::Uuid::from_bytes(*tokens[2].1.id.0.as_bytes());
    let places = [Bson::from(0_i64), 1_i64.into(), public_id.into()];
    for ((_, token), place) in tokens.iter().zip(places) {
        documents
            .insert_one(document(token, place))
            .await
            .expect("a document");
    }
    tokens
}

async fn store(database: &TestDatabase) -> MongoAccessTokenStore<Uuid> {
    let store = MongoAccessTokenStore::builder(&database.database).build();
    let store = store.expect("a store");
    store.create_indexes().await.expect("indexes");
    store
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn older_tokens_are_found_used_and_advanced() {
    let database = TestDatabase::new().await;
    let user = Uuid::now_v7();
    let [(key, older), ..] = collection(&database, &user).await;
    let store = store(&database).await;
    assert_eq!(store.find(&key).await.expect("an answer").as_ref(), Some(&older));

    let at = older.created_at + Duration::hours(1);
    store.touch(&key, at, None).await.expect("an answer");
    let step = Advance::new(TokenKind::Access, 0, at);
    let advanced = store.advance(&key, &step).await.expect("an answer");
    let advanced = advanced.expect("the token");
    assert!(advanced.by_this_call && advanced.token.last_used_at == at);
    assert_eq!(advanced.token.access_generation.number, 1);
    assert!(store.delete(&key).await.expect("an answer"));
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn s7_older_tokens_count_for_each_backend_until_newer_ones_replace_them() {
    let database = TestDatabase::new().await;
    let user = Uuid::now_v7();
    collection(&database, &user).await;
    let store = store(&database).await;
    let insert = async |backend: &str, n| {
        let mut token = token(&user, n);
        token.backend = backend.to_owned();
        store.insert(&token, Some(THREE)).await.expect("a token");
        seconds(&store, &user).await
    };
    // The oldest goes.
    assert_eq!(insert("web", 3).await, [3, 2, 1]);
    // The two older ones count here, too, but not the one of the other backend.
    assert_eq!(insert("api", 4).await, [4, 3, 2, 1]);
    assert_eq!(insert("api", 5).await, [5, 4, 3, 2]);
    assert_eq!(insert("api", 6).await, [6, 5, 4, 3]);
    assert_eq!(insert("api", 7).await, [7, 6, 5, 3]);
    assert_eq!(insert("web", 8).await, [8, 7, 6, 5, 3]);

    let documents = database.database.collection::<Document>("access_tokens");
    let places = documents.distinct("place", doc! {}).await.expect("an answer");
    let expected = ["api/0", "api/1", "api/2", "web/0", "web/1"];
    assert_eq!(places, expected.map(Bson::from));
}
