//! Locks, exhausted pools, spoiled rows, servers that hang and connections that are lost.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Cap, InsertTokenError, StoreError, StoreErrorKind,
    UserStore as _,
};
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};
use portcullis_support::{Fault, Proxy};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{
    holder::holding,
    sample::{new_token, new_user},
};
use crate::backend::{
    CONNECTION_NUMBER, DAMAGES, Database, LOOSE, Place, Tokens, Users, database, number, pool, schema, server,
};

fn deadline(database: &Database, milliseconds: u64) -> Database {
    database
        .clone()
        .deadline(Duration::from_millis(milliseconds))
        .expect("a deadline")
}

pub(crate) async fn a_deadline_of_zero_is_refused() {
    let place = Place::new().await;
    let refused = Database::new(place.pool(1)).deadline(Duration::ZERO);
    assert_eq!(refused.expect_err("zero").setting(), "deadline");
}

pub(crate) async fn a_locked_row_is_a_store_error_by_the_deadline() {
    let place = Place::migrated().await;
    let database = place.database(1);
    let users = Users::new(&database);
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let ben = users.insert(new_user("ben", ())).await.expect("a user");

    let mut other = holding(&place, "UPDATE users SET revision = 7 WHERE email LIKE 'ada@%'").await;
    let start = Instant::now();
    let error = Users::new(deadline(&database, 300))
        .delete(&ada.id)
        .await
        .expect_err("a locked row");
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    // On another connection than the one that still waits for the lock.
    assert!(users.find(&ben.id).await.expect("an answer").is_some());
    other.batch_execute("ROLLBACK").await.expect("no lock");
    users.delete(&ada.id).await.expect("the lock is free");
    assert!(users.find(&ada.id).await.expect("an answer").is_none());
}

pub(crate) async fn an_exhausted_pool_is_a_store_error_by_the_deadline() {
    let place = Place::migrated().await;
    let pool = place.pool(1);
    let database = database(&pool);
    let hurried = Users::new(deadline(&database, 300));
    let held = pool.get().await.expect("the only connection");
    let error = hurried.find(&Uuid::now_v7()).await.expect_err("no connection");
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    drop(held);
    let users = Users::new(&database);
    users.find(&Uuid::now_v7()).await.expect("a connection");
}

pub(crate) async fn a_hung_server_is_a_store_error_by_the_deadline_and_its_connection_is_not_used_again() {
    let place = Place::migrated().await;
    let proxy = Proxy::before(&place.url()).await;
    let pool = pool(&proxy.url(&place.url()), 1);
    let database = database(&pool);
    let (users, hurried) = (Users::new(&database), Users::new(deadline(&database, 300)));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let before = number(&mut pool.get().await.expect("the connection"), CONNECTION_NUMBER).await;
    proxy.set(Fault::Hang).await;
    for _call in 0..3 {
        let start = Instant::now();
        let error = hurried.find(&ada.id).await.expect_err("nobody answers");
        assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(pool.status().size, 0, "what hangs is no part of the pool");
    }
    proxy.heal().await;
    assert_eq!(
        users.find(&ada.id).await.expect("an answer").map(|user| user.id),
        Some(ada.id)
    );
    let after = number(&mut pool.get().await.expect("a connection"), CONNECTION_NUMBER).await;
    assert_ne!(before, after);
}

pub(crate) async fn a_server_that_never_greets_is_a_store_error_by_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mute = tokio::spawn(async move {
        let mut clients = Vec::new();
        while let Ok(client) = listener.accept().await {
            clients.push(client);
        }
    });
    let server = server();
    let (scheme, _) = server.split_once("://").expect("a URL");
    let database = Database::new(pool(&format!("{scheme}://ada@{address}/app"), 2));
    let users = Users::new(deadline(&database, 300));
    for _call in 0..3 {
        let error = users.find(&Uuid::now_v7()).await.expect_err("nobody answers");
        assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    }
    mute.abort();
}

pub(crate) async fn calls_after_a_cut_are_answered_but_for_at_most_one_write() {
    let place = Place::migrated().await;
    let proxy = Proxy::before(&place.url()).await;
    let pool = pool(&proxy.url(&place.url()), 8);
    let database = database(&pool);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    for round in 0..3 {
        let mut connections = Vec::new();
        for _ in 0..8 {
            connections.push(pool.get().await.expect("a connection"));
        }
        drop(connections);
        proxy.cut().await;
        for call in 0..10 {
            users
                .find(&ada.id)
                .await
                .expect("a look-up is asked again")
                .expect("the user");
            let (key, _) = new_token(&ada.id, &format!("{round} {call}"));
            tokens.delete(&key).await.expect("a removal is asked again");
        }
        let mut connections = Vec::new();
        for _ in 0..8 {
            connections.push(pool.get().await.expect("a connection"));
        }
        drop(connections);
        proxy.cut().await;
        let mut failed = 0;
        for call in 0..10 {
            let (_, token) = new_token(&ada.id, &format!("{round} {call}"));
            failed += u32::from(tokens.insert(&token, None).await.is_err());
        }
        assert!(failed <= 1, "{failed} writes of 10 failed");
        assert!(tokens.delete_all(&ada.id).await.expect("an answer") >= 9);
    }
}

pub(crate) async fn a_reply_that_is_cut_off_is_asked_for_again() {
    let place = Place::migrated().await;
    let proxy = Proxy::before(&place.url()).await;
    let pool = pool(&proxy.url(&place.url()), 1);
    let database = database(&pool);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let (key, token) = new_token(&ada.id, "token");
    tokens.insert(&token, None).await.expect("a token");
    // From now on the statement is prepared.
    assert!(
        !tokens
            .delete(&new_token(&ada.id, "another").0)
            .await
            .expect("an answer")
    );
    proxy.set(Fault::LoseReply).await;
    // The first attempt was done; the second finds nothing left to do.
    assert!(
        !tokens
            .delete(&key)
            .await
            .expect("an answer to the second attempt")
    );
    assert_eq!(proxy.accepted(), 2);
    assert_eq!(tokens.find(&key).await.expect("an answer"), None);

    let ((_, first), (key, second)) = (new_token(&ada.id, "first"), new_token(&ada.id, "second"));
    tokens
        .insert(&first, None)
        .await
        .expect("a token, prepared on the new connection");
    proxy.set(Fault::LoseReply).await;
    let inserted = tokens.insert(&second, None).await;
    assert!(
        matches!(inserted, Err(InsertTokenError::Store(_))),
        "nobody knows, and nobody asks twice"
    );
    let found = tokens.find(&key).await.expect("an answer");
    assert_eq!(found, Some(second), "what was done before the cut is whole");
}

pub(crate) async fn a_stored_value_that_cannot_be_read_is_a_store_error() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let (key, token) = new_token(&user.id, "token");
    tokens.insert(&token, None).await.expect("a token");
    for (table, damage) in DAMAGES {
        place.run(&format!("{LOOSE} UPDATE {table} SET {damage}")).await;
        let error: StoreError = if table == "users" {
            users.find(&user.id).await.expect_err(damage)
        } else {
            tokens.find(&key).await.expect_err(damage)
        };
        assert_eq!(error.kind(), StoreErrorKind::InvalidData, "{damage}: {error}");
        place
            .run(
                "UPDATE users SET created_at = '2026-01-01', updated_at = '2026-01-01', roles = 'editor,author';
                 UPDATE access_tokens SET expires_at = NULL, last_used_at = '2026-01-01';",
            )
            .await;
        users
            .find(&user.id)
            .await
            .expect("all is well")
            .expect("the user");
        tokens.find(&key).await.expect("all is well").expect("the token");
    }
}

pub(crate) async fn a_write_that_fails_leaves_nothing_behind() {
    let place = Place::migrated().await;
    let database = place.database(1);
    let users = Users::new(&database);
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let failed: Result<(), _> = database
        .write(|connection| {
            Box::pin(async move {
                RunQueryDsl::execute(diesel::delete(schema::users::table), connection).await?;
                Err(diesel::result::Error::NotFound)
            })
        })
        .await;
    failed.expect_err("the call fails");
    assert!(users.find(&ada.id).await.expect("an answer").is_some());
    let panics = database.clone();
    let panicked = tokio::spawn(async move {
        let panicked: Result<(), _> = panics
            .write(|connection| {
                Box::pin(async move {
                    RunQueryDsl::execute(diesel::delete(schema::users::table), connection).await?;
                    panic!("a bug in the application")
                })
            })
            .await;
        panicked
    });
    panicked.await.expect_err("the call panics");
    assert!(users.find(&ada.id).await.expect("an answer").is_some());
    users.insert(new_user("ben", ())).await.expect("the store works");
    let count = database
        .read(|connection| Box::pin(RunQueryDsl::get_result(schema::users::table.count(), connection)));
    let count: i64 = count.await.expect("an answer");
    assert_eq!(count, 2);
}

pub(crate) async fn e4_no_value_stands_in_an_error() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let (_, token) = new_token(&ada.id, "token");
    tokens.insert(&token, None).await.expect("a token");
    let mut twin = new_user("ben", ());
    twin.id = Some(ada.id);
    let mut same_id = new_token(&ada.id, "other").1;
    same_id.id = token.id;
    let mut nul = new_token(&ada.id, "nul").1;
    nul.client.label = Some("my\0label".repeat(20_000));
    let taken = users.insert(twin).await.expect_err("the id is taken");
    let errors = [
        format!("{taken} {taken:?}"),
        format!(
            "{:?}",
            tokens.insert(&same_id, None).await.expect_err("the id is taken")
        ),
        format!(
            "{:?}",
            tokens
                .insert(&same_id, NonZeroU32::new(5).map(Cap::new))
                .await
                .expect_err("the id is taken")
        ),
        format!(
            "{:?}",
            tokens
                .insert(&nul, None)
                .await
                .expect_err("too long, or not a text")
        ),
        format!("{users:?} {tokens:?}"),
    ];
    for error in errors {
        for secret in [
            "argon2id",
            "ben@",
            "ada@",
            "label\\0",
            "mylabel",
            &ada.id.to_string(),
        ] {
            assert!(!error.contains(secret), "{error}");
        }
    }
    assert_eq!(tokens.list(&ada.id, 0).await.expect("a list"), [token]);
}
