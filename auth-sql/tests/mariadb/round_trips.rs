//! The statements of an authenticated request, a refresh and a session, counted by the server.

use std::sync::Arc;

use auth_core::{
    AccessTokenStore as _, Advance, ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, OpaqueStrategy,
    Outcome, RotateTokens as _, SessionStore as _, SessionWrite, StoredSession, Strategy as _, Subject,
    TokenKind, TokenLookup, UserStore as _, admit,
};
use auth_sql::mysql::{MysqlAccessTokenStore, MysqlSessionStore, MysqlUserStore, Pool};
use time::Duration;

use crate::{
    backend::{Place, database, number},
    server::sample::{change, new_token, new_user, now},
};

/// How often a test does the same thing.
const TIMES: i64 = 20;

/// What the server has counted for the only connection of the pool, this question and all before it.
async fn counted(pool: &Pool, counter: &str) -> i64 {
    let query = format!(
        "SELECT CAST(variable_value AS SIGNED) AS number FROM information_schema.session_status \
         WHERE variable_name = '{counter}'"
    );
    number(&mut pool.get().await.expect("the connection"), &query).await
}

/// Does `work` many times, on the only connection of the pool. Each time it costs this many `statements`, which were
/// prepared before.
async fn costs(pool: &Pool, statements: i64, what: &str, mut work: impl AsyncFnMut()) {
    for (counter, expected) in [("QUESTIONS", TIMES * statements), ("COM_STMT_PREPARE", 0)] {
        let first = counted(pool, counter).await;
        let second = counted(pool, counter).await;
        for _time in 0..TIMES {
            work().await;
        }
        let third = counted(pool, counter).await;
        let itself = second - first;
        assert_eq!(third - second - itself, expected, "{counter}: {what}");
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn an_authenticated_request_costs_one_statement_for_the_token_and_one_for_the_user() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let pool = place.pool(1);
        let database = database(&pool);
        let users = MysqlUserStore::new(&database);
        let user = users.insert(new_user("ada", ())).await.expect("a user");
        let lifetime = Lifetime::from_secs(60 * 60 * 24 * 365).expect("a year");
        let strategy = OpaqueStrategy::new(Arc::new(MysqlAccessTokenStore::new(&database)), lifetime);
        let (subject, client) = (Subject::from(&user), ClientInfo::default());
        let issued = strategy.issue(&NewLogIn::new("api", &subject, &client)).await;
        let issued = issued.expect("a token");
        let token = issued.access.secret.expose_secret();
        let request = async || {
            let outcome = admit(&users, strategy.read("api", token).await).await;
            assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");
        };
        request().await;

        costs(&pool, 1, "the token", async || {
            strategy.read("api", token).await.expect("a credential");
        })
        .await;
        costs(&pool, 2, "the token and the user", request).await;
    });
}

/// MariaDB returns no row of an update, so it is read before.
#[test]
#[ignore = "needs MariaDB"]
fn f1_a_refresh_and_a_rotation_cost_two_statements() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let pool = place.pool(1);
        let database = database(&pool);
        let (users, tokens) = (
            MysqlUserStore::new(&database),
            MysqlAccessTokenStore::new(&database),
        );
        let user = users.insert(new_user("ada", ())).await.expect("a user");
        let (key, token) = new_token(&user.id, "token");
        tokens.insert(&token, None).await.expect("a token");
        for kind in [TokenKind::Access, TokenKind::Refresh] {
            let advance = async |from| {
                let mut step = Advance::new(kind, from, now());
                step.keep_until = (kind == TokenKind::Refresh).then_some(now() + Duration::DAY);
                let advanced = tokens.advance(&key, &step).await.expect("an answer");
                advanced.expect("the token").by_this_call
            };
            assert!(advance(0).await, "the statements are prepared");
            let mut generation = 1;
            costs(&pool, 2, "a step", async || {
                assert!(advance(generation).await, "{kind:?} {generation}");
                generation += 1;
            })
            .await;
            costs(&pool, 2, "one of a generation that is used up", async || {
                assert!(!advance(0).await, "{kind:?}");
            })
            .await;
        }
    });
}

#[test]
#[ignore = "needs MariaDB"]
fn a_session_costs_one_statement_to_load_and_one_to_save() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let pool = place.pool(1);
        let sessions: MysqlSessionStore = MysqlSessionStore::new(database(&pool));
        let key = TokenLookup::new("id");
        let session = StoredSession::new("{}".to_owned(), now());
        sessions.create(&key, &session, None).await.expect("a session");
        let save = async |data, revision| {
            let saved = sessions.save(&key, &change(data, revision)).await;
            saved.expect("an answer")
        };
        assert_eq!(sessions.load(&key).await.expect("an answer"), Some(session));
        assert_eq!(save(None, None).await, SessionWrite::Done);
        assert_eq!(save(Some("[]"), None).await, SessionWrite::Done);

        costs(&pool, 1, "a load", async || {
            let loaded = sessions.load(&key).await.expect("an answer");
            assert!(loaded.is_some());
        })
        .await;
        let mut revision = 1;
        for (data, is_checked) in [
            (Some("[]"), true),
            (Some("[]"), false),
            (None, true),
            (None, false),
        ] {
            costs(
                &pool,
                1,
                &format!("a save of {data:?}, {is_checked}"),
                async || {
                    let saved = save(data, is_checked.then_some(revision)).await;
                    assert_eq!(saved, SessionWrite::Done, "{data:?} {is_checked}");
                    revision += i64::from(data.is_some());
                },
            )
            .await;
        }
        costs(
            &pool,
            2,
            "a conflict, told from a session that is gone",
            async || {
                assert_eq!(save(Some("[]"), Some(0)).await, SessionWrite::Conflict);
            },
        )
        .await;
    });
}
