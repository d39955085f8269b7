//! Clients that go away in the middle of a request.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

use portcullis_support::{Fault, Proxy, until};

use crate::{
    devices::{BACKENDS, REUSED},
    process::Showcase,
    site::{Call, Credential, PASSWORD, Pair, Site},
};

/// More than a pool has connections, and more than hashes may wait.
const RESETS: usize = 40;

/// How long each chunk takes to the store and back: an insertion takes long enough for some to be hit.
const DELAY: Duration = Duration::from_millis(50);

/// How many clients with refresh tokens there are.
const HOLDERS: usize = 16;

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
    let (mut done, mut undone) = (0, 0);
    // If on a busy machine all went away too late or too soon, again.
    for _round in 0..5 {
        let (some_done, some_undone) = log_outs(showcase, site, backend, &ada).await;
        (done, undone) = (done + some_done, undone + some_undone);
        if done > 0 && undone > 0 {
            break;
        }
    }
    assert!(
        done > 0 && undone > 0,
        "{done} done, {undone} undone: they went away too late or too soon"
    );
    everything_is_back(site, backend, &ada).await;
    assert_eq!(tokens().await, 1, "that of whoever looked is left");
}

/// How many log-outs that their client drops are done, and how many undone.
async fn log_outs(showcase: &Showcase, site: &Site, backend: &'static str, ada: &str) -> (usize, usize) {
    let mut credentials = Vec::new();
    for _ in 0..RESETS {
        credentials.push(site.credential(backend, ada).await);
    }
    let measured = site.credential(backend, ada).await;
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
    (done, undone)
}

/// A refresh, or a request that brings the next access token, which its client drops is done or undone. Whichever it is, what
/// the client holds is good. Behind a `proxy` some are hit when the store has made the step.
pub(crate) async fn mid_refresh(showcase: &Showcase, site: &Site, proxy: Option<&Proxy>) {
    let ada = site.person("ada").await;
    let mut holders = Vec::new();
    for n in 0..HOLDERS {
        let pair = site.pair(BACKENDS[n % 2], &ada).await;
        holders.push(Holder {
            site,
            email: &ada,
            pair,
        });
    }
    if let Some(proxy) = proxy {
        proxy.set(Fault::DelayReplies(DELAY)).await;
    }
    // A dropped request may have its turn late, and a refresh token before the last is a thief's: one of a log-in.
    for (step, sweeps) in [(Step::Refresh, 1), (Step::Rotation, 3)] {
        let mut is_hit = false;
        // If on a busy machine none was hit, again.
        for _round in 0..3 {
            let (done, answered) = sweep_steps(showcase, &mut holders, step, sweeps).await;
            assert!(
                answered <= done,
                "{step:?}: {done} are done, {answered} were answered"
            );
            is_hit = answered < done;
            if is_hit || proxy.is_none() {
                break;
            }
        }
        assert!(is_hit || proxy.is_none(), "none was hit");
    }
    assert!(!showcase.log().contains(REUSED));
}

/// Every holder drops the step and repeats it, so many times, from at once to when the answer comes, each at another moment.
/// Says how many were done, and how many were answered.
async fn sweep_steps(
    showcase: &Showcase,
    holders: &mut [Holder<'_>],
    step: Step,
    sweeps: usize,
) -> (usize, usize) {
    let all = (sweeps * holders.len()) as f64;
    let swept = holders.iter_mut().enumerate().map(async |(n, holder)| {
        let _connects = holder.make(step).await;
        let whole = holder.make(step).await;
        let (mut done, mut answered) = (0, 0);
        for sweep in 0..sweeps {
            let share = (sweep * HOLDERS + n) as f64 / all;
            let (is_done, is_answered) = holder.drop_and_repeat(showcase, step, whole.mul_f64(share)).await;
            done += usize::from(is_done);
            answered += usize::from(is_answered);
        }
        (done, answered)
    });
    let swept = join_all(swept).await.into_iter();
    swept.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// What moves a log-in on.
#[derive(Clone, Copy, Debug)]
enum Step {
    Refresh,
    Rotation,
}

/// A client with refresh tokens.
struct Holder<'a> {
    site: &'a Site,
    email: &'a str,
    pair: Pair,
}

impl Holder<'_> {
    /// Holds what is due for the step. A log-in has one rotation in the time of a grace.
    async fn make_due(&mut self, step: Step) {
        if let Step::Rotation = step {
            self.pair = self.site.pair(self.pair.access.backend, self.email).await;
        }
    }

    fn call(&self, step: Step) -> Call {
        match step {
            Step::Refresh => self.site.refresh(&self.pair),
            Step::Rotation => self.site.read(&self.pair.access),
        }
    }

    /// Makes the step, takes what is new, and says how long that took.
    async fn make(&mut self, step: Step) -> Duration {
        self.make_due(step).await;
        let answer = self.call(step).send().await;
        match step {
            Step::Refresh => self.pair.take_refreshed(&answer),
            Step::Rotation => {
                answer.is(200);
                assert!(self.pair.take_rotated(&answer), "{answer:?}");
            }
        }
        answer.took
    }

    /// Resets a connection in the middle of the step, and makes it by the tokens of before. Says whether it was done by then,
    /// and whether it was answered.
    async fn drop_and_repeat(&mut self, showcase: &Showcase, step: Step, after: Duration) -> (bool, bool) {
        self.make_due(step).await;
        let start = milliseconds(OffsetDateTime::now_utc());
        let is_answered = reset(showcase, &self.call(step).raw(), after).await;
        let answer = self.site.log_ins(&self.pair).send().await;
        let own = answer.current_log_in();
        let used = own["last_used_at"].as_str().expect("an instant");
        let used = OffsetDateTime::parse(used, &Rfc3339).expect("an instant");
        let is_rotated = self.pair.take_rotated(&answer);
        match step {
            Step::Refresh => drop(self.make(step).await),
            Step::Rotation => assert!(is_rotated, "{answer:?}"),
        }
        (milliseconds(used) >= start, is_answered)
    }
}

/// As exact as a store is.
fn milliseconds(instant: OffsetDateTime) -> i128 {
    instant.unix_timestamp_nanos() / 1_000_000
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
