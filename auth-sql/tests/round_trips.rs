//! Alone in its file, as it counts the statements of the whole process.
#![cfg(feature = "sqlite")]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use auth_core::ExposeSecret as _;
use auth_core::{
    ClientInfo, Lifetime, NewLogIn, NewUser, OpaqueStrategy, Outcome, Strategy as _, Subject, UserStore as _,
    admit,
};
use auth_sql::sqlite::{self, Database, SqliteAccessTokenStore, SqliteUserStore};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use time::OffsetDateTime;
use uuid::Uuid;

static STATEMENTS: AtomicU32 = AtomicU32::new(0);

fn count() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }))
}

#[tokio::test]
async fn an_authenticated_request_costs_one_statement_for_the_token_and_one_for_the_user() {
    set_default_instrumentation(count).expect("a count");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("auth.db").display().to_string();
    let pool = sqlite::connect(&path).await.expect("a database");
    sqlite::migrate(&pool).await.expect("tables");
    let database = Database::new(pool);
    let users = SqliteUserStore::new(&database);
    let mut user = NewUser::new(
        "ada@example.com".parse().expect("an e-mail"),
        (),
        OffsetDateTime::UNIX_EPOCH,
    );
    user.id = Some(Uuid::now_v7());
    let user = users.insert(user).await.expect("a user");
    let lifetime = Lifetime::from_secs(60).expect("a minute");
    let strategy = OpaqueStrategy::new(Arc::new(SqliteAccessTokenStore::new(&database)), lifetime);
    let issued = strategy
        .issue(&NewLogIn::new(
            "api",
            &Subject::from(&user),
            &ClientInfo::default(),
        ))
        .await
        .expect("a token");

    for _request in 0..3 {
        STATEMENTS.store(0, Ordering::SeqCst);
        let token = strategy.read("api", issued.access.secret.expose_secret()).await;
        token.expect("a credential");
        assert_eq!(STATEMENTS.load(Ordering::SeqCst), 1);
        let outcome = admit(
            &users,
            strategy.read("api", issued.access.secret.expose_secret()).await,
        )
        .await;
        assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");
        assert_eq!(STATEMENTS.load(Ordering::SeqCst), 3);
    }
}
