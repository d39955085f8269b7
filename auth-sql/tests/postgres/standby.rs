//! A server that takes no writes, as the one that was the primary until a moment ago.

use auth_core::UserStore as _;
use diesel_async::SimpleAsyncConnection as _;

use crate::{
    backend::{Place, Users},
    server::sample::new_user,
};

#[test]
#[ignore = "needs PostgreSQL"]
fn a_connection_to_a_server_that_takes_no_writes_is_given_up() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let pool = place.pool(1);
        let users = Users::new(&pool);
        let mut connection = pool.get().await.expect("a connection");
        connection
            .batch_execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            .await
            .expect("set");
        drop(connection);
        let refused = users.insert(new_user("ada", ())).await;
        assert!(refused.is_err(), "the server takes no writes: {refused:?}");
        let ada = users
            .insert(new_user("ada", ()))
            .await
            .expect("a connection to another");
        let deleted = users.delete(&ada.id).await;
        assert!(deleted.expect("an answer"), "as before");
    });
}
