//! What only the driver of this database can do.

use auth_core::{AccessTokenStore as _, UserStore as _};

use crate::{
    backend::{CONNECTION_NUMBER, Place, Tokens, Users, database, number},
    server::{
        cancellation::cancelled,
        proxy::Proxy,
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
        for round in 0..20 {
            let (_, token) = new_token(&ada.id, &format!("token {round}"));
            for polls in 1..4 {
                cancelled(users.find(&ada.id), polls, false).await;
                cancelled(tokens.insert(&token, None), polls, false).await;
                cancelled(
                    users.insert(new_user(&format!("user{round}and{polls}"), ())),
                    polls,
                    false,
                )
                .await;
            }
        }
        let after = number(&mut pool.get().await.expect("the connection"), CONNECTION_NUMBER).await;
        assert_eq!((before, proxy.accepted()), (after, 1));
    });
}
