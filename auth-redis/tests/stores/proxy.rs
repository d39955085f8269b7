//! What stands between a store and its server, and loses replies or hands them on late.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Hands on what passes, until it is told otherwise.
#[derive(Clone)]
pub(crate) struct Proxy {
    port: u16,
    orders: Arc<Orders>,
}

#[derive(Default)]
struct Orders {
    steals: AtomicBool,
    /// In milliseconds.
    delay: AtomicU64,
}

impl Proxy {
    /// One to the server at `url`.
    pub(crate) async fn start(url: &str) -> Self {
        let host = url.strip_prefix("redis://").expect("a plain URL").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            port: listener.local_addr().expect("an address").port(),
            orders: Arc::default(),
        };
        let orders = Arc::clone(&proxy.orders);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&host).await.expect("the server");
                tokio::spawn(hand_on(client, server, Arc::clone(&orders)));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Lets it cut the connection on which the next reply would pass.
    pub(crate) fn steal_the_next_reply(&self) {
        self.orders.steals.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_stolen(&self) -> bool {
        !self.orders.steals.load(Ordering::SeqCst)
    }

    /// Lets each reply wait for `span`, from now on.
    pub(crate) fn delay(&self, span: Duration) {
        let span = u64::try_from(span.as_millis()).expect("a short wait");
        self.orders.delay.store(span, Ordering::SeqCst);
    }
}

async fn hand_on(client: TcpStream, server: TcpStream, orders: Arc<Orders>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let out = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut reply = [0; 4096];
    while let Ok(length @ 1..) = from_server.read(&mut reply).await {
        sleep(Duration::from_millis(orders.delay.load(Ordering::SeqCst))).await;
        if orders.steals.swap(false, Ordering::SeqCst) || to_client.write_all(&reply[..length]).await.is_err()
        {
            break;
        }
    }
    out.abort();
}
