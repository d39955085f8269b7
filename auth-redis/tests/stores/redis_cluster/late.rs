//! A node that stalls for longer than a call is waited for.

use std::time::Duration;

use auth_core::{AccessTokenStore as _, Advance, RotateTokens as _, StoreErrorKind, TokenKind};
use auth_redis::RedisAccessTokenStore;
use uuid::Uuid;

use super::own::Cluster;
use crate::{
    server::{self, tell, until},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn a_step_that_was_given_up_is_not_made_by_a_node_that_is_back() {
    let cluster = Cluster::start(2, 0).await;
    let redis = server::redis(&cluster.url()).await;
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let hasty = redis.clone().deadline(Duration::from_millis(500));
    let hasty = RedisAccessTokenStore::<Uuid>::new(hasty.expect("a deadline"));
    let (key, token) = hour(cluster.user_of_the_first());
    store.insert(&token, None).await.expect("inserted");
    let step = |from| Advance::new(TokenKind::Refresh, from, token.created_at);
    store.advance(&key, &step(7)).await.expect("not made");
    let node = &cluster.nodes[0];
    tell(&node.url(), &["CONFIG", "RESETSTAT"]).await;

    node.signal("-STOP");
    let error = hasty.advance(&key, &step(0)).await.expect_err("nobody answers");
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    node.signal("-CONT");
    until("the node catches up", async || {
        let counts = tell(&node.url(), &["INFO", "commandstats"]).await;
        counts
            .as_string()
            .is_some_and(|counts| counts.contains("evalsha:calls=1,"))
    })
    .await;
    until("the node is used again", async || {
        let found = store.find(&key).await;
        found.is_ok_and(|found| {
            assert_eq!(found.as_ref(), Some(&token), "as before");
            true
        })
    })
    .await;
    let advanced = store.advance(&key, &step(0)).await.expect("an answer");
    assert!(advanced.expect("a token").by_this_call);
}
