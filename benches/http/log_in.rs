//! Log-ins at the rate that the permits of the hasher allow, and what a plain route of the same server feels of them.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use portcullis::users::PasswordHasher;
use tokio::task::JoinHandle;

use crate::{
    Fallible,
    client::Connection,
    judged, median,
    plan::Plan,
    probe::{self, Latencies},
    server::Server,
    service::{self, Service},
    store::Store,
};

/// How much longer the plain route may take under load.
const TARGET: f64 = 2.0;
/// How much of what the permits allow is asked for.
const LOG_IN_TARGET: f64 = 0.9;
const CONNECTIONS: u32 = 64;
/// The clients begin one after the other: one that is refused tries again a second later, and no crowd does that in step.
const ARRIVAL: Duration = Duration::from_secs(1);

pub(crate) async fn run(plan: &Plan) -> Fallible<()> {
    let service = Service::on(Store::sqlite().await?).await?;
    let server = Server::start(None, service.routes())?;
    let hasher = service.hasher();
    let permits = hasher.available_permits();

    let (mut idle, mut loaded, mut ratios) = (Latencies::default(), Latencies::default(), Vec::new());
    let (mut counted, mut time, mut alone) = (Counts::default(), Duration::ZERO, 0.0);
    // Log-ins are few a second: longer rounds.
    let (rounds, span) = (plan.rounds, plan.span * 3);
    probe::latencies(server.address, span / 2).await?;
    for _ in 0..rounds {
        alone += hashes_alone(hasher, span / 2).await? / f64::from(rounds);
        let before_load = probe::latencies(server.address, span).await?;
        let load = Load::start(server.address).await?;
        tokio::time::sleep(ARRIVAL / 2).await;
        let (before, start) = (load.tally.counts(), Instant::now());
        let under_load = probe::latencies(server.address, span).await?;
        counted += load.tally.counts() - before;
        time += start.elapsed();
        load.stop().await?;
        ratios.push(under_load.percentile(99).as_secs_f64() / before_load.percentile(99).as_secs_f64());
        idle.add(before_load);
        loaded.add(under_load);
    }
    server.stop().await?;

    let rate = f64::from(counted.log_ins) / time.as_secs_f64();
    let allowed = permits as f64 * alone;
    let answers = counted.log_ins + counted.refused;
    println!(
        "POST /auth/db/login: {rate:.1} log-ins/s of the {allowed:.1}/s that {permits} permits allow, ratio {:.2}, {}: the \
         target is {LOG_IN_TARGET:.2}; of {answers} answers to {CONNECTIONS} connections {:.0} % were 503",
        rate / allowed,
        judged(rate >= LOG_IN_TARGET * allowed),
        100.0 * f64::from(counted.refused) / f64::from(answers),
    );
    ratios.sort_by(f64::total_cmp);
    let ratio = median(ratios.iter().copied());
    println!(
        "GET /live: idle p50 {:.1?}, p99 {:.1?} of {}; under log-ins p50 {:.1?}, p99 {:.1?} of {}; p99 ratio {ratio:.2} \
         ({:.2} to {:.2} in {} pairs), {}: the target is under {TARGET:.1}",
        idle.percentile(50),
        idle.percentile(99),
        idle.count(),
        loaded.percentile(50),
        loaded.percentile(99),
        loaded.count(),
        ratios[0],
        ratios[ratios.len() - 1],
        ratios.len(),
        judged(ratio < TARGET),
    );
    Ok(())
}

/// Hashes a second, one after the other, with nothing else to do.
async fn hashes_alone(hasher: &PasswordHasher, span: Duration) -> Fallible<f64> {
    let start = Instant::now();
    let mut hashes = 0_u32;
    while start.elapsed() < span {
        let _mismatch = hasher.verify(&"an unknown user's".into(), None).await?;
        hashes += 1;
    }
    Ok(f64::from(hashes) / start.elapsed().as_secs_f64())
}

/// Clients that log in again and again. One that is answered 503 waits as long as it is told.
struct Load {
    tally: Arc<Tally>,
    clients: Vec<JoinHandle<io::Result<()>>>,
}

#[derive(Default)]
struct Tally {
    log_ins: AtomicU32,
    refused: AtomicU32,
    is_over: AtomicBool,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    log_ins: u32,
    refused: u32,
}

impl Load {
    async fn start(address: SocketAddr) -> io::Result<Self> {
        let tally = Arc::new(Tally::default());
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let connection = Connection::open(address).await?;
            tokio::time::sleep(ARRIVAL / CONNECTIONS).await;
            clients.push(tokio::spawn(log_in_again_and_again(
                connection,
                Arc::clone(&tally),
            )));
        }
        Ok(Self { tally, clients })
    }

    async fn stop(self) -> Fallible<()> {
        self.tally.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await??;
        }
        Ok(())
    }
}

impl std::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            log_ins: self.log_ins - other.log_ins,
            refused: self.refused - other.refused,
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.log_ins += other.log_ins;
        self.refused += other.refused;
    }
}

impl Tally {
    fn counts(&self) -> Counts {
        Counts {
            log_ins: self.log_ins.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

async fn log_in_again_and_again(mut connection: Connection, tally: Arc<Tally>) -> io::Result<()> {
    let request = service::log_in("db");
    while !tally.is_over.load(Ordering::Relaxed) {
        let answer = connection.exchange(&request).await?;
        if answer.status == 503 {
            tally.refused.fetch_add(1, Ordering::Relaxed);
            let wait = answer
                .header("retry-after")
                .and_then(|seconds| seconds.parse().ok());
            tokio::time::sleep(Duration::from_secs(
                wait.ok_or_else(|| io::Error::other("no Retry-After"))?,
            ))
            .await;
        } else {
            answer.is_ok()?;
            tally.log_ins.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
