//! Every kind of id, of users and of the tokens that refer to them.

use std::{
    fmt,
    num::ParseIntError,
    str::FromStr,
    sync::atomic::{AtomicI64, Ordering},
};

use auth_core::{AccessTokenStore as _, UserId, UserStore as _};
use auth_mongo::{
    DocumentId, MongoAccessTokenStore, MongoUserStore, ObjectId,
    mongodb::bson::{Bson, Document, doc, spec::ElementType},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::database::{TestDatabase, new_token, new_user};

/// An application's own type of id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct ReaderId(i64);

impl fmt::Display for ReaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl FromStr for ReaderId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.trim_start_matches('r').parse().map(Self)
    }
}

impl UserId for ReaderId {
    fn generate() -> Option<Self> {
        Some(Self(next_number()))
    }
}

impl DocumentId for ReaderId {
    fn to_bson(&self) -> Bson {
        Bson::Int64(self.0)
    }

    fn from_bson(value: Bson) -> Option<Self> {
        value.as_i64().map(Self)
    }
}

fn next_number() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

async fn a_user_and_a_token<Id: DocumentId>(make_id: Option<fn() -> Id>, in_bson: ElementType) {
    let database = TestDatabase::new().await;
    let database = &database.database;
    let mut users = MongoUserStore::<Id>::builder(database);
    if let Some(make_id) = make_id {
        users = users.ids(make_id);
    }
    let users = users.build().expect("a store");
    let tokens = MongoAccessTokenStore::<Id>::builder(database)
        .build()
        .expect("a store");
    users.create_indexes().await.expect("indexes");
    tokens.create_indexes().await.expect("indexes");

    let other = users.insert(new_user("ben", ())).await.expect("another user");
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    assert_ne!(user.id, other.id);
    let found = users.find(&user.id).await.expect("an answer").expect("the user");
    assert_eq!((&found.id, &found.email), (&user.id, &user.email));
    assert_eq!(
        user.id.to_string().parse::<Id>().ok().as_ref(),
        Some(&user.id),
        "an id in a path"
    );

    let (key, token) = new_token(&user.id, "a token");
    tokens.insert(&token, None).await.expect("a token");
    assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
    for (collection, field) in [("users", "_id"), ("access_tokens", "user_id")] {
        let documents = database.collection::<Document>(collection);
        let stored = documents
            .find_one(doc! { field: user.id.to_bson() })
            .await
            .expect("an answer");
        let stored = stored.expect("a document");
        assert_eq!(
            stored.get(field).map(Bson::element_type),
            Some(in_bson),
            "{collection}"
        );
    }
    assert_eq!(tokens.delete_all(&other.id).await.expect("an answer"), 0);
    assert_eq!(tokens.delete_all(&user.id).await.expect("an answer"), 1);
    assert!(users.delete(&user.id).await.expect("an answer"));
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_uuid_is_binary_of_the_subtype_for_uuids() {
    a_user_and_a_token::<Uuid>(None, ElementType::Binary).await;
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn an_object_id_is_one() {
    a_user_and_a_token::<ObjectId>(None, ElementType::ObjectId).await;
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_string_is_one() {
    a_user_and_a_token::<String>(None, ElementType::String).await;
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_number_is_the_applications_to_make() {
    a_user_and_a_token::<i64>(Some(next_number), ElementType::Int64).await;
    a_user_and_a_token::<i32>(
        Some(|| next_number().try_into().expect("a small number")),
        ElementType::Int32,
    )
    .await;
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn an_applications_own_type_is_what_it_says() {
    a_user_and_a_token::<ReaderId>(None, ElementType::Int64).await;
}
