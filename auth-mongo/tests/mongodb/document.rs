//! The form of the documents, on which an application's own queries rely.

use auth_core::{
    AccessTokenStore as _, Advance, Cap, PasswordHash, RotateTokens as _, StoreErrorKind, TokenKind,
    UserStore as _,
};
use auth_mongo::{
    MongoAccessTokenStore, MongoUserStore,
    mongodb::bson::{self, Bson, DateTime, Document, doc, spec::BinarySubtype},
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::database::{TestDatabase, new_token, new_user};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    first_name: String,
    shelf: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
    #[serde(default)]
    birthday: Option<DateTime>,
}

fn profile(first_name: &str, shelf: i32) -> Profile {
    Profile {
        first_name: first_name.to_owned(),
        shelf,
        nickname: Some(format!("{first_name}chen")),
        birthday: None,
    }
}

async fn users(database: &TestDatabase) -> MongoUserStore<Uuid, Profile> {
    let users = MongoUserStore::builder(&database.database)
        .collection("members")
        .build();
    let users = users.expect("a store");
    users.create_indexes().await.expect("indexes");
    users
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn the_fields_of_a_profile_stand_flat_in_the_document_of_a_user() {
    let database = TestDatabase::new().await;
    let users = users(&database).await;
    let mut new = new_user("Ada", profile("Ada", 3));
    new.password_hash = Some(PasswordHash::new("a hash"));
    new.created_at += Duration::milliseconds(7);
    let ada = users.insert(new).await.expect("a user");

    let members = database.database.collection::<Document>("members");
    let stored = members.find_one(doc! { "shelf": 3 }).await.expect("an answer");
    let id = bson::Uuid::from_bytes(*ada.id.as_bytes());
    assert_eq!(
        stored.expect("a document"),
        doc! {
            "_id": id,
            "email": "Ada@example.com",
            "normalized_email": "ada@example.com",
            "password_hash": "a hash",
            "is_active": true,
            "is_superuser": false,
            "is_verified": false,
            "roles": [],
            "security_epoch": 0_i64,
            "updated_at": DateTime::from_millis(7),
            "revision": 0_i64,
            "created_at": DateTime::from_millis(7),
            "first_name": "Ada",
            "shelf": 3,
            "nickname": "Adachen",
            "birthday": Bson::Null,
        }
    );
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn an_application_queries_a_field_of_its_profile_and_reads_it_typed() {
    let database = TestDatabase::new().await;
    let users = users(&database).await;
    for (name, shelf) in [("Ada", 3), ("Ben", 4), ("Eve", 5)] {
        users
            .insert(new_user(name, profile(name, shelf)))
            .await
            .expect("a user");
    }
    let members = database.database.collection::<Profile>("members");
    let found = members
        .find(doc! { "shelf": { "$gte": 4 } })
        .sort(doc! { "shelf": -1 });
    let mut found = found.await.expect("an answer");
    let mut names = Vec::new();
    while found.advance().await.expect("an answer") {
        names.push(found.deserialize_current().expect("a profile").first_name);
    }
    assert_eq!(names, ["Eve", "Ben"]);
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn an_update_removes_what_the_profile_leaves_out_and_no_field_of_others() {
    let database = TestDatabase::new().await;
    let users = users(&database).await;
    let ada = users
        .insert(new_user("ada", profile("Ada", 3)))
        .await
        .expect("a user");
    let members = database.database.collection::<Document>("members");
    let noted = doc! { "$set": { "note": "of another service" } };
    members.update_one(doc! {}, noted).await.expect("a note");

    let without = Profile {
        nickname: None,
        ..ada.profile.clone()
    };
    let mut changed = ada.clone();
    changed.profile = without.clone();
    users.update(&changed).await.expect("an update");
    let stored = members
        .find_one(doc! {})
        .await
        .expect("an answer")
        .expect("a document");
    assert_eq!(stored.get("nickname"), None);
    assert_eq!(stored.get_str("note").ok(), Some("of another service"));
    let found = users.find(&ada.id).await.expect("an answer").expect("the user");
    assert_eq!(found.profile, without);
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_token_stands_as_its_digest_with_what_a_list_shows() {
    let database = TestDatabase::new().await;
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .collection("sessions")
        .build()
        .expect("a store");
    tokens.create_indexes().await.expect("indexes");
    let user = Uuid::now_v7();
    let (key, bare) = new_token(&user, "a token");
    let at = |milliseconds| OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(milliseconds);
    let mut token = bare;
    token.backend = "web".to_owned();
    token.epoch = 1 << 40;
    token.expires_at = Some(at(253_402_300_799_999));
    token.last_used_at = at(2);
    token.actor = Some("7".to_owned());
    token.client.user_agent = Some("Lynx".to_owned());
    tokens
        .insert(&token, std::num::NonZeroU32::new(3).map(Cap::new))
        .await
        .expect("a token");

    let sessions = database.database.collection::<Document>("sessions");
    let stored = async || {
        let found = sessions.find_one(doc! {}).await.expect("an answer");
        let mut stored = found.expect("a document");
        assert!(matches!(stored.remove("_id"), Some(Bson::ObjectId(_))));
        stored
    };
    let binary = |subtype, bytes: &[u8]| {
        Bson::Binary(bson::Binary {
            subtype,
            bytes: bytes.to_vec(),
        })
    };
    let mut expected = doc! {
        "digest": binary(BinarySubtype::Generic, token.digest.as_bytes()),
        "user_id": binary(BinarySubtype::Uuid, user.as_bytes()),
        "id": binary(BinarySubtype::Uuid, token.id.0.as_bytes()),
        "epoch": 1_i64 << 40,
        "created_at": DateTime::from_millis(0),
        "last_used_at": DateTime::from_millis(2),
        "backend": "web",
        "expires_at": DateTime::from_millis(253_402_300_799_999),
        "actor": "7",
        "user_agent": "Lynx",
        "place": "web/0",
    };
    assert_eq!(stored().await, expected);

    let step = Advance::new(TokenKind::Refresh, 0, at(3));
    tokens.advance(&key, &step).await.expect("an answer");
    expected.insert("last_used_at", DateTime::from_millis(3));
    expected.insert("refresh_generation", 1_i64);
    expected.insert("refresh_rotated_at", DateTime::from_millis(3));
    assert_eq!(stored().await, expected);
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_stored_value_that_cannot_be_read_is_a_store_error() {
    let database = TestDatabase::new().await;
    let users = users(&database).await;
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    let ada = users
        .insert(new_user("ada", profile("Ada", 3)))
        .await
        .expect("a user");
    let (key, token) = new_token(&ada.id, "a token");
    tokens.insert(&token, None).await.expect("a token");

    let members = database.database.collection::<Document>("members");
    let sessions = database.database.collection::<Document>("access_tokens");
    let sound = members
        .find_one(doc! {})
        .await
        .expect("an answer")
        .expect("a document");
    for damage in [
        doc! { "created_at": DateTime::MAX },
        doc! { "revision": "secret" },
        doc! { "password_hash": 7 },
        doc! { "roles": "secret" },
        doc! { "roles": ["a secret"] },
        doc! { "roles": Bson::Null },
        doc! { "shelf": "secret" },
    ] {
        members
            .update_one(doc! {}, doc! { "$set": &damage })
            .await
            .expect("damage");
        let error = users.find(&ada.id).await.expect_err("cannot be read");
        assert!(
            error.kind() == StoreErrorKind::InvalidData && !format!("{error} {error:?}").contains("secret"),
            "{error:?}"
        );
        members.replace_one(doc! {}, &sound).await.expect("a repair");
    }
    let older = doc! { "$unset": { "roles": "" } };
    members
        .update_one(doc! {}, older)
        .await
        .expect("an older document");
    let found = users.find(&ada.id).await.expect("an answer").expect("the user");
    assert!(found.roles.is_empty(), "who had no roles has none");

    let sound = sessions
        .find_one(doc! {})
        .await
        .expect("an answer")
        .expect("a document");
    for damage in [
        doc! { "expires_at": DateTime::MIN },
        doc! { "absolute_expires_at": "secret" },
        doc! { "refresh_generation": "secret" },
        doc! { "backend": 7 },
        doc! { "user_id": "secret" },
        doc! { "id": "secret" },
        doc! { "epoch": 1.5 },
        doc! { "user_agent": 7 },
    ] {
        sessions
            .update_one(doc! {}, doc! { "$set": &damage })
            .await
            .expect("damage");
        let error = tokens.find(&key).await.expect_err("cannot be read");
        assert!(
            error.kind() == StoreErrorKind::InvalidData && !format!("{error} {error:?}").contains("secret"),
            "{error:?}"
        );
        sessions.replace_one(doc! {}, &sound).await.expect("a repair");
    }
    assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
}
