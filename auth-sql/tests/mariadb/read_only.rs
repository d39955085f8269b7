//! A server that takes no writes, as the one that was the primary until a moment ago.

use std::num::NonZeroU32;

use auth_core::{AccessTokenStore as _, Cap, UserStore as _};
use diesel_async::SimpleAsyncConnection as _;

use crate::{
    backend::{Pool, Tokens, Users, database, migrate, pool},
    own_server::Server,
    server::sample::{new_token, new_user},
};

const CONNECTIONS: usize = 8;

/// Opens each connection of the pool.
async fn fill(pool: &Pool) {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(pool.get().await.expect("a connection"));
    }
    drop(connections);
    assert_eq!(pool.status().size, CONNECTIONS);
}

#[test]
#[ignore = "needs MariaDB"]
fn connections_to_a_server_that_takes_no_writes_are_given_up_at_the_first_that_is_refused() {
    auth_core::conformance::run(async {
        let server = Server::start().await;
        let root = pool(&server.root_url(), 1);
        let mut root = root.get().await.expect("a connection");
        let pool = pool(&server.url(), CONNECTIONS);
        migrate(&pool).await.expect("tables");
        let database = database(&pool);
        let (users, tokens) = (Users::new(&database), Tokens::new(&database));
        let ada = users.insert(new_user("ada", ())).await.expect("a user");
        let (_, token) = new_token(&ada.id, "token");

        root.batch_execute("SET GLOBAL read_only = 1").await.expect("set");
        fill(&pool).await;
        let found = users.find(&ada.id).await.expect("a look-up writes nothing");
        assert_eq!(found.map(|user| user.id), Some(ada.id));
        assert_eq!(pool.status().size, CONNECTIONS);
        let refused = users.insert(new_user("ben", ())).await;
        assert!(refused.is_err(), "the server takes no writes: {refused:?}");
        assert_eq!(
            pool.status().size,
            0,
            "the next goes to whoever is the primary now"
        );
        fill(&pool).await;
        let refused = tokens.insert(&token, NonZeroU32::new(1).map(Cap::new)).await;
        assert!(refused.is_err(), "nor those of a transaction: {refused:?}");
        assert_eq!(pool.status().size, 0);

        root.batch_execute("SET GLOBAL read_only = 0").await.expect("set");
        users.insert(new_user("ben", ())).await.expect("as before");
        tokens
            .insert(&token, NonZeroU32::new(1).map(Cap::new))
            .await
            .expect("as before");
    });
}
