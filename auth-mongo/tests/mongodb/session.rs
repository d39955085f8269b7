//! Sessions with data, beyond what the suite shows.

use auth_core::{
    SessionChange, SessionStore as _, SessionWrite, StoreErrorKind, StoredSession, Subject, TokenLookup,
};
use auth_mongo::{
    MongoSessionStore,
    mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    database::TestDatabase,
    round_trips::{self, Commands},
};

fn at(milliseconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(milliseconds)
}

/// A session of `user`, or of a visitor. It never expires, so that a server with TTL indexes leaves it alone.
fn session(user: Option<Uuid>) -> (TokenLookup, StoredSession<Uuid>) {
    let key = TokenLookup::new(&Uuid::new_v4().to_string());
    let mut session = StoredSession::new(r#"{"items":[]}"#.to_owned(), at(1));
    session.subject = user.map(|user_id| Subject::new(user_id, 1 << 40));
    (key, session)
}

/// A change of the data at the revision.
fn change(revision: impl Into<Option<i64>>) -> SessionChange {
    let mut change = SessionChange::new(at(2), None);
    change.data = Some("[]".to_owned());
    change.revision = revision.into();
    change
}

async fn sessions(database: &TestDatabase) -> MongoSessionStore<Uuid> {
    let sessions = MongoSessionStore::builder(&database.database)
        .build()
        .expect("a store");
    sessions.create_indexes().await.expect("indexes");
    sessions
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_session_stands_in_its_document_for_the_applications_own_queries() {
    let database = TestDatabase::new().await;
    let sessions = sessions(&database).await;
    let documents = database.database.collection::<Document>("sessions");
    let binary = |subtype, bytes: &[u8]| {
        Bson::Binary(Binary {
            subtype,
            bytes: bytes.to_vec(),
        })
    };
    let user = Uuid::now_v7();
    let (key, mut begun) = session(Some(user));
    begun.expires_at = Some(at(253_402_300_799_999));
    begun.absolute_expires_at = begun.expires_at;
    sessions.create(&key, &begun).await.expect("a session");
    let of_user = doc! { "user_id": binary(BinarySubtype::Uuid, user.as_bytes()) };
    let stored = async || {
        let found = documents.find_one(of_user.clone()).await;
        found.expect("an answer").expect("a document")
    };
    let mut expected = doc! {
        "_id": binary(BinarySubtype::Generic, key.digest.as_bytes()),
        "user_id": binary(BinarySubtype::Uuid, user.as_bytes()),
        "epoch": 1_i64 << 40,
        "data": r#"{"items":[]}"#,
        "revision": 0_i64,
        "created_at": DateTime::from_millis(1),
        "last_used_at": DateTime::from_millis(1),
        "expires_at": DateTime::from_millis(253_402_300_799_999),
        "absolute_expires_at": DateTime::from_millis(253_402_300_799_999),
    };
    assert_eq!(stored().await, expected);

    let saved = sessions.save(&key, &change(0)).await;
    assert_eq!(saved.expect("an answer"), SessionWrite::Done);
    expected.insert("data", "[]");
    expected.insert("revision", 1_i64);
    expected.insert("last_used_at", DateTime::from_millis(2));
    expected.remove("expires_at");
    // A server may give the fields of a changed document another order.
    let fields = |document: Document| {
        let mut fields: Vec<_> = document.into_iter().collect();
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        fields
    };
    assert_eq!(fields(stored().await), fields(expected));
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn each_call_costs_one_command_and_another_revision_a_second_one() {
    let commands = Commands::default();
    let database = round_trips::database(&commands).await;
    let sessions = sessions(&database).await;
    let user = Uuid::now_v7();
    let (key, begun) = session(Some(user));
    commands.take();
    sessions.create(&key, &begun).await.expect("a session");
    assert_eq!(commands.names(), ["insert"]);
    for _twice in 0..2 {
        sessions.load(&key).await.expect("an answer");
        assert_eq!(commands.names(), ["find"]);
    }
    use SessionWrite::{Conflict, Done, Gone};
    for (revision, expected, cost) in [
        (Some(0), Done, &["update"][..]),
        (None, Done, &["update"]),
        (Some(0), Conflict, &["update", "find"]),
    ] {
        let saved = sessions.save(&key, &change(revision)).await;
        assert_eq!(saved.expect("an answer"), expected);
        assert_eq!(commands.names(), cost);
    }
    for (revision, expected, cost) in [
        (Some(0), Conflict, &["delete", "find"][..]),
        (Some(2), Done, &["delete"]),
        (None, Gone, &["delete"]),
        (Some(2), Gone, &["delete", "find"]),
    ] {
        let deleted = sessions.delete(&key, revision).await;
        assert_eq!(deleted.expect("an answer"), expected);
        assert_eq!(commands.names(), cost);
    }
    assert_eq!(sessions.save(&key, &change(None)).await.expect("an answer"), Gone);
    assert_eq!(commands.names(), ["update"]);
    sessions.delete_all(&user).await.expect("an answer");
    assert_eq!(commands.names(), ["delete"]);
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_stored_session_that_cannot_be_read_is_a_store_error() {
    let database = TestDatabase::new().await;
    let sessions = sessions(&database).await;
    let documents = database.database.collection::<Document>("sessions");
    let (key, begun) = session(Some(Uuid::now_v7()));
    sessions.create(&key, &begun).await.expect("a session");
    let sound = documents.find_one(doc! {}).await.expect("an answer");
    let sound = sound.expect("a document");
    for damage in [
        doc! { "$set": { "data": 7 } },
        doc! { "$set": { "revision": "secret" } },
        doc! { "$set": { "created_at": DateTime::MAX } },
        doc! { "$set": { "user_id": "secret" } },
        doc! { "$unset": { "user_id": "" } },
        doc! { "$unset": { "epoch": "" } },
    ] {
        let damaged = documents.update_one(doc! {}, damage.clone()).await;
        damaged.expect("damage");
        let error = sessions.load(&key).await.expect_err("cannot be read");
        assert!(
            error.kind() == StoreErrorKind::InvalidData && !format!("{error} {error:?}").contains("secret"),
            "{damage}: {error:?}"
        );
        documents.replace_one(doc! {}, &sound).await.expect("a repair");
    }
    assert_eq!(sessions.load(&key).await.expect("an answer"), Some(begun));
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_session_is_on_a_majority_whatever_the_clients_defaults_are() {
    let commands = Commands::default();
    let database = round_trips::with_other_defaults(&commands).await;
    let sessions = MongoSessionStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    let (key, begun) = session(None);
    commands.take();
    sessions.create(&key, &begun).await.expect("a session");
    sessions.load(&key).await.expect("an answer");
    sessions.save(&key, &change(7)).await.expect("a conflict");
    sessions.delete(&key, None).await.expect("an answer");
    let commands = commands.take();
    assert_eq!(commands.len(), 5, "a conflict looks for the session");
    for command in commands {
        round_trips::assert_majority(&command);
    }
}
