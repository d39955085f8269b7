//! What only the driver of this database can do.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use auth_core::{AccessTokenStore as _, UserStore as _};
use diesel_async::SimpleAsyncConnection as _;
use portcullis_support::Proxy;
use tokio::time::timeout;

use crate::{
    backend::{CONNECTION_NUMBER, Place, Tokens, Users, database, number},
    server::{
        cancellation::cancelled,
        holder::holding,
        sample::{new_token, new_user},
    },
};

#[test]
#[ignore = "needs PostgreSQL"]
fn k2_a_dropped_call_does_not_cost_its_connection() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let proxy = Proxy::before(&place.url()).await;
        let pool = crate::backend::pool(&proxy.url(&place.url()), 1);
        let database = database(&pool);
        let (users, tokens) = (Users::new(&database), Tokens::new(&database));
        let ada = users.insert(new_user("ada", ())).await.expect("a user");
        let before = number(&mut pool.get().await.expect("the connection"), CONNECTION_NUMBER).await;
        let mut slow: usize = 0;
        for round in 0..20 {
            let (_, token) = new_token(&ada.id, &format!("token {round}"));
            for polls in 1..4 {
                let new = new_user(&format!("user{round}and{polls}"), ());
                slow += usize::from(is_slow(cancelled(users.find(&ada.id), polls, false)).await);
                slow += usize::from(is_slow(cancelled(tokens.insert(&token, None), polls, false)).await);
                slow += usize::from(is_slow(cancelled(users.insert(new), polls, false)).await);
            }
        }
        let after = number(&mut pool.get().await.expect("the connection"), CONNECTION_NUMBER).await;
        assert!(proxy.accepted() <= 1 + slow, "{} of {slow}", proxy.accepted() - 1);
        assert!(slow > 0 || before == after);
    });
}

/// Whether a call took as long as one that waits for somebody, which it does on a machine with much to do.
async fn is_slow(call: impl Future<Output = bool>) -> bool {
    let start = Instant::now();
    call.await;
    start.elapsed() > Duration::from_millis(100)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_call_waits_behind_dropped_ones_that_wait_for_a_lock() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let database = place.database(2);
        let (users, tokens) = (Users::new(&database), Tokens::new(&database));
        let ada = users.insert(new_user("ada", ())).await.expect("a user");
        let ben = users.insert(new_user("ben", ())).await.expect("a user");
        let lock = "SELECT FROM users WHERE email LIKE 'ada@%' FOR UPDATE";
        let mut other = holding(&place, lock).await;
        let (_, token) = new_token(&ada.id, "token");
        for _client in 0..4 {
            let gone = Duration::from_millis(200);
            let dropped = timeout(gone, users.delete(&ada.id)).await;
            assert!(dropped.is_err(), "it waits for the lock: {dropped:?}");
            let dropped = timeout(gone, tokens.insert(&token, None)).await;
            assert!(dropped.is_err(), "so does this: {dropped:?}");
            // As many as there are connections.
            for _call in 0..2 {
                let found = timeout(Duration::from_secs(5), users.find(&ben.id)).await;
                let found = found.expect("nobody holds this row").expect("an answer");
                assert_eq!(found.map(|user| user.id), Some(ben.id));
            }
        }
        other.batch_execute("ROLLBACK").await.expect("no lock");
        // A dropped one may yet have been done.
        users.delete(&ada.id).await.expect("the lock is free");
        assert!(users.find(&ada.id).await.expect("an answer").is_none());
    });
}
