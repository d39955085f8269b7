//! Calls that were carried out, but whose reply is lost.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, InsertTokenError};
use auth_redis::RedisAccessTokenStore;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

use crate::{server, token::hour};

/// Hands on what passes, until it is told to cut a connection where a reply would pass.
#[derive(Clone)]
struct Thief {
    port: u16,
    armed: Arc<AtomicBool>,
}

impl Thief {
    async fn start(host: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let thief = Self {
            port: listener.local_addr().expect("an address").port(),
            armed: Arc::default(),
        };
        let armed = Arc::clone(&thief.armed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&host).await.expect("the server");
                tokio::spawn(hand_on(client, server, Arc::clone(&armed)));
            }
        });
        thief
    }

    fn steal_the_next_reply(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    fn has_stolen(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

async fn hand_on(client: TcpStream, server: TcpStream, armed: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let out = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut reply = [0; 4096];
    while let Ok(length @ 1..) = from_server.read(&mut reply).await {
        if armed.swap(false, Ordering::SeqCst) || to_client.write_all(&reply[..length]).await.is_err() {
            break;
        }
    }
    out.abort();
}

async fn scene() -> (Thief, RedisAccessTokenStore<Uuid>) {
    let url = server::url("TEST_REDIS_URL");
    let thief = Thief::start(url.strip_prefix("redis://").expect("a plain URL").to_owned()).await;
    let redis = server::redis(&format!("redis://127.0.0.1:{}", thief.port)).await;
    (thief, RedisAccessTokenStore::new(redis))
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_insertion_is_made_again_and_finds_its_own() {
    let (thief, store) = scene().await;
    let user = Uuid::now_v7();
    let (first_key, first) = hour(user);
    store.insert(&first, None).await.expect("inserted");
    let (key, token) = hour(user);
    thief.steal_the_next_reply();
    store
        .insert(&token, NonZeroU32::new(2))
        .await
        .expect("the second attempt finds the token of the first");
    assert!(thief.has_stolen());
    assert_eq!(
        store.list(&user).await.expect("a list"),
        [token.clone(), first.clone()]
    );

    // Another's digest stays taken, also for a second attempt.
    let (_, mut other) = hour(user);
    other.digest = first_key.digest;
    thief.steal_the_next_reply();
    let taken = store.insert(&other, None).await;
    assert!(matches!(taken, Err(InsertTokenError::DigestTaken)), "{taken:?}");
    assert!(thief.has_stolen());
    assert_eq!(store.find(&first_key).await.expect("an answer"), Some(first));
    let again = store.insert(&token, None).await;
    assert!(
        matches!(again, Err(InsertTokenError::DigestTaken)),
        "a first attempt has none of its own: {again:?}"
    );
    assert_eq!(store.find(&key).await.expect("an answer"), Some(token));
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_lost_look_up_or_revocation_is_made_again() {
    let (thief, store) = scene().await;
    let user = Uuid::now_v7();
    let (key, token) = hour(user);
    store.insert(&token, None).await.expect("inserted");
    thief.steal_the_next_reply();
    assert_eq!(store.find(&key).await.expect("the second attempt"), Some(token));
    assert!(thief.has_stolen());
    thief.steal_the_next_reply();
    let _whether_it_was_the_first: bool = store.delete(&key).await.expect("the second attempt");
    assert!(thief.has_stolen());
    assert_eq!(store.find(&key).await.expect("an answer"), None);
    store.insert(&hour(user).1, None).await.expect("inserted");
    thief.steal_the_next_reply();
    store.delete_all(&user).await.expect("the second attempt");
    assert!(thief.has_stolen());
    assert_eq!(store.list(&user).await.expect("a list"), []);
}
