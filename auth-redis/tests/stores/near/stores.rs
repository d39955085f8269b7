//! What a node remembers, and what it sees of changes.

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, Advance, RotateTokens as _, TokenKind};
use uuid::Uuid;

use super::Node;
use crate::{
    redis::round_trips::counted,
    server::{self, Server, until},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_log_in_is_read_once_and_then_remembered() {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let node = Node::on(&server.url(), &server::prefix()).await;
    let key = node.log_in().await;
    counted(&client).await;
    for _request in 0..1_000 {
        assert!(node.remembers(&key).await);
    }
    let counts = counted(&client).await;
    let reads = counts.get("get").copied().unwrap_or(0);
    assert_eq!(reads, 0, "nothing but beats: {counts:?}");
    let stats = node.stats();
    assert!(
        stats.hits >= 1_000 && stats.entries == 1 && stats.bytes > 300,
        "{stats:?}"
    );
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_node_sees_its_own_changes_at_once() {
    let node = Node::on(&server::url("TEST_REDIS_URL"), &server::prefix()).await;
    for _time in 0..20 {
        let key = node.log_in().await;
        assert!(node.tokens.delete(&key).await.expect("deleted"));
        assert!(!node.is_valid(&key).await);
        let (key, token) = hour(Uuid::now_v7());
        node.tokens.insert(&token, None).await.expect("inserted");
        node.learns(&key).await;
        assert!(
            node.tokens
                .delete_by_id(&token.user_id, token.id)
                .await
                .expect("deleted")
        );
        assert!(!node.is_valid(&key).await);
        node.tokens.insert(&token, None).await.expect("inserted");
        node.learns(&key).await;
        node.tokens.delete_all(&token.user_id).await.expect("deleted");
        assert!(!node.is_valid(&key).await);
        node.tokens.insert(&token, None).await.expect("inserted");
        node.learns(&key).await;
        let (_, newer) = hour(token.user_id);
        let cap = auth_core::Cap::new(std::num::NonZeroU32::MIN);
        node.tokens.insert(&newer, Some(cap)).await.expect("inserted");
        assert!(!node.is_valid(&key).await, "it was pushed out");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn another_node_sees_a_change_soon() {
    let (url, prefix) = (server::url("TEST_REDIS_URL"), server::prefix());
    let (one, other) = (Node::on(&url, &prefix).await, Node::on(&url, &prefix).await);
    let key = one.log_in().await;
    other.learns(&key).await;
    let row = one
        .tokens
        .find_latest(&key)
        .await
        .expect("an answer")
        .expect("a log-in");
    assert!(!row.provenance.may_be_behind);
    let step = Advance::new(TokenKind::Refresh, 0, row.created_at);
    one.tokens.advance(&key, &step).await.expect("advanced");
    let number = async |latest: bool| {
        let found = match latest {
            true => other.tokens.find_latest(&key).await,
            false => other.tokens.find(&key).await,
        };
        found
            .expect("an answer")
            .expect("a log-in")
            .refresh_generation
            .number
    };
    assert_eq!(number(true).await, 1, "who asks for it has the latest at once");
    until("the step is seen", async || number(false).await == 1).await;
    assert!(one.tokens.delete(&key).await.expect("deleted"));
    until("the end is seen", async || !other.is_valid(&key).await).await;
}
