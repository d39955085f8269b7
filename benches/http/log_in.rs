//! Log-ins: alone, on a busy machine, in a crowd, beside bare argon2, and what a plain route of the same server feels of
//! them.

pub(crate) mod busy;
mod clients;

use std::{
    fs,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use argon2::{Argon2, Block, Params};

use crate::{
    Fallible, judged, median,
    plan::Plan,
    probe::{self, Latencies},
    server::Server,
    service::Service,
    store::Store,
};
use busy::Busy;
use clients::{Answers, Load, at_once, in_turn};

/// What a busy machine must leave of the rate of an idle one.
const BUSY_TARGET: f64 = 0.2;
/// How much of bare argon2 on all cores log-ins must reach.
const ARGON2_TARGET: f64 = 0.9;
/// How much longer the plain route may take under load.
const LIVE_TARGET: f64 = 2.0;
const IN_TURN: u32 = 100;
const CROWD: u32 = 100;
const CLIENTS: u32 = 64;
const LARGE_CROWD: u32 = 500;

pub(crate) async fn run(plan: &Plan) -> Fallible<()> {
    let hasher = plan.hasher.clone().build()?;
    let service = Service::hashing_by(hasher, Store::sqlite().await?).await?;
    let server = Server::start(None, service.routes())?;
    let address = server.address;
    in_turn(address, 10).await?;
    on_a_busy_machine(address).await?;
    in_a_crowd(address, plan).await?;
    beside_argon2(address, plan).await?;
    beside_a_plain_route(address, plan).await?;
    server.stop().await?;
    service.remove().await
}

async fn on_a_busy_machine(address: SocketAddr) -> Fallible<()> {
    let idle = in_turn(address, IN_TURN).await?;
    let busy = Busy::start()?;
    let loaded = in_turn(address, IN_TURN).await?;
    let ratio = loaded.rate() / idle.rate();
    println!(
        "POST /auth/db/login, {IN_TURN} in turn: {:.1}/s idle; {:.1}/s beside {} busy processes, ratio {ratio:.2}, {}: the \
         target is {BUSY_TARGET:.2}; {} of them were 503, {}: the target is 0",
        idle.rate(),
        loaded.rate(),
        busy.count(),
        judged(ratio >= BUSY_TARGET),
        idle.refused + loaded.refused,
        judged(idle.refused + loaded.refused == 0),
    );
    Ok(())
}

async fn in_a_crowd(address: SocketAddr, plan: &Plan) -> Fallible<()> {
    let mut all = Answers::default();
    let rounds = plan.rounds / 3;
    for _ in 0..rounds {
        all.add(at_once(address, CROWD).await?);
    }
    println!(
        "POST /auth/db/login, {CROWD} at once, {rounds} times: {} of {} served, {}: the target is all; {:.2?} a crowd",
        all.served,
        all.served + all.refused,
        judged(all.refused == 0),
        all.time / rounds,
    );
    Ok(())
}

async fn beside_argon2(address: SocketAddr, plan: &Plan) -> Fallible<()> {
    let cores = thread::available_parallelism()?.get();
    let span = plan.span * 2;
    let (mut ratios, mut log_ins, mut bare) = (Vec::new(), Answers::default(), 0.0);
    let rounds = plan.rounds / 2;
    for _ in 0..rounds {
        let alone = tokio::task::spawn_blocking(move || bare_argon2(cores, span)).await??;
        let load = Load::start(address, CLIENTS).await?;
        tokio::time::sleep(span).await;
        let answers = load.answers();
        load.stop().await?;
        ratios.push(answers.rate() / alone);
        log_ins.add(answers);
        bare += alone / f64::from(rounds);
    }
    let ratio = median(ratios.iter().copied());
    println!(
        "POST /auth/db/login, {CLIENTS} clients: {:.1}/s; bare argon2 on {cores} cores: {bare:.1}/s; ratio {ratio:.2} ({rounds} \
         pairs), {}: the target is {ARGON2_TARGET:.2}; {} of them were 503",
        log_ins.rate(),
        judged(ratio >= ARGON2_TARGET),
        log_ins.refused,
    );
    Ok(())
}

/// Hashes a second on `cores` threads that do nothing else, with the parameters of the library.
fn bare_argon2(cores: usize, span: Duration) -> Fallible<f64> {
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            thread::spawn(move || {
                let argon2 = Argon2::default();
                let (start, mut hashes) = (Instant::now(), 0_u32);
                let mut output = [0; 32];
                // One buffer for all, as the library has it: to allocate each time is slower.
                let mut blocks = vec![Block::new(); Params::DEFAULT.block_count()];
                while start.elapsed() < span {
                    let password = b"an unknown user's";
                    argon2.hash_password_into_with_memory(password, &[0; 16], &mut output, &mut blocks)?;
                    hashes += 1;
                }
                Ok::<_, argon2::Error>(f64::from(hashes) / start.elapsed().as_secs_f64())
            })
        })
        .collect();
    let mut rate = 0.0;
    for thread in threads {
        rate += thread.join().map_err(|_panic| "a hash panicked")??;
    }
    Ok(rate)
}

async fn beside_a_plain_route(address: SocketAddr, plan: &Plan) -> Fallible<()> {
    let (mut idle, mut loaded, mut ratios) = (Latencies::default(), Latencies::default(), Vec::new());
    let mut all = Answers::default();
    probe::latencies(address, plan.span).await?;
    for _ in 0..plan.rounds {
        let before = probe::latencies(address, plan.span * 2).await?;
        let crowd = tokio::spawn(at_once(address, LARGE_CROWD));
        tokio::time::sleep(plan.span / 4).await;
        let during = probe::latencies(address, plan.span * 2).await?;
        if crowd.is_finished() {
            return Err(
                "the crowd was served before the probe ended: this machine needs a larger one".into(),
            );
        }
        all.add(crowd.await??);
        ratios.push(during.percentile(99).as_secs_f64() / before.percentile(99).as_secs_f64());
        idle.add(before);
        loaded.add(during);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = median(ratios.iter().copied());
    println!(
        "GET /live: idle p50 {:.1?}, p99 {:.1?} of {}; under {LARGE_CROWD} log-ins at once p50 {:.1?}, p99 {:.1?} of {}; p99 \
         ratio {ratio:.2} ({:.2} to {:.2} in {} pairs), {}: the target is under {LIVE_TARGET:.1}; {} of {} log-ins served",
        idle.percentile(50),
        idle.percentile(99),
        idle.count(),
        loaded.percentile(50),
        loaded.percentile(99),
        loaded.count(),
        ratios[0],
        ratios[ratios.len() - 1],
        ratios.len(),
        judged(ratio < LIVE_TARGET),
        all.served,
        all.served + all.refused,
    );
    match peak_memory() {
        Some(mebibytes) => println!("memory at its peak, clients included: {mebibytes} MiB"),
        None => println!("memory at its peak: this system does not tell"),
    }
    Ok(())
}

/// The most memory that the process has held, in MiB.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024)
}
