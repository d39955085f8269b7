//! The proxy itself.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Fault, Proxy};
use crate::until;

const MOMENT: Duration = Duration::from_millis(100);

/// A server that sends back what it gets.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                // The client may reset it.
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .expect("a connection")
}

/// Sends a word and reads it back.
async fn round_trip(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"word").await?;
    let mut word = [0; 4];
    stream.read_exact(&mut word).await?;
    assert_eq!(&word, b"word");
    Ok(())
}

#[tokio::test]
async fn a_proxy_forwards_both_ways_and_hands_on_the_end_of_each() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = connect(&proxy).await;
    let sent = vec![7; 1_000_000];
    let (mut from, mut to) = stream.split();
    let mut received = Vec::new();
    let sending = async {
        to.write_all(&sent).await.expect("sent");
        to.shutdown().await.expect("closed");
    };
    let (read, ()) = tokio::join!(from.read_to_end(&mut received), sending);
    read.expect("an end in order");
    assert!(sent == received, "not what was sent");
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn cut_resets_what_is_open_and_refuses_what_is_new_until_healed() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = connect(&proxy).await;
    round_trip(&mut stream).await.expect("an echo");
    assert_eq!(proxy.open(), 1);
    for _again in 0..3 {
        proxy.set(Fault::Cut).await;
        assert_eq!(proxy.open(), 0);
        let reset = round_trip(&mut stream).await.expect_err("a reset");
        assert!(
            [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe].contains(&reset.kind()),
            "{reset}"
        );
        let refused = TcpStream::connect(("127.0.0.1", proxy.port())).await;
        let refused = refused.expect_err("refused");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

        proxy.heal().await;
        stream = connect(&proxy).await;
        round_trip(&mut stream).await.expect("an echo");
    }
}

#[tokio::test]
async fn hang_keeps_what_is_sent_and_delivers_it_once_healed() {
    let proxy = Proxy::to(echo().await).await;
    for fault in [Fault::Hang, Fault::HangRequests, Fault::HangReplies] {
        let mut old = connect(&proxy).await;
        round_trip(&mut old).await.expect("an echo");
        proxy.set(fault).await;
        let mut new = connect(&proxy).await;
        for stream in [&mut old, &mut new] {
            stream.write_all(b"late").await.expect("sent");
            let mut word = [0; 4];
            let silence = timeout(MOMENT, stream.read_exact(&mut word)).await;
            silence.expect_err("nothing comes through");
        }
        proxy.heal().await;
        for stream in [&mut old, &mut new] {
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.expect("the echo");
            assert_eq!(&word, b"late");
            round_trip(stream).await.expect("an echo");
        }
    }
}

#[tokio::test]
async fn a_black_hole_silences_for_ever_what_was_open_and_new_connections_work_once_healed() {
    let proxy = Proxy::to(echo().await).await;
    let mut before = connect(&proxy).await;
    round_trip(&mut before).await.expect("an echo");
    proxy.set(Fault::BlackHole).await;
    let mut meanwhile = connect(&proxy).await;
    let mut word = [0; 4];
    for healed in [false, true] {
        for stream in [&mut before, &mut meanwhile] {
            stream.write_all(b"word").await.expect("sent");
            let silence = timeout(MOMENT, stream.read_exact(&mut word)).await;
            silence.expect_err("nothing comes through");
        }
        if !healed {
            proxy.heal().await;
        }
    }
    let mut after = connect(&proxy).await;
    round_trip(&mut after).await.expect("an echo");
    assert_eq!(proxy.open(), 3);
    drop((before, meanwhile));
    until("the proxy lets go of them", async || proxy.open() == 1).await;
    round_trip(&mut after).await.expect("an echo");
}

/// A server that greets at once and then listens.
#[tokio::test]
async fn hang_in_one_direction_lets_the_other_through() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = Proxy::to(listener.local_addr().expect("an address")).await;
    let mut word = [0; 4];

    proxy.set(Fault::HangRequests).await;
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.expect("a connection");
    server.write_all(b"word").await.expect("sent");
    client.read_exact(&mut word).await.expect("a reply comes through");
    client.write_all(b"word").await.expect("sent");
    let silence = timeout(MOMENT, server.read_exact(&mut word)).await;
    silence.expect_err("no request comes through");

    proxy.set(Fault::HangReplies).await;
    server
        .read_exact(&mut word)
        .await
        .expect("a request comes through");
    server.write_all(b"word").await.expect("sent");
    let silence = timeout(MOMENT, client.read_exact(&mut word)).await;
    silence.expect_err("no reply comes through");
}

#[tokio::test]
async fn delay_slows_every_chunk_in_each_direction() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::Delay(MOMENT)).await;
    let start = Instant::now();
    round_trip(&mut stream).await.expect("an echo");
    assert!(start.elapsed() >= 2 * MOMENT);
    proxy.heal().await;
    let start = Instant::now();
    round_trip(&mut stream).await.expect("an echo");
    assert!(start.elapsed() < MOMENT);
}

#[tokio::test]
async fn where_there_is_no_server_connections_are_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = listener.local_addr().expect("an address");
    drop(listener);
    let proxy = Proxy::to(server).await;
    let mut stream = connect(&proxy).await;
    let reset = round_trip(&mut stream).await.expect_err("a reset");
    assert!(
        [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe].contains(&reset.kind()),
        "{reset}"
    );
}

#[tokio::test]
async fn a_proxy_that_is_dropped_resets_its_connections() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = connect(&proxy).await;
    round_trip(&mut stream).await.expect("an echo");
    drop(proxy);
    round_trip(&mut stream).await.expect_err("a reset");
}

#[tokio::test]
async fn one_reply_is_lost_with_its_connection_though_its_request_came_through() {
    let proxy = Proxy::to(echo().await).await;
    let mut first = connect(&proxy).await;
    proxy.set(Fault::LoseReply).await;
    first.write_all(b"lost").await.expect("sent");
    let lost = timeout(Duration::from_secs(10), first.read(&mut [0; 4])).await;
    lost.expect("an end").expect_err("it is reset");
    assert_eq!(proxy.fault(), Fault::None);
    let mut second = connect(&proxy).await;
    second.write_all(b"kept").await.expect("sent");
    let mut reply = [0; 4];
    second.read_exact(&mut reply).await.expect("a reply");
    assert_eq!(&reply, b"kept");
}

#[test]
fn the_address_in_a_url_is_replaced_whatever_stands_around_it() {
    for (url, expected) in [
        ("redis://127.0.0.1:6379", "127.0.0.1:6379"),
        ("mysql://ada:p@localhost:3306/app?x=@", "localhost:3306"),
        ("mongodb://[::1]:27017/app", "[::1]:27017"),
    ] {
        assert_eq!(super::address_of(url), expected, "{url}");
    }
}
