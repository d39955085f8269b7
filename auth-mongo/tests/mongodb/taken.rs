//! What is another's: each unique index by its own answer. And what no document holds.

use std::collections::BTreeMap;

use auth_core::{AccessTokenStore as _, InsertTokenError, InsertUserError, UpdateUserError, UserStore as _};
use auth_mongo::{
    MongoAccessTokenStore, MongoUserStore,
    mongodb::{
        IndexModel,
        bson::{Document, doc},
        options::IndexOptions,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::database::{TestDatabase, new_token, new_user};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Card {
    card: i32,
}

/// Users of whom no two have one card.
async fn users(database: &TestDatabase) -> MongoUserStore<Uuid, Card> {
    let users = MongoUserStore::builder(&database.database)
        .build()
        .expect("a store");
    users.create_indexes().await.expect("indexes");
    let unique = IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder()
        .keys(doc! { "card": 1 })
        .options(unique)
        .build();
    let collection = database.database.collection::<Document>("users");
    collection.create_index(index).await.expect("an index");
    users
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn u1_a_value_that_no_document_holds_is_refused_and_nothing_is_written() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Loose {
        number: u64,
        words: BTreeMap<String, i32>,
    }

    let loose = |number, word: &str| Loose {
        number,
        words: BTreeMap::from([(word.to_owned(), 1)]),
    };
    let database = TestDatabase::new().await;
    let users = MongoUserStore::<Uuid, Loose>::builder(&database.database);
    let users = users.build().expect("a store");
    let ada = users
        .insert(new_user("ada", loose(1, "one")))
        .await
        .expect("a user");
    for profile in [loose(u64::MAX, "one"), loose(1, "a\0b")] {
        let inserted = users.insert(new_user("ben", profile.clone())).await;
        assert!(
            matches!(inserted, Err(InsertUserError::ProfileRefused { .. })),
            "{profile:?}: {inserted:?}"
        );
        let mut changed = ada.clone();
        changed.profile = profile;
        let updated = users.update(&changed).await;
        assert!(
            matches!(updated, Err(UpdateUserError::ProfileRefused { .. })),
            "{updated:?}"
        );
    }
    let found = users.find(&ada.id).await.expect("an answer").expect("the user");
    assert_eq!((found.revision, found.profile.number), (0, 1));
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_taken_email_a_taken_field_and_a_taken_id_are_told_apart() {
    let database = TestDatabase::new().await;
    let users = users(&database).await;
    let ada = users
        .insert(new_user("ada", Card { card: 1 }))
        .await
        .expect("a user");
    let ben = users
        .insert(new_user("ben", Card { card: 2 }))
        .await
        .expect("a user");

    let email = users.insert(new_user("ADA", Card { card: 3 })).await;
    assert!(matches!(email, Err(InsertUserError::EmailTaken)), "{email:?}");
    let field = users.insert(new_user("eve", Card { card: 1 })).await;
    assert!(matches!(field, Err(InsertUserError::ProfileTaken)), "{field:?}");
    let mut twin = new_user("eve", Card { card: 3 });
    twin.id = Some(ada.id);
    let id = users.insert(twin).await;
    assert!(matches!(id, Err(InsertUserError::Store(_))), "{id:?}");

    let mut email = ben.clone();
    email.email = ada.email.clone();
    let email = users.update(&email).await;
    assert!(matches!(email, Err(UpdateUserError::EmailTaken)), "{email:?}");
    let mut field = ben.clone();
    field.profile = Card { card: 1 };
    let field = users.update(&field).await;
    assert!(matches!(field, Err(UpdateUserError::ProfileTaken)), "{field:?}");
    users.update(&ben).await.expect("nothing was written before");
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_taken_digest_is_no_taken_public_id() {
    let database = TestDatabase::new().await;
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    tokens.create_indexes().await.expect("indexes");
    let user = Uuid::now_v7();
    let (_, token) = new_token(&user, "a token");
    tokens.insert(&token, None).await.expect("a token");
    let mut same_digest = new_token(&user, "another").1;
    same_digest.digest = token.digest;
    let taken = tokens.insert(&same_digest, None).await;
    assert!(matches!(taken, Err(InsertTokenError::DigestTaken)), "{taken:?}");
    let mut same_id = new_token(&user, "another").1;
    same_id.id = token.id;
    let taken = tokens.insert(&same_id, None).await;
    assert!(matches!(taken, Err(InsertTokenError::Store(_))), "{taken:?}");
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn e4_no_value_stands_in_an_error() {
    let database = TestDatabase::new().await;
    let users = users(&database).await;
    let ada = users
        .insert(new_user("ada", Card { card: 1 }))
        .await
        .expect("a user");
    let mut twin = new_user("ben", Card { card: 3 });
    twin.id = Some(ada.id);
    let taken = users.insert(twin).await.expect_err("the id is taken");
    let users_of_number = MongoUserStore::<i64>::builder(&database.database)
        .ids(|| 1)
        .build();
    let users_of_number = users_of_number.expect("a store");
    let email = ada.email.normalized();
    let unreadable = users_of_number
        .find_by_email(email)
        .await
        .expect_err("the id is none");
    for error in [
        format!("{taken} {taken:?}"),
        format!("{unreadable} {unreadable:?}"),
        format!("{users:?}"),
    ] {
        for secret in ["ada@", "ben@", &ada.id.to_string(), &ada.id.simple().to_string()] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}
