//! Log-ins: alone, on a busy machine, in a crowd, beside bare argon2, and what a plain route of the same server feels of
//! them.

mod bare;
pub(crate) mod busy;
mod clients;

use std::{fs, net::SocketAddr, thread};

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
    let busy = Busy::computing()?;
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
    // Odd, so that the median is one of them.
    let rounds = (plan.rounds / 2) | 1;
    for _ in 0..rounds {
        let alone = tokio::task::spawn_blocking(move || bare::rate(cores, span)).await??;
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

/// Three in turn: nothing else, hashes at nice 19 in processes that have nothing to do with the server, and log-ins. The
/// second tells what hashing on all cores costs a plain route on this machine if it steps back as far as can be.
async fn beside_a_plain_route(address: SocketAddr, plan: &Plan) -> Fallible<()> {
    let (mut idle, mut floor, mut loaded) =
        (Latencies::default(), Latencies::default(), Latencies::default());
    let (mut to_idle, mut to_floor, mut all) = (Vec::new(), Vec::new(), Answers::default());
    probe::latencies(address, plan.span).await?;
    for _ in 0..plan.rounds {
        let alone = probe::latencies(address, plan.span * 2).await?;
        let busy = Busy::hashing_at_nice_19()?;
        tokio::time::sleep(plan.span / 4).await;
        let least = probe::latencies(address, plan.span * 2).await?;
        drop(busy);
        let crowd = tokio::spawn(at_once(address, LARGE_CROWD));
        tokio::time::sleep(plan.span / 4).await;
        let during = probe::latencies(address, plan.span * 2).await?;
        if crowd.is_finished() {
            return Err(
                "the crowd was served before the probe ended: this machine needs a larger one".into(),
            );
        }
        all.add(crowd.await??);
        let p99 = during.percentile(99).as_secs_f64();
        to_idle.push(p99 / alone.percentile(99).as_secs_f64());
        to_floor.push(p99 / least.percentile(99).as_secs_f64());
        idle.add(alone);
        floor.add(least);
        loaded.add(during);
    }
    let (to_idle, to_floor) = (median(to_idle), median(to_floor));
    println!(
        "GET /live, p50 and p99 of {}: idle {idle}; under {LARGE_CROWD} log-ins at once {loaded}; p99 ratio {to_idle:.2} (median \
         of {} pairs), {}: the target is under {LIVE_TARGET:.1}; {} of {} log-ins served",
        idle.count(),
        plan.rounds,
        judged(to_idle < LIVE_TARGET),
        all.served,
        all.served + all.refused,
    );
    println!(
        "GET /live beside other processes that hash on all cores at nice 19: {floor}; log-ins have {to_floor:.2} \
         times that p99",
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
