//! A TCP proxy between the program and a server, which breaks on command.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::in_time;

#[cfg(test)]
mod tests;

/// What is wrong with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is.
    None,
    /// Open connections are reset, and new ones are refused.
    Cut,
    /// New connections are accepted, and nothing is forwarded. What was sent meanwhile arrives afterwards.
    Hang,
    /// As [`Hang`](Self::Hang), but only what the client sends is kept.
    HangRequests,
    /// As [`Hang`](Self::Hang), but only what the server sends is kept.
    HangReplies,
    /// What is open, now or meanwhile, is silent for ever, and healing helps new connections alone: so it is behind a
    /// firewall that has forgotten them. The system at the other end goes on to acknowledge, so that no keep-alive
    /// notices.
    BlackHole,
    /// Every chunk takes this long in each direction.
    Delay(Duration),
    /// Every chunk that the server sends takes this long.
    DelayReplies(Duration),
    /// The next reply is lost with its connection, which is reset; then nothing is wrong any more.
    LoseReply,
}

/// Forwards to a server for as long as it lives.
pub struct Proxy {
    address: SocketAddr,
    fault: Arc<watch::Sender<Fault>>,
    traffic: watch::Receiver<Traffic>,
    accepting: JoinHandle<()>,
    /// Bound, and never listens: nobody gets the port while connections are refused.
    _port: TcpSocket,
}

#[derive(Clone, Copy, Debug)]
struct Traffic {
    listening: bool,
    open: usize,
    /// Of the open ones, those that are not silent for ever.
    carried: usize,
    accepted: usize,
}

/// A connection that is silent for ever.
struct Silent {
    client: TcpStream,
    /// Absent where it was silent from the start.
    server: Option<TcpStream>,
}

/// How a connection ceases to be carried.
enum End {
    InOrder,
    Reset,
    Silence,
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Replies,
}

impl Proxy {
    /// Forwards from a free port of this machine to the server of `url`, which need not be there yet.
    pub async fn before(url: &str) -> Self {
        Self::to(address_of(url)).await
    }

    /// Forwards from a free port of this machine to `server`, a host and a port.
    pub async fn to(server: impl ToString) -> Self {
        let port = bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = port.local_addr().expect("an address");
        let fault = Arc::new(watch::Sender::new(Fault::None));
        let (traffic, seen) = watch::channel(Traffic {
            listening: false,
            open: 0,
            carried: 0,
            accepted: 0,
        });
        let accepting = tokio::spawn(accept(
            address,
            server.to_string().into(),
            Arc::clone(&fault),
            Arc::new(traffic),
        ));
        let proxy = Self {
            address,
            fault,
            traffic: seen,
            accepting,
            _port: port,
        };
        proxy.set(Fault::None).await;
        proxy
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `url`, by way of here.
    pub fn url(&self, url: &str) -> String {
        url.replacen(address_of(url), &self.address.to_string(), 1)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on, for open connections and for new ones.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        let holds = |traffic: &Traffic| match fault {
            Fault::Cut => !traffic.listening && traffic.open == 0,
            Fault::BlackHole => traffic.listening && traffic.carried == 0,
            _ => traffic.listening,
        };
        let mut traffic = self.traffic.clone();
        let effect = in_time("the proxy does as it is told", traffic.wait_for(holds));
        effect.await.expect("the proxy runs");
    }

    pub async fn heal(&self) {
        self.set(Fault::None).await;
    }

    /// Resets what is open. What comes next gets through.
    pub async fn cut(&self) {
        self.set(Fault::Cut).await;
        self.heal().await;
    }

    /// What is wrong by now: a reply that was to be lost may be.
    pub fn fault(&self) -> Fault {
        *self.fault.borrow()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.traffic.borrow().open
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> usize {
        self.traffic.borrow().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.fault.send_replace(Fault::Cut);
    }
}

/// The host and the port of `url`.
pub fn address_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL");
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, address)| address)
}

/// A socket that shares its address with others which do not listen.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(
    address: SocketAddr,
    server: Arc<str>,
    fault: Arc<watch::Sender<Fault>>,
    traffic: Arc<watch::Sender<Traffic>>,
) {
    let mut faults = fault.subscribe();
    while faults.wait_for(|fault| *fault != Fault::Cut).await.is_ok() {
        let listener = bind(address).and_then(|socket| socket.listen(1024));
        let listener = listener.expect("the port is reserved");
        traffic.send_modify(|traffic| traffic.listening = true);
        let mut cut = faults.clone();
        tokio::select! {
            _ = cut.wait_for(|fault| *fault == Fault::Cut) => {}
            () = serve(&listener, &server, &fault, &traffic) => {}
        }
        drop(listener);
        traffic.send_modify(|traffic| traffic.listening = false);
    }
}

async fn serve(
    listener: &TcpListener,
    server: &Arc<str>,
    fault: &Arc<watch::Sender<Fault>>,
    traffic: &Arc<watch::Sender<Traffic>>,
) {
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        traffic.send_modify(|traffic| {
            traffic.open += 1;
            traffic.carried += 1;
            traffic.accepted += 1;
        });
        let (server, fault, traffic) = (Arc::clone(server), Arc::clone(fault), Arc::clone(traffic));
        tokio::spawn(async move {
            let silent = carry(client, &server, &fault).await;
            traffic.send_modify(|traffic| traffic.carried -= 1);
            if let Some(silent) = silent {
                silent.swallow(fault.subscribe()).await;
            }
            traffic.send_modify(|traffic| traffic.open -= 1);
        });
    }
}

/// Carries one connection, until both sides have closed it, one has reset it, it is cut, or it is silent for ever.
async fn carry(mut client: TcpStream, server: &str, orders: &watch::Sender<Fault>) -> Option<Silent> {
    let mut faults = orders.subscribe();
    // Else clients that give up would leave connections behind, as many as the server takes.
    let begins = faults.wait_for(|fault| *fault != Fault::Hang).await;
    let fault = begins.map_or(Fault::Cut, |fault| *fault);
    if fault == Fault::BlackHole {
        return Some(Silent { client, server: None });
    }
    let is_gone = matches!(client.peek(&mut [0]).now_or_never(), Some(Ok(0) | Err(_)));
    let server = match fault != Fault::Cut && !is_gone {
        true => TcpStream::connect(server).await.ok(),
        false => None,
    };
    let Some(mut server) = server else {
        reset(client);
        return None;
    };
    for side in [&client, &server] {
        // Where this fails the other side went away. Else small chunks would wait for each other's acknowledgement.
        let _ = side.set_nodelay(true);
    }
    let (mut cut, mut hole) = (faults.clone(), faults.clone());
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let end = tokio::select! {
        _ = cut.wait_for(|fault| *fault == Fault::Cut) => End::Reset,
        _ = hole.wait_for(|fault| *fault == Fault::BlackHole) => End::Silence,
        ended = async {
            tokio::try_join!(
                pump(from_client, to_server, Direction::Requests, orders),
                pump(from_server, to_client, Direction::Replies, orders),
            )
        } => if ended.is_ok() { End::InOrder } else { End::Reset },
    };
    match end {
        End::InOrder => None,
        End::Reset => {
            reset(client);
            reset(server);
            None
        }
        End::Silence => Some(Silent {
            client,
            server: Some(server),
        }),
    }
}

fn reset(side: TcpStream) {
    // Where this fails the other side went away.
    let _ = side.set_zero_linger();
}

impl Silent {
    /// Takes what the client sends, until that gives up or it is cut.
    async fn swallow(mut self, mut faults: watch::Receiver<Fault>) {
        let mut nowhere = sink();
        tokio::select! {
            _ = faults.wait_for(|fault| *fault == Fault::Cut) => {}
            // It ends with the connection, however that ends.
            _ = copy(&mut self.client, &mut nowhere) => {}
        }
        reset(self.client);
        // Nor does the server keep it then: it may take few connections, and locks are held by some.
        if let Some(server) = self.server {
            reset(server);
        }
    }
}

/// # Errors
/// What either side's socket reports.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    orders: &watch::Sender<Fault>,
) -> io::Result<()> {
    let mut faults = orders.subscribe();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut chunk).await?;
        pass(direction, &mut faults).await;
        if length == 0 {
            return to.shutdown().await;
        }
        let is_lost = |fault: &mut Fault| {
            let is_lost = *fault == Fault::LoseReply;
            if is_lost {
                *fault = Fault::None;
            }
            is_lost
        };
        if matches!(direction, Direction::Replies) && orders.send_if_modified(is_lost) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        to.write_all(&chunk[..length]).await?;
    }
}

/// Returns when a chunk may go on.
async fn pass(direction: Direction, faults: &mut watch::Receiver<Fault>) {
    loop {
        let fault = *faults.borrow_and_update();
        let in_time = match (fault, direction) {
            (Fault::Hang | Fault::BlackHole, _)
            | (Fault::HangRequests, Direction::Requests)
            | (Fault::HangReplies, Direction::Replies) => None,
            (Fault::Delay(delay), _) | (Fault::DelayReplies(delay), Direction::Replies) => Some(delay),
            _ => Some(Duration::ZERO),
        };
        let changed = async {
            // Where the proxy is gone, so is the connection.
            if faults.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        match in_time {
            Some(Duration::ZERO) => return,
            Some(delay) => {
                if timeout(delay, changed).await.is_err() {
                    return;
                }
            }
            None => changed.await,
        }
    }
}
