//! What only MongoDB itself shows: a replica set, whose URL with a user who may step down its primary is `MONGODB_URL`.
//!
//! `cargo xtask test tests` runs the suites of `tests/mongodb` and the cap there on it, too.

#[path = "../fixture/database.rs"]
mod database;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use auth_core::{
    AccessToken, AccessTokenStore as _, Advance, Clock as _, ExposeSecret as _, InsertUserError,
    RotateTokens as _, SessionStore as _, ShardTag, StoredSession, SystemClock, TokenKind, TokenLookup,
    UpdateUserError, UserStore as _, generate_token,
};
use auth_mongo::{
    MongoAccessTokenStore, MongoSessionStore, MongoUserStore,
    mongodb::{
        IndexModel,
        bson::{Document, doc},
        event::{EventHandler, command::CommandEvent},
        options::{Collation, IndexOptions},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use database::{TestDatabase, new_user, options};

/// What names the server.
const URL: &str = "MONGODB_URL";

/// A database that no other test has, and how many commands go to it.
async fn counted() -> (TestDatabase, Arc<AtomicU32>) {
    let mut options = options().await;
    let commands = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&commands);
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if matches!(event, CommandEvent::Started(_)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }));
    (TestDatabase::with(options), commands)
}

async fn tokens_in(test: &TestDatabase) -> MongoAccessTokenStore<Uuid> {
    let tokens = MongoAccessTokenStore::builder(&test.database)
        .build()
        .expect("a store");
    tokens.create_indexes().await.expect("indexes");
    tokens
}

/// One of today, which the server's clock may end.
fn new_token(user_id: &Uuid) -> (TokenLookup, AccessToken<Uuid>) {
    let secret = generate_token(ShardTag::for_user(user_id)).expect("a token");
    let (key, token) = database::new_token(user_id, secret.expose_secret());
    let now = SystemClock.now();
    let mut token = token;
    token.created_at = now;
    token.last_used_at = now;
    (key, token)
}

#[tokio::test]
#[ignore = "needs MONGODB_URL"]
async fn an_expired_token_is_removed_by_the_server_and_no_other() {
    let test = TestDatabase::new().await;
    let tokens = tokens_in(&test).await;
    let user = Uuid::now_v7();
    let (key, mut expired) = new_token(&user);
    expired.expires_at = Some(expired.created_at - Duration::from_secs(1));
    tokens.insert(&expired, None).await.expect("a token");
    let (live_key, mut live) = new_token(&user);
    live.expires_at = Some(live.created_at + Duration::from_secs(3600));
    tokens.insert(&live, None).await.expect("a token");
    let (eternal_key, eternal) = new_token(&user);
    tokens.insert(&eternal, None).await.expect("a token");
    let (ended_key, mut ended) = new_token(&user);
    ended.absolute_expires_at = Some(ended.created_at + Duration::from_secs(1));
    ended.expires_at = ended.absolute_expires_at;
    tokens.insert(&ended, None).await.expect("a token");
    let mut step = Advance::new(TokenKind::Refresh, 0, ended.created_at);
    step.keep_until = live.expires_at;
    let advanced = tokens.advance(&ended_key, &step).await.expect("an answer");
    assert!(advanced.is_some_and(|advanced| advanced.by_this_call));

    // The server looks once a minute, and takes its time when it has much to do.
    let start = Instant::now();
    while tokens.find(&key).await.expect("an answer").is_some()
        || tokens.find(&ended_key).await.expect("an answer").is_some()
    {
        assert!(
            start.elapsed() < Duration::from_secs(150),
            "the server removes what has expired"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(tokens.find(&live_key).await.expect("an answer"), Some(live));
    assert_eq!(tokens.find(&eternal_key).await.expect("an answer"), Some(eternal));
}

#[tokio::test]
#[ignore = "needs MONGODB_URL"]
async fn an_expired_session_is_removed_by_the_server_and_no_other() {
    let test = TestDatabase::new().await;
    let sessions = MongoSessionStore::<Uuid>::builder(&test.database)
        .build()
        .expect("a store");
    sessions.create_indexes().await.expect("indexes");
    let now = SystemClock.now();
    let mut keys = Vec::new();
    for end in [
        Some(now - Duration::from_secs(1)),
        Some(now + Duration::from_secs(3600)),
        None,
    ] {
        let secret = generate_token(ShardTag::random().expect("a tag")).expect("an id");
        let key = TokenLookup::new(secret.expose_secret());
        let mut session = StoredSession::new("{}".to_owned(), now);
        session.expires_at = end;
        sessions.create(&key, &session, None).await.expect("a session");
        keys.push(key);
    }
    let start = Instant::now();
    while sessions.load(&keys[0]).await.expect("an answer").is_some() {
        assert!(
            start.elapsed() < Duration::from_secs(150),
            "the server removes what has expired"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for key in &keys[1..] {
        assert!(sessions.load(key).await.expect("an answer").is_some());
    }
}

#[tokio::test]
#[ignore = "needs MONGODB_URL"]
async fn a_collection_with_a_collation_is_refused() {
    let test = TestDatabase::new().await;
    let collation = Collation::builder().locale("en").build();
    for name in ["users", "access_tokens", "sessions"] {
        test.database
            .create_collection(name)
            .collation(collation.clone())
            .await
            .expect("a collection");
    }
    let users = MongoUserStore::<Uuid>::builder(&test.database)
        .build()
        .expect("a store");
    users
        .create_indexes()
        .await
        .expect_err("accents would be overlooked");
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&test.database)
        .build()
        .expect("a store");
    tokens
        .create_indexes()
        .await
        .expect_err("case would be overlooked");
    let sessions = MongoSessionStore::<Uuid>::builder(&test.database)
        .build()
        .expect("a store");
    sessions
        .create_indexes()
        .await
        .expect_err("case would be overlooked");
}

#[tokio::test]
#[ignore = "needs MONGODB_URL"]
async fn the_server_says_which_unique_index_refused() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Card {
        card: i32,
    }

    let (test, commands) = counted().await;
    let users = MongoUserStore::<Uuid, Card>::builder(&test.database)
        .build()
        .expect("a store");
    users.create_indexes().await.expect("indexes");
    let unique = IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder()
        .keys(doc! { "card": 1 })
        .options(unique)
        .build();
    test.database
        .collection::<Document>("users")
        .create_index(index)
        .await
        .expect("an index");
    let ada = users
        .insert(new_user("ada", Card { card: 1 }))
        .await
        .expect("a user");

    commands.store(0, Ordering::SeqCst);
    let email = users.insert(new_user("ADA", Card { card: 2 })).await;
    assert!(matches!(email, Err(InsertUserError::EmailTaken)), "{email:?}");
    let card = users.insert(new_user("ben", Card { card: 1 })).await;
    assert!(matches!(card, Err(InsertUserError::ProfileTaken)), "{card:?}");
    let mut twin = new_user("eve", Card { card: 3 });
    twin.id = Some(ada.id);
    let id = users.insert(twin).await;
    assert!(matches!(id, Err(InsertUserError::Store(_))), "{id:?}");
    assert_eq!(commands.load(Ordering::SeqCst), 3, "nothing had to be looked up");
}

#[tokio::test]
#[ignore = "needs MONGODB_URL"]
async fn u1_a_value_that_the_validator_refuses_names_its_field() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Card {
        card: i32,
    }

    let test = TestDatabase::new().await;
    let validator = doc! { "$jsonSchema": { "properties": { "card": { "maximum": 99 } } } };
    let created = test
        .database
        .create_collection("users")
        .validator(validator)
        .await;
    created.expect("a collection");
    let users = MongoUserStore::<Uuid, Card>::builder(&test.database)
        .build()
        .expect("a store");
    let mut ada = users
        .insert(new_user("ada", Card { card: 1 }))
        .await
        .expect("a user");
    let inserted = users.insert(new_user("ben", Card { card: 100 })).await;
    match inserted {
        Err(InsertUserError::ProfileRefused { field }) => assert_eq!(field.as_deref(), Some("card")),
        other => panic!("{other:?}"),
    }
    ada.profile.card = 100;
    match users.update(&ada).await {
        Err(UpdateUserError::ProfileRefused { field }) => assert_eq!(field.as_deref(), Some("card")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs MONGODB_URL"]
async fn each_look_up_has_its_index() {
    let test = TestDatabase::new().await;
    let users = MongoUserStore::<Uuid>::builder(&test.database)
        .build()
        .expect("a store");
    users.create_indexes().await.expect("indexes");
    tokens_in(&test).await;
    let sessions = MongoSessionStore::<Uuid>::builder(&test.database)
        .build()
        .expect("a store");
    sessions.create_indexes().await.expect("indexes");
    for (collection, filter, index) in [
        (
            "users",
            doc! { "normalized_email": "ada@example.com" },
            "normalized_email_1",
        ),
        ("access_tokens", doc! { "digest": "a digest" }, "digest_1"),
        ("access_tokens", doc! { "user_id": "a user" }, "user_id_1_place_1"),
        (
            "access_tokens",
            doc! { "expires_at": { "$lte": SystemClock.now().to_string() } },
            "expires_at_1",
        ),
        (
            "access_tokens",
            doc! { "absolute_expires_at": { "$lte": SystemClock.now().to_string() } },
            "absolute_expires_at_1",
        ),
        ("sessions", doc! { "user_id": "a user" }, "user_id_1"),
        (
            "sessions",
            doc! { "expires_at": { "$lte": SystemClock.now().to_string() } },
            "expires_at_1",
        ),
    ] {
        let explain =
            doc! { "explain": { "find": collection, "filter": filter }, "verbosity": "queryPlanner" };
        let plan = test
            .database
            .run_command(explain)
            .await
            .expect("a plan")
            .to_string();
        assert!(plan.contains("IXSCAN") && plan.contains(index), "{plan}");
    }
}

#[tokio::test]
#[ignore = "needs MONGODB_URL"]
async fn what_was_acknowledged_holds_after_a_step_down() {
    let test = TestDatabase::new().await;
    let tokens = tokens_in(&test).await;
    let admin = test.database.client().database("admin");
    let election = async || {
        let hello = admin.run_command(doc! { "hello": 1 }).await.expect("a primary");
        hello.get_object_id("electionId").expect("a replica set")
    };
    let before = election().await;
    let user = Uuid::now_v7();
    let (mut kept, mut revoked) = (Vec::new(), Vec::new());
    let start = Instant::now();
    let mut steps_down = Some(doc! { "replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 2, "force": true });
    while start.elapsed() < Duration::from_secs(20) {
        let (key, token) = new_token(&user);
        if tokens.insert(&token, None).await.is_ok() {
            kept.push(key);
        }
        let (key, token) = new_token(&user);
        if tokens.insert(&token, None).await.is_ok() && tokens.delete(&key).await.is_ok() {
            revoked.push(key);
        }
        if start.elapsed() > Duration::from_secs(2)
            && let Some(command) = steps_down.take()
        {
            // The primary may close the connection in place of an answer: the election tells.
            let _answer = admin.run_command(command).await;
        }
    }
    assert_ne!(election().await, before, "the primary stepped down");
    assert!(!kept.is_empty() && !revoked.is_empty());
    for key in kept {
        assert!(
            tokens.find(&key).await.expect("an answer").is_some(),
            "an acknowledged token is there"
        );
    }
    for key in revoked {
        assert_eq!(
            tokens.find(&key).await.expect("an answer"),
            None,
            "an acknowledged log-out holds"
        );
    }
}
