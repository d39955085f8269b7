//! What a log-in and a session take of the server's memory.

use auth_core::{
    AccessToken, AccessTokenStore as _, Advance, RotateTokens as _, SessionStore as _, StoredSession,
    TokenKind, TokenLookup,
};
use auth_redis::{Client, RedisAccessTokenStore, RedisSessionStore};
use time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    server::{self, Server, ask},
    session::session,
    token::token,
};

const TOKENS: usize = 5_000;

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                       Safari/537.36";

/// Without the buffers of connections, which grow and shrink.
async fn used_memory(client: &Client) -> u64 {
    let info = ask(client, &["INFO", "memory"]).await.expect("statistics");
    let info = info.as_string().expect("text");
    let bytes = |name: &str| -> u64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.expect(name).trim().parse().expect("a number")
    };
    bytes("used_memory:") - bytes("mem_clients_normal:")
}

/// Makes `calls` some at a time.
async fn all<F: Future<Output = ()> + Send + 'static>(calls: impl Iterator<Item = F>) {
    let mut running = JoinSet::new();
    for call in calls {
        running.spawn(call);
        if running.len() == 16 {
            running.join_next().await.expect("a call").expect("an end");
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("an end");
    }
}

/// `count` log-ins of users who have `each`.
fn log_ins(count: usize, each: usize) -> Vec<(TokenLookup, AccessToken<Uuid>)> {
    let users = std::iter::repeat_with(Uuid::now_v7);
    let owners = users.flat_map(|user| std::iter::repeat_n(user, each));
    let log_ins = owners.take(count).map(|user| {
        let (key, mut token) = token(user, Some(Duration::days(14)));
        token.absolute_expires_at = Some(token.created_at + Duration::days(30));
        token.backend = "web".to_owned();
        token.client.user_agent = Some(BROWSER.to_owned());
        token.client.address = Some("2001:db8:85a3:1234:5678:8a2e:370:7334".to_owned());
        (key, token)
    });
    log_ins.collect()
}

/// Inserts them, then refreshes each, and returns the memory that is used after either.
async fn used(
    store: &RedisAccessTokenStore<Uuid>,
    client: &Client,
    log_ins: &[(TokenLookup, AccessToken<Uuid>)],
) -> [u64; 2] {
    all(log_ins.iter().cloned().map(|(_, token)| {
        let store = store.clone();
        async move { store.insert(&token, None).await.expect("inserted") }
    }))
    .await;
    let inserted = used_memory(client).await;
    all(log_ins.iter().cloned().map(|(key, token)| {
        let store = store.clone();
        async move {
            let mut step = Advance::new(TokenKind::Refresh, 0, token.created_at);
            step.keep_until = Some(token.created_at + Duration::days(15));
            let advanced = store.advance(&key, &step).await.expect("an answer");
            assert!(advanced.expect("a token").by_this_call);
        }
    }))
    .await;
    [inserted, used_memory(client).await]
}

#[tokio::test]
#[ignore = "needs Redis"]
#[expect(clippy::print_stdout, reason = "the figures are worth a look: `--nocapture`")]
async fn a_log_in_of_a_browser_takes_at_most_450_bytes_all_included_and_the_only_one_of_a_user_600() {
    // A user's index is shared by all that the user has.
    for (each, limit) in [(100, 450), (3, 450), (1, 600)] {
        let server = Server::start(&[]).await;
        let client = server::client(&server.url()).await;
        let redis = server::redis_with(&server.url(), "portcullis:").await;
        let store = RedisAccessTokenStore::<Uuid>::new(redis);
        // Now the server has the scripts.
        used(&store, &client, &log_ins(100, 100)).await;
        ask(&client, &["FLUSHALL"]).await.expect("flushed");
        let before = used_memory(&client).await;
        let used = used(&store, &client, &log_ins(TOKENS, each)).await;
        let [plain, refreshed] = used.map(|used| (used - before) / TOKENS as u64);
        let figures = format!("{plain} bytes, {refreshed} once refreshed, if a user has {each}");
        println!("{figures}");
        assert!(plain <= limit && refreshed <= limit, "{figures}");
    }
}

/// A session of a user who has `each` of them, or of a visitor, with 1 KiB of data.
fn sessions(count: usize, each: Option<usize>) -> Vec<(TokenLookup, StoredSession<Uuid>)> {
    let users = std::iter::repeat_with(Uuid::now_v7);
    let owners = users.flat_map(|user| std::iter::repeat_n(user, each.unwrap_or(1)));
    let sessions = owners.take(count).map(|user| {
        let (key, mut session) = session(each.map(|_| user), Some(Duration::hours(6)));
        session.data = format!("{{\"cart\":\"{}\"}}", "x".repeat(1024 - 11));
        assert_eq!(session.data.len(), 1024);
        (key, session)
    });
    sessions.collect()
}

#[tokio::test]
#[ignore = "needs Redis"]
#[expect(clippy::print_stdout, reason = "the figures are worth a look: `--nocapture`")]
async fn a_session_takes_its_data_and_at_most_700_bytes() {
    for (each, limit) in [(None, 500), (Some(3), 600), (Some(1), 700)] {
        let server = Server::start(&[]).await;
        let client = server::client(&server.url()).await;
        let redis = server::redis_with(&server.url(), "portcullis:").await;
        let store = RedisSessionStore::<Uuid>::new(redis);
        let create = async |sessions: Vec<(TokenLookup, StoredSession<Uuid>)>| {
            all(sessions.into_iter().map(|(key, session)| {
                let store = store.clone();
                async move {
                    store.create(&key, &session, None).await.expect("created");
                }
            }))
            .await;
        };
        // Now the server has the scripts.
        create(sessions(10, each)).await;
        ask(&client, &["FLUSHALL"]).await.expect("flushed");
        let before = used_memory(&client).await;
        create(sessions(TOKENS, each)).await;
        let used = (used_memory(&client).await - before) / TOKENS as u64;
        let figures = format!("{used} bytes with 1024 of data, if a user has {each:?}");
        println!("{figures}");
        assert!(used <= 1024 + limit, "{figures}");
    }
}
