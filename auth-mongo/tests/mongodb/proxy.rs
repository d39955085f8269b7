//! A TCP proxy before the server that hangs or cuts.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weather {
    Fair,
    /// They are taken and not passed on until it is fair again.
    Hung,
    /// Connections are closed, new ones too.
    Cut,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    weather: watch::Sender<Weather>,
}

impl Proxy {
    /// A proxy before `server`, on a free port.
    pub(crate) async fn before(server: String) -> Self {
        Self::at("127.0.0.1:0", server).await
    }

    pub(crate) async fn at(address: &str, server: String) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (weather, now) = watch::channel(Weather::Fair);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *now.borrow() == Weather::Cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, now.clone()));
                tokio::spawn(pass(from_server, to_client, now.clone()));
            }
        });
        Self { address, weather }
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut bytes = vec![0; 16_384];
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            cut = weather.wait_for(|weather| *weather == Weather::Cut) => {
                drop(cut);
                return;
            }
        };
        let count = match read {
            Ok(count) if count > 0 => count,
            _ => return,
        };
        let now = match weather.wait_for(|weather| *weather != Weather::Hung).await {
            Ok(weather) => *weather,
            Err(_gone) => return,
        };
        if now == Weather::Cut || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
