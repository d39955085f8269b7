//! What stands between a pool and its server, and can cut, hang or lose a reply.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Open,
    /// Nothing gets through, and nothing is closed.
    Hung,
    /// Every connection is closed.
    Cut,
    /// What is asked gets through; the connection is closed when the reply comes, and the next one gets through.
    Deaf,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    accepted: Arc<AtomicU32>,
}

impl Proxy {
    /// Before the server of `url`.
    pub(crate) async fn before(url: &str) -> Self {
        let server = address(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mode = Arc::new(watch::Sender::new(Mode::Open));
        let accepted = Arc::<AtomicU32>::default();
        let proxy = Self {
            address: listener.local_addr().expect("an address"),
            mode: Arc::clone(&mode),
            accepted: Arc::clone(&accepted),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(&server).await.expect("the server is there");
                tokio::spawn(join(client, server, Arc::clone(&mode)));
            }
        });
        proxy
    }

    /// `url`, through here.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(address(url), &self.address.to_string(), 1)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Closes what is open; what comes next gets through.
    pub(crate) async fn cut(&self) {
        self.set(Mode::Cut);
        while self.mode.receiver_count() > 0 {
            tokio::task::yield_now().await;
        }
        self.set(Mode::Open);
    }

    /// How many connections were opened through here.
    pub(crate) fn accepted(&self) -> u32 {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// The host and port of `url`.
pub(crate) fn address(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL");
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, address)| address)
}

async fn join(client: TcpStream, server: TcpStream, mode: Arc<watch::Sender<Mode>>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Both directions end with the first.
    tokio::select! {
        () = forward(from_client, to_server, &mode, false) => {}
        () = forward(from_server, to_client, &mode, true) => {}
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    sender: &watch::Sender<Mode>,
    is_reply: bool,
) {
    let mut mode = sender.subscribe();
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read.unwrap_or(0),
            _ = mode.wait_for(|mode| *mode == Mode::Cut) => 0,
        };
        let passing = mode.wait_for(|mode| *mode != Mode::Hung).await.map(|mode| *mode);
        match passing {
            Ok(Mode::Open) if read > 0 => {}
            Ok(Mode::Deaf) if read > 0 && !is_reply => {}
            Ok(Mode::Deaf) if read > 0 => {
                sender.send_replace(Mode::Open);
                return;
            }
            _ => return,
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
