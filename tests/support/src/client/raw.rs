//! Bytes on a socket, for what no client library would send.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends `request` as it stands and reads until the server closes the connection: it asks for `Connection: close`.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    exchange_on(&mut stream, request).await
}

/// The same on a connection of one's own.
pub async fn exchange_on(stream: &mut TcpStream, request: &[u8]) -> (u16, String) {
    stream.write_all(request).await.expect("sent");
    let mut answer = Vec::new();
    // A server that refuses a body may close before it was read whole.
    let _reset = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status line: {answer:?}"));
    (status, answer)
}
