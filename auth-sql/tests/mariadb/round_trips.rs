//! What the server counts of an authenticated request, and of a refresh.

use std::sync::Arc;

use auth_core::{
    AccessTokenStore as _, Advance, ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, OpaqueStrategy,
    Outcome, RotateTokens as _, Strategy as _, Subject, TokenKind, UserStore as _, admit,
};
use auth_sql::mysql::{MysqlAccessTokenStore, MysqlUserStore, Pool};
use time::Duration;

use crate::{
    backend::{Place, database, number},
    server::sample::{new_token, new_user, now},
};

/// What the server has counted for the only connection of the pool, this question and all before it.
async fn counted(pool: &Pool, counter: &str) -> i64 {
    let query = format!(
        "SELECT CAST(variable_value AS SIGNED) AS number FROM information_schema.session_status \
         WHERE variable_name = '{counter}'"
    );
    number(&mut pool.get().await.expect("the connection"), &query).await
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
        let issued = strategy
            .issue(&NewLogIn::new(
                "api",
                &Subject::from(&user),
                &ClientInfo::default(),
            ))
            .await
            .expect("a token");
        let outcome = admit(
            &users,
            strategy.read("api", issued.access.secret.expose_secret()).await,
        )
        .await;
        assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");

        for (counter, for_the_token, for_both) in [("QUESTIONS", 20, 40), ("COM_STMT_PREPARE", 0, 0)] {
            let first = counted(&pool, counter).await;
            let second = counted(&pool, counter).await;
            let itself = second - first;
            for _request in 0..20 {
                strategy
                    .read("api", issued.access.secret.expose_secret())
                    .await
                    .expect("a credential");
            }
            let third = counted(&pool, counter).await;
            assert_eq!(third - second - itself, for_the_token, "{counter} for the token");
            for _request in 0..20 {
                let outcome = admit(
                    &users,
                    strategy.read("api", issued.access.secret.expose_secret()).await,
                )
                .await;
                assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");
            }
            let last = counted(&pool, counter).await;
            assert_eq!(last - third - itself, for_both, "{counter} for both");
        }
    });
}

#[test]
#[ignore = "needs MariaDB"]
fn f1_a_refresh_costs_two_statements() {
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
        let refresh = async |from| {
            let mut step = Advance::new(TokenKind::Refresh, from, now());
            step.keep_until = Some(now() + Duration::DAY);
            let advanced = tokens.advance(&key, &step).await.expect("an answer");
            advanced.expect("the token").by_this_call
        };
        assert!(refresh(0).await, "the statements are prepared");

        let mut generation = 1;
        for (counter, expected) in [("QUESTIONS", 40), ("COM_STMT_PREPARE", 0)] {
            let first = counted(&pool, counter).await;
            let second = counted(&pool, counter).await;
            for _refresh in 0..20 {
                assert!(refresh(generation).await, "{generation}");
                generation += 1;
            }
            let third = counted(&pool, counter).await;
            for _refresh in 0..20 {
                assert!(!refresh(0).await, "used up");
            }
            let last = counted(&pool, counter).await;
            let itself = second - first;
            assert_eq!(third - second - itself, expected, "{counter}");
            assert_eq!(last - third - itself, expected, "{counter} of used-up ones");
        }
    });
}
