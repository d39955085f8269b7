//! Clients that go away in the middle of a request.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

use crate::{
    process::{Showcase, until},
    site::{Credential, PASSWORD, Site},
};

/// More than a pool has connections, and more than hashes may wait.
const RESETS: u32 = 40;

/// A log-in that its client drops is done or undone; permits and connections come back.
pub(crate) async fn mid_log_in(showcase: &Showcase, site: &Site, backend: &'static str) {
    let ada = site.person("ada").await;
    let form = format!(
        "username={}&password={}",
        ada.replace('@', "%40"),
        PASSWORD.replace(' ', "+")
    );
    let request = format!(
        "POST /auth/{backend}/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    );
    let start = Instant::now();
    site.log_in(backend, &ada, PASSWORD).send().await.is(200);
    let whole = start.elapsed();
    for n in 0..RESETS {
        reset(showcase, &request, whole * n / RESETS).await;
    }
    everything_is_back(site, backend, &ada).await;
}

/// A log-out that its client drops is done or undone, and can be repeated.
pub(crate) async fn mid_log_out(showcase: &Showcase, site: &Site, backend: &'static str) {
    let ada = site.person("ada").await;
    let mut credentials = Vec::new();
    for _ in 0..RESETS {
        credentials.push(site.credential(backend, &ada).await);
    }
    let request = |line: &str| {
        format!("POST /auth/{backend}/logout HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n{line}\r\n\r\n")
    };
    let measured = site.credential(backend, &ada).await;
    let start = Instant::now();
    site.log_out(&measured).send().await.is(204);
    let whole = start.elapsed();
    for (n, credential) in (0..).zip(&credentials) {
        // The last one has time enough, however busy the machine is by now.
        let share = if n + 1 == RESETS { 20 * RESETS } else { 2 * n };
        reset(showcase, &request(&credential.line()), whole * share / RESETS).await;
    }
    let (mut done, mut undone) = (0, 0);
    for credential in &credentials {
        let read = site.read(credential).send().await;
        let again = site.log_out(credential).send().await;
        match (read.status, again.status) {
            (200, 204) => undone += 1,
            (401, 401) => done += 1,
            _ => panic!("{read:?}, then {again:?}"),
        }
        site.read(credential).send().await.is(401);
    }
    assert!(
        done > 0 && undone > 0,
        "{done} done, {undone} undone: they went away too late or too soon"
    );
    everything_is_back(site, backend, &ada).await;
}

/// Sends the request and resets the connection after a while.
async fn reset(showcase: &Showcase, request: &str, after: Duration) {
    let address = showcase.base_url().strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    sleep(after).await;
    stream.set_zero_linger().expect("a reset");
    drop(stream);
}

/// No permit of the hasher and no connection of the pool is lost.
async fn everything_is_back(site: &Site, backend: &'static str, email: &str) {
    let mut credential = None;
    // The hashes of those who went away come first.
    until("a log-in is served", async || {
        let answer = site.log_in(backend, email, PASSWORD).send().await;
        if answer.status == 503 {
            answer.is_unavailable();
        } else {
            credential = Some(Credential::issued(backend, &answer));
        }
        credential.is_some()
    })
    .await;
    let credential = credential.expect("a credential");
    let reads = join_all((0..64).map(|_| site.read(&credential).send())).await;
    for answer in reads {
        answer.is(200);
        assert_eq!(answer.json()["email"], *email);
    }
    for _again in 0..3 {
        let credential = site.credential(backend, email).await;
        site.log_out(&credential).send().await.is(204);
    }
}
