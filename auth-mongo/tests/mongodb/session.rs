//! Sessions with data, beyond what the suite shows.

use std::time::Instant;

use auth_core::{
    InsertTokenError, Predecessor, SessionChange, SessionStore as _, SessionWrite, StoreErrorKind,
    StoredSession, Subject, TokenLookup,
};
use auth_mongo::{
    MongoSessionStore, connect,
    mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype},
};
use portcullis_support::{Fault, Proxy};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    database::{TestDatabase, options},
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
    sessions.create(&key, &begun, None).await.expect("a session");
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
    sessions.create(&key, &begun, None).await.expect("a session");
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
    sessions.create(&key, &begun, None).await.expect("a session");
    let ((new_key, new), predecessor) = (session(Some(user)), Predecessor::new(key, Some(0)));
    commands.take();
    let replaced = sessions.create(&new_key, &new, Some(&predecessor)).await;
    assert_eq!(replaced.expect("an answer"), Done);
    assert_eq!(commands.names(), ["insert", "update"]);
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn nothing_is_left_of_a_replaced_session_but_what_took_its_place() {
    let database = TestDatabase::new().await;
    let sessions = sessions(&database).await;
    let documents = database.database.collection::<Document>("sessions");
    let ((old, begun), (key, new)) = (session(Some(Uuid::now_v7())), session(None));
    sessions.create(&old, &begun, None).await.expect("a session");
    let predecessor = Predecessor::new(old, None);
    let replaced = sessions.create(&key, &new, Some(&predecessor)).await;
    assert_eq!(replaced.expect("an answer"), SessionWrite::Done);
    let binary = |key: &TokenLookup| Binary {
        subtype: BinarySubtype::Generic,
        bytes: key.digest.as_bytes().to_vec(),
    };
    let note = documents.find_one(doc! { "_id": binary(&old) }).await;
    let mut note = note.expect("an answer").expect("a note");
    let end = note.remove("expires_at").expect("an end");
    let end = end.as_datetime().expect("a date").timestamp_millis();
    assert!(
        (0..=60_000).contains(&(end - DateTime::now().timestamp_millis())),
        "{end}"
    );
    assert_eq!(note, doc! { "_id": binary(&old), "replaced_by": binary(&key) });
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_replacement_whose_reply_is_lost_is_done_when_it_is_made_again() {
    let database = TestDatabase::new().await;
    let sessions = sessions(&database).await;
    let server = options().await.hosts.first().expect("a host").to_string();
    let proxy = Proxy::to(server).await;
    let url = format!("mongodb://{}/{}", proxy.address(), database.database.name());
    let behind = MongoSessionStore::<Uuid>::builder(&connect(&url).await.expect("a database"))
        .deadline(std::time::Duration::from_secs(20))
        .build()
        .expect("a store");
    let ((old, begun), (key, new)) = (session(None), session(Some(Uuid::now_v7())));
    sessions.create(&old, &begun, None).await.expect("a session");
    // From now on there is a connection.
    behind.load(&old).await.expect("an answer");
    let delay = std::time::Duration::from_millis(300);
    proxy.set(Fault::DelayReplies(delay)).await;
    let predecessor = Predecessor::new(old, Some(0));
    let (lost, ()) = tokio::join!(behind.create(&key, &new, Some(&predecessor)), async {
        while sessions.load(&old).await.expect("an answer").is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        proxy.cut().await;
    });
    // A replica set answers a second attempt of the driver as the first. Without one, the call is made until it is answered.
    let (mut answer, start) = (lost, Instant::now());
    while let Err(InsertTokenError::Store(error)) = &answer {
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error}");
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "{error}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = behind.create(&key, &new, Some(&predecessor)).await;
    }
    assert_eq!(answer.expect("an answer"), SessionWrite::Done);
    assert_eq!(sessions.load(&key).await.expect("an answer"), Some(new.clone()));
    // After a log-out it does not come back.
    sessions.delete(&key, None).await.expect("an answer");
    let again = sessions.create(&key, &new, Some(&predecessor)).await;
    assert_eq!(again.expect("an answer"), SessionWrite::Gone);
    assert_eq!(sessions.load(&key).await.expect("an answer"), None);
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_stored_session_that_cannot_be_read_is_a_store_error() {
    let database = TestDatabase::new().await;
    let sessions = sessions(&database).await;
    let documents = database.database.collection::<Document>("sessions");
    let (key, begun) = session(Some(Uuid::now_v7()));
    sessions.create(&key, &begun, None).await.expect("a session");
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
    sessions.create(&key, &begun, None).await.expect("a session");
    sessions.load(&key).await.expect("an answer");
    sessions.save(&key, &change(7)).await.expect("a conflict");
    sessions.delete(&key, None).await.expect("an answer");
    let commands = commands.take();
    assert_eq!(commands.len(), 5, "a conflict looks for the session");
    for command in commands {
        round_trips::assert_majority(&command);
    }
}
