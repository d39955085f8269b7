//! Indexes, made by an explicit call.

use std::{
    cell::RefCell,
    io::{self, Write},
};

use auth_mongo::{
    MongoAccessTokenStore, MongoSessionStore, MongoUserStore,
    mongodb::{
        Database, IndexModel,
        bson::{Document, doc},
    },
};
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use super::database::TestDatabase;

/// Name, keys, and whether it is unique, of each index but that of `_id`.
async fn indexes(database: &Database, collection: &str) -> Vec<(String, Document, bool)> {
    let mut found = database
        .collection::<Document>(collection)
        .list_indexes()
        .await
        .expect("an answer");
    let mut indexes = Vec::new();
    while found.advance().await.expect("an answer") {
        let IndexModel { keys, options, .. } = found.deserialize_current().expect("an index");
        let options = options.expect("options");
        let name = options.name.expect("a name");
        if name != "_id_" {
            indexes.push((name, keys, options.unique.unwrap_or_default()));
        }
    }
    indexes.sort_by(|one, two| one.0.cmp(&two.0));
    indexes
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn indexes_are_made_once_under_their_names() {
    let database = TestDatabase::new().await;
    let database = &database.database;
    for _twice in 0..2 {
        let users = MongoUserStore::<Uuid>::builder(database)
            .build()
            .expect("a store");
        users.create_indexes().await.expect("indexes");
        let tokens = MongoAccessTokenStore::<Uuid>::builder(database)
            .build()
            .expect("a store");
        tokens.create_indexes().await.expect("indexes");
        let sessions = MongoSessionStore::<Uuid>::builder(database)
            .build()
            .expect("a store");
        sessions.create_indexes().await.expect("indexes");
    }
    let name = str::to_owned;
    assert_eq!(
        indexes(database, "users").await,
        [(name("normalized_email_1"), doc! { "normalized_email": 1 }, true)]
    );
    assert_eq!(
        indexes(database, "access_tokens").await,
        [
            (
                name("absolute_expires_at_1"),
                doc! { "absolute_expires_at": 1 },
                false
            ),
            (name("digest_1"), doc! { "digest": 1 }, true),
            (name("expires_at_1"), doc! { "expires_at": 1 }, false),
            (name("user_id_1_place_1"), doc! { "user_id": 1, "place": 1 }, true),
        ]
    );
    assert_eq!(
        indexes(database, "sessions").await,
        [
            (name("expires_at_1"), doc! { "expires_at": 1 }, false),
            (name("user_id_1"), doc! { "user_id": 1 }, false),
        ]
    );
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn collections_and_indexes_have_the_applications_own_names() {
    let database = TestDatabase::new().await;
    let database = &database.database;
    let users = MongoUserStore::<Uuid>::builder(database)
        .collection("members")
        .email_index("one_email");
    users
        .build()
        .expect("a store")
        .create_indexes()
        .await
        .expect("indexes");
    let tokens = MongoAccessTokenStore::<Uuid>::builder(database)
        .collection("member.sessions")
        .digest_index("one_digest")
        .user_index("of_member")
        .expiry_index("end")
        .absolute_expiry_index("final_end");
    tokens
        .build()
        .expect("a store")
        .create_indexes()
        .await
        .expect("indexes");
    let sessions = MongoSessionStore::<Uuid>::builder(database).collection("member.carts");
    sessions
        .build()
        .expect("a store")
        .create_indexes()
        .await
        .expect("indexes");
    let name = str::to_owned;
    assert_eq!(
        indexes(database, "member.carts").await,
        [
            (name("expires_at_1"), doc! { "expires_at": 1 }, false),
            (name("user_id_1"), doc! { "user_id": 1 }, false),
        ]
    );
    assert_eq!(
        indexes(database, "members").await,
        [(name("one_email"), doc! { "normalized_email": 1 }, true)]
    );
    assert_eq!(
        indexes(database, "member.sessions").await,
        [
            (name("end"), doc! { "expires_at": 1 }, false),
            (name("final_end"), doc! { "absolute_expires_at": 1 }, false),
            (name("of_member"), doc! { "user_id": 1, "place": 1 }, true),
            (name("one_digest"), doc! { "digest": 1 }, true),
        ]
    );
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn an_index_that_cannot_be_made_is_an_error_that_quotes_no_document() {
    let database = TestDatabase::new().await;
    let database = &database.database;
    let members = database.collection::<Document>("users");
    for n in 0..2 {
        let twin = doc! { "_id": n, "normalized_email": "ada@example.com" };
        members.insert_one(twin).await.expect("a document");
    }
    let users = MongoUserStore::<Uuid>::builder(database)
        .build()
        .expect("a store");
    let error = users.create_indexes().await.expect_err("an e-mail is two users'");
    assert!(!format!("{error} {error:?}").contains("ada"), "{error:?}");

    let other = IndexModel::builder().keys(doc! { "label": 1 });
    let named = auth_mongo::mongodb::options::IndexOptions::builder().name("expires_at_1".to_owned());
    let sessions = database.collection::<Document>("access_tokens");
    sessions
        .create_index(other.options(named.build()).build())
        .await
        .expect("an index");
    let tokens = MongoAccessTokenStore::<Uuid>::builder(database)
        .build()
        .expect("a store");
    tokens
        .create_indexes()
        .await
        .expect_err("the name is another index's");
}

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is logged on this thread. A test here has one thread.
#[derive(Clone, Copy)]
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_server_without_ttl_indexes_is_a_warning() {
    // One subscriber for all threads: tracing forgets events where some threads have one and others none.
    tracing_subscriber::fmt().with_writer(Log).init();
    let database = TestDatabase::new().await;
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    tokens.create_indexes().await.expect("indexes");

    let ttl = doc! { "createIndexes": "probe", "indexes": [{
        "key": { "at": 1 }, "name": "at_1", "expireAfterSeconds": 0
    }] };
    let knows_ttl = database.database.run_command(ttl).await.is_ok();
    let log = String::from_utf8(LINES.take()).expect("text");
    let is_warned = log.contains("WARN portcullis::mongo") && log.contains("no TTL indexes");
    assert_ne!(knows_ttl, is_warned, "{log}");
}
