//! Clients that go away in the middle of a request.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

use portcullis_support::{Fault, Proxy, until};

use crate::{
    process::Showcase,
    site::{Credential, PASSWORD, Site},
};

/// More than a pool has connections, and more than hashes may wait.
const RESETS: usize = 40;

/// How long each chunk takes to the store and back: an insertion takes long enough for some to be hit.
const DELAY: Duration = Duration::from_millis(50);

/// A log-in that its client drops is done or undone; permits and connections come back. `tokens` counts the access tokens
/// of the store. Behind a `proxy` some are hit while the store has them.
pub(crate) async fn mid_log_in(
    showcase: &Showcase,
    site: &Site,
    backend: &'static str,
    proxy: Option<&Proxy>,
    tokens: impl AsyncFn() -> usize,
) {
    let ada = site.person("ada").await;
    let request = site.log_in(backend, &ada, PASSWORD).raw();
    let before = tokens().await;
    let (mut resets, mut answered) = (0, 0);
    // If on a busy machine none was hit, or none undone, again.
    for round in 1..=3 {
        if let Some(proxy) = proxy {
            proxy.set(Fault::Delay(DELAY)).await;
        }
        let mut whole = Duration::ZERO;
        until("a log-in is served", async || {
            let start = Instant::now();
            let answer = site.log_in(backend, &ada, PASSWORD).send().await;
            whole = start.elapsed();
            answer.status == 200
        })
        .await;
        answered += sweep(showcase, &request, whole).await;
        resets += RESETS;
        if let Some(proxy) = proxy {
            proxy.heal().await;
        }
        everything_is_back(site, backend, &ada).await;
        // Two are of whoever looked.
        let done = tokens().await - before - 2 * round;
        let found = format!("{done} of {resets} are done, {answered} were answered");
        assert!(answered <= done, "{found}");
        if done < resets && (proxy.is_none() || answered < done) {
            return;
        }
    }
    panic!("none was hit before or while the store had it: of {resets}, {answered} were answered");
}

/// Sends the request again and again, resets each connection, at once and then about when the answer comes, and says how
/// many were granted before. The request takes about as long as `whole`.
async fn sweep(showcase: &Showcase, request: &str, whole: Duration) -> usize {
    // Shorter than the store has it.
    let step = (whole / 8).min(DELAY / 2);
    let (mut after, mut granted) = (Duration::ZERO, 0);
    for n in 0..RESETS {
        if n == 1 {
            after = whole.saturating_sub(4 * step);
        }
        if reset(showcase, request, after).await {
            granted += 1;
            after = after.saturating_sub(2 * step);
        } else {
            after += step;
        }
    }
    granted
}

/// A log-out that its client drops is done or undone, and can be repeated. `tokens` counts the access tokens of the store.
pub(crate) async fn mid_log_out(
    showcase: &Showcase,
    site: &Site,
    backend: &'static str,
    tokens: impl AsyncFn() -> usize,
) {
    let ada = site.person("ada").await;
    let mut credentials = Vec::new();
    for _ in 0..RESETS {
        credentials.push(site.credential(backend, &ada).await);
    }
    let measured = site.credential(backend, &ada).await;
    let start = Instant::now();
    site.log_out(&measured).send().await.is(204);
    let whole = start.elapsed();
    for (n, credential) in credentials.iter().enumerate() {
        // The last one has time enough, however busy the machine is by now.
        let share = if n + 1 == RESETS { 20 * RESETS } else { 2 * n };
        let after = whole.mul_f64(share as f64 / RESETS as f64);
        reset(showcase, &site.log_out(credential).raw(), after).await;
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
    assert_eq!(tokens().await, 1, "that of whoever looked is left");
}

/// Sends the request, resets the connection after a while, and says whether it was granted before.
async fn reset(showcase: &Showcase, request: &str, after: Duration) -> bool {
    let address = showcase.base_url().strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    sleep(after).await;
    let mut answer = [0; 12];
    // Nothing may have come, which is no error of the test's.
    let _ = stream.try_read(&mut answer);
    stream.set_zero_linger().expect("a reset");
    drop(stream);
    answer.starts_with(b"HTTP/1.1 20")
}

/// No permit of the hasher and no connection of the pool is lost. Leaves one token.
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
