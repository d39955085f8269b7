//! What SQLite is asked. Alone in its program, as it counts the statements of the whole process.
#![cfg(feature = "sqlite")]

use std::sync::Mutex;

use auth_core::{
    AccessToken, AccessTokenStore as _, Advance, ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, NewUser,
    Outcome, RotateTokens as _, SessionChange, SessionStore as _, SessionWrite, StoredSession, Strategy as _,
    Subject, TokenId, TokenKind, TokenLookup, User, UserStore as _, admit,
};
use auth_sql::sqlite::Database;
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use time::{Duration, OffsetDateTime};

/// The first word of each statement.
static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A change is one statement in a transaction.
const CHANGE: [&str; 3] = ["BEGIN", "UPDATE", "COMMIT"];

fn note() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let word = text.split_whitespace().next().unwrap_or_default().to_owned();
            STATEMENTS.lock().expect("no panic under the lock").push(word);
        }
    }))
}

/// The statements since the last time.
fn statements() -> Vec<String> {
    std::mem::take(&mut *STATEMENTS.lock().expect("no panic under the lock"))
}

#[tokio::test]
async fn each_operation_costs_the_statements_that_it_needs() {
    set_default_instrumentation(note).expect("an instrument");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("auth.db").display().to_string();
    let database = Database::open(&path).await.expect("a database");
    let new = NewUser::new("ada@example.com".parse().expect("an e-mail"), (), now());
    let user = database.users().insert(new).await.expect("a user");

    a_request(&database, &user).await;
    for kind in [TokenKind::Access, TokenKind::Refresh] {
        a_refresh_or_a_rotation(&database, &user, kind).await;
    }
    a_session(&database).await;
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("an instant")
}

async fn a_request(database: &Database, user: &User) {
    let strategy = database.tokens(Lifetime::from_secs(60).expect("a minute"));
    let (subject, client) = (Subject::from(user), ClientInfo::default());
    let issued = strategy.issue(&NewLogIn::new("api", &subject, &client)).await;
    let issued = issued.expect("a token");
    let token = issued.access.secret.expose_secret();
    for _request in 0..3 {
        statements();
        strategy.read("api", token).await.expect("a credential");
        assert_eq!(statements(), ["SELECT"], "the token");
        let outcome = admit(&*database.users(), strategy.read("api", token).await).await;
        assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");
        assert_eq!(statements(), ["SELECT", "SELECT"], "the token and the user");
    }
}

async fn a_refresh_or_a_rotation(database: &Database, user: &User, kind: TokenKind) {
    let tokens = auth_sql::sqlite::SqliteAccessTokenStore::new(database);
    let key = TokenLookup::new(&format!("{kind:?}"));
    let token = AccessToken::new(TokenId::generate(), key.digest, Subject::from(user), now());
    tokens.insert(&token, None).await.expect("a token");
    for generation in 0..3 {
        let mut step = Advance::new(kind, generation, now());
        step.keep_until = (kind == TokenKind::Refresh).then_some(now() + Duration::DAY);
        statements();
        let advanced = tokens.advance(&key, &step).await.expect("an answer");
        assert!(advanced.expect("the token").by_this_call);
        assert_eq!(statements(), CHANGE, "{kind:?}");
        let again = tokens.advance(&key, &step).await.expect("an answer");
        assert!(!again.expect("the token").by_this_call);
        let expected = ["BEGIN", "UPDATE", "SELECT", "COMMIT"];
        assert_eq!(statements(), expected, "{kind:?} of a generation that is used up");
    }
}

async fn a_session(database: &Database) {
    let sessions = database.sessions();
    let key = TokenLookup::new("id");
    let session = StoredSession::new("{}".to_owned(), now());
    sessions.create(&key, &session, None).await.expect("a session");
    let save = async |data: Option<&str>, revision| {
        let mut change = SessionChange::new(now(), Some(now() + Duration::DAY));
        change.data = data.map(str::to_owned);
        change.revision = revision;
        sessions.save(&key, &change).await.expect("an answer")
    };
    statements();
    let loaded = sessions.load(&key).await.expect("an answer");
    assert_eq!(loaded, Some(session));
    assert_eq!(statements(), ["SELECT"], "a load");
    let mut revision = 0;
    for (data, is_checked) in [
        (Some("[]"), true),
        (Some("[]"), false),
        (None, true),
        (None, false),
    ] {
        let saved = save(data, is_checked.then_some(revision)).await;
        assert_eq!(saved, SessionWrite::Done, "{data:?} {is_checked}");
        revision += i64::from(data.is_some());
        assert_eq!(statements(), CHANGE, "a save of {data:?}, {is_checked}");
    }
    assert_eq!(save(Some("[]"), Some(0)).await, SessionWrite::Conflict);
    let expected = ["BEGIN", "UPDATE", "COMMIT", "SELECT"];
    assert_eq!(
        statements(),
        expected,
        "a conflict is told from a session that is gone"
    );
}
