//! What goes wrong while the checker looks.

use std::{
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use portcullis_support::Fault;
use tokio::time::sleep;

use super::Pair;
use crate::server::redis::try_ask;

/// How often each kind of fault came.
#[derive(Debug, Default)]
pub(super) struct Injected {
    pub(super) network: u64,
    pub(super) killed: u64,
    pub(super) flushed: u64,
    pub(super) redis_stopped: u64,
    pub(super) node_stopped: u64,
}

fn signal(id: u32, signal: &str) {
    let line = format!("kill -{signal} {id}");
    let sent = Command::new("sh").args(["-c", &line]).status();
    assert!(sent.expect("a shell").success(), "the process is there");
}

/// Injects faults until `end`. Each flush is counted in `flushes` before it is made.
pub(super) async fn inject(pair: &Pair, end: Instant, flushes: &AtomicU64) -> Injected {
    let mut injected = Injected::default();
    let mut random = fastrand::Rng::new();
    while Instant::now() < end {
        sleep(Duration::from_millis(random.u64(100..700))).await;
        let span = Duration::from_millis(random.u64(200..1500));
        match random.u8(..9) {
            0..4 => {
                let faults = [
                    Fault::Cut,
                    Fault::HangReplies,
                    Fault::HangRequests,
                    Fault::BlackHole,
                    Fault::DelayReplies(Duration::from_millis(100)),
                ];
                let proxy = random.choice(&pair.proxies).expect("two");
                proxy.set(*random.choice(&faults).expect("some")).await;
                sleep(span).await;
                proxy.heal().await;
                injected.network += 1;
            }
            4 => {
                let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
                let _killed = try_ask(pair.redis.port, &kill).await;
                injected.killed += 1;
            }
            5 => {
                flushes.fetch_add(1, Ordering::SeqCst);
                let _flushed = try_ask(pair.redis.port, &["FLUSHALL"]).await;
                injected.flushed += 1;
            }
            6 => {
                pair.redis.server.pause();
                sleep(span).await;
                pair.redis.server.resume();
                injected.redis_stopped += 1;
            }
            _ => {
                let node = random.choice(&pair.nodes).expect("two").id();
                signal(node, "STOP");
                sleep(span).await;
                signal(node, "CONT");
                injected.node_stopped += 1;
            }
        }
    }
    injected
}
