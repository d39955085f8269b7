//! The statements of an authenticated request, a refresh and a session, counted by the server.

use std::sync::Arc;

use auth_core::{
    AccessTokenStore as _, Advance, ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, OpaqueStrategy,
    Outcome, RotateTokens as _, SessionStore as _, SessionWrite, StoredSession, Strategy as _, Subject,
    TokenKind, TokenLookup, UserStore as _, admit,
};
use auth_sql::postgres::{self, PostgresAccessTokenStore, PostgresSessionStore, PostgresUserStore};
use diesel_async::SimpleAsyncConnection as _;
use time::Duration;

use crate::{
    backend::{database, number, pool, server},
    server::sample::{change, new_token, new_user, now},
};

/// How often the only connection of `own` has executed the statements that begin so, each of whose `forms` it has prepared
/// once.
async fn executions(own: &postgres::Pool, beginning: &str, forms: i64) -> i64 {
    let mut connection = own.get().await.expect("the connection");
    let prepared = format!("FROM pg_prepared_statements WHERE statement LIKE '{beginning}%'");
    let statements = number(&mut connection, &format!("SELECT count(*) AS number {prepared}")).await;
    assert_eq!(statements, forms, "{beginning}: each form is prepared once");
    let sum = format!("SELECT sum(generic_plans + custom_plans)::bigint AS number {prepared}");
    number(&mut connection, &sum).await
}

/// The calls that the server has counted in `database`. It counts by table, so that each call here is its own.
async fn calls(counters: &postgres::Pool, database: &str) -> i64 {
    let query = format!(
        "SELECT coalesce(sum(calls), 0)::bigint AS number FROM pg_stat_statements AS statement \
         JOIN pg_database AS database ON database.oid = statement.dbid WHERE database.datname = '{database}'"
    );
    number(&mut counters.get().await.expect("a connection"), &query).await
}

/// Runs `test` with a connection for `calls`, and one to a database of its own.
fn in_own_database(test: impl AsyncFnOnce(&postgres::Pool, &postgres::Pool, &str)) {
    auth_core::conformance::run(async {
        let counters = pool(&server(), 1);
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let mut connection = counters.get().await.expect("a connection");
        connection
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a database");
        drop(connection);

        let (address, _) = server()
            .rsplit_once('/')
            .map(|(address, rest)| (address.to_owned(), rest.to_owned()))
            .expect("a URL");
        let own = pool(&format!("{address}/{name}"), 1);
        postgres::migrate(&own).await.expect("tables");
        test(&counters, &own, &name).await;

        own.close();
        let mut connection = counters.get().await.expect("a connection");
        connection
            .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .await
            .expect("no database");
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_authenticated_request_costs_one_statement_for_the_token_and_one_for_the_user() {
    in_own_database(count_requests);
}

async fn count_requests(counters: &postgres::Pool, own: &postgres::Pool, name: &str) {
    let database = database(own);
    let users = PostgresUserStore::new(&database);
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let lifetime = Lifetime::from_secs(60 * 60 * 24 * 365).expect("a year");
    let strategy = OpaqueStrategy::new(Arc::new(PostgresAccessTokenStore::new(&database)), lifetime);
    let issued = strategy
        .issue(&NewLogIn::new(
            "api",
            &Subject::from(&user),
            &ClientInfo::default(),
        ))
        .await
        .expect("a token");

    let before = calls(counters, name).await;
    for _request in 0..20 {
        strategy
            .read("api", issued.access.secret.expose_secret())
            .await
            .expect("a credential");
    }
    assert_eq!(
        calls(counters, name).await - before,
        20,
        "one statement for the token"
    );
    let before = calls(counters, name).await;
    for _request in 0..20 {
        let outcome = admit(
            &users,
            strategy.read("api", issued.access.secret.expose_secret()).await,
        )
        .await;
        assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");
    }
    assert_eq!(calls(counters, name).await - before, 40, "and one for the user");
    assert_eq!(executions(own, r#"SELECT "access_tokens"."id""#, 1).await, 40);
    assert_eq!(executions(own, r#"SELECT "users"."id", "#, 1).await, 20);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn f1_a_refresh_costs_one_statement_and_a_used_up_one_two() {
    in_own_database(count_refreshes);
}

async fn count_refreshes(counters: &postgres::Pool, own: &postgres::Pool, name: &str) {
    let database = database(own);
    let (users, tokens) = (
        PostgresUserStore::new(&database),
        PostgresAccessTokenStore::new(&database),
    );
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let (key, token) = new_token(&user.id, "token");
    tokens.insert(&token, None).await.expect("a token");
    let refresh = async |from| {
        let mut step = Advance::new(TokenKind::Refresh, from, now());
        step.keep_until = Some(now() + Duration::DAY);
        let advanced = tokens.advance(&key, &step).await.expect("an answer");
        advanced.expect("the token").by_this_call
    };

    let before = calls(counters, name).await;
    for from in 0..20 {
        assert!(refresh(from).await, "{from}");
    }
    assert_eq!(calls(counters, name).await - before, 20);
    let before = calls(counters, name).await;
    for from in 0..20 {
        assert!(!refresh(from).await, "{from}");
    }
    assert_eq!(
        calls(counters, name).await - before,
        40,
        "the step, and what is stored"
    );
    assert_eq!(executions(own, r#"UPDATE "access_tokens""#, 1).await, 40);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_session_costs_one_statement_to_load_and_one_to_save() {
    in_own_database(count_sessions);
}

async fn count_sessions(counters: &postgres::Pool, own: &postgres::Pool, name: &str) {
    let sessions: PostgresSessionStore = PostgresSessionStore::new(database(own));
    let key = TokenLookup::new("id");
    let session = StoredSession::new("{}".to_owned(), now());
    sessions.create(&key, &session, None).await.expect("a session");
    let save = async |data, revision| {
        let saved = sessions.save(&key, &change(data, revision)).await;
        saved.expect("an answer")
    };

    let before = calls(counters, name).await;
    for _request in 0..20 {
        let loaded = sessions.load(&key).await.expect("an answer");
        assert_eq!(loaded.as_ref(), Some(&session));
    }
    assert_eq!(calls(counters, name).await - before, 20, "a load");
    let mut revision = 0;
    for (data, is_checked) in [
        (Some("[]"), true),
        (Some("[]"), false),
        (None, true),
        (None, false),
    ] {
        let before = calls(counters, name).await;
        for _request in 0..20 {
            let saved = save(data, is_checked.then_some(revision)).await;
            assert_eq!(saved, SessionWrite::Done, "{data:?} {is_checked}");
            revision += i64::from(data.is_some());
        }
        let calls = calls(counters, name).await - before;
        assert_eq!(calls, 20, "a save of {data:?}, {is_checked}");
    }
    let before = calls(counters, name).await;
    assert_eq!(save(Some("[]"), Some(0)).await, SessionWrite::Conflict);
    assert_eq!(
        calls(counters, name).await - before,
        2,
        "a conflict is told from a session that is gone"
    );
    assert_eq!(executions(own, r#"SELECT "sessions""#, 1).await, 21);
    assert_eq!(
        executions(own, r#"UPDATE "sessions""#, 2).await,
        81,
        "with data and without"
    );
}
