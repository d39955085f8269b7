//! The cap on a user's sessions, beyond the suite.

use std::num::NonZeroU32;

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, Cap, InsertTokenError, UserStore as _};
use diesel_async::SimpleAsyncConnection as _;
use uuid::Uuid;

use super::sample::{new_token, new_user};
use crate::backend::{OLD_SNAPSHOTS, Place, Tokens, Users, database};

pub(crate) async fn s7_a_cap_holds_whatever_the_isolation_of_the_session() {
    let place = Place::migrated().await;
    let pool = place.pool(8);
    let mut connections = Vec::new();
    for _ in 0..8 {
        let mut connection = pool.get().await.expect("a connection");
        connection
            .batch_execute(OLD_SNAPSHOTS)
            .await
            .expect("an isolation level");
        connections.push(connection);
    }
    drop(connections);
    let database = database(&pool);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let log_ins: Vec<_> = (0..40)
        .map(|n| {
            let (tokens, (_, token)) = (tokens.clone(), new_token(&ada.id, &format!("token {n}")));
            tokio::spawn(async move { tokens.insert(&token, NonZeroU32::new(3).map(Cap::new)).await })
        })
        .collect();
    for log_in in log_ins {
        log_in.await.expect("a task").expect("a token");
    }
    assert_eq!(tokens.list(&ada.id, 0).await.expect("a list").len(), 3);
}

pub(crate) async fn a_session_of_a_user_who_is_gone_is_refused_under_a_cap_too() {
    let place = Place::migrated().await;
    let tokens = Tokens::new(place.database(2));
    let (_, token) = new_token(&Uuid::now_v7(), "token");
    for cap in [None, NonZeroU32::new(1).map(Cap::new)] {
        let refused = tokens.insert(&token, cap).await;
        assert!(
            matches!(refused, Err(InsertTokenError::UnknownUser)),
            "{refused:?}"
        );
    }
}

pub(crate) async fn a_taken_public_id_is_no_taken_digest() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let (_, token) = new_token(&ada.id, "token");
    tokens.insert(&token, None).await.expect("a token");
    let mut twin = new_token(&ada.id, "another").1;
    twin.id = token.id;
    for cap in [None, NonZeroU32::new(9).map(Cap::new)] {
        let refused = tokens.insert(&twin, cap).await;
        assert!(matches!(refused, Err(InsertTokenError::Store(_))), "{refused:?}");
        let refused = tokens.insert(&token, cap).await;
        assert!(
            matches!(refused, Err(InsertTokenError::DigestTaken)),
            "{refused:?}"
        );
    }
    assert_eq!(tokens.list(&ada.id, 0).await.expect("a list"), [token]);
}
