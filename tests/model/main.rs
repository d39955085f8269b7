//! Random sequences of everything that happens to log-ins, against a small model of what must be accepted. And a
//! crowd that uses one token at once.
//!
//! A failure prints the seed and the steps of its sequence. `MODEL_SEED=7 cargo test --test model memory` makes that one
//! alone.

mod crowd;
mod log_in;
mod model;
mod random;
mod rules;
mod seen;
mod sequence;
mod servers;
mod shuffled;
mod step;
mod world;

use std::{env, sync::Arc, thread};

use portcullis::testing::memory::{MemoryAccessTokenStore, MemoryUserStore};
use tokio::runtime::Builder;

use crate::world::Stores;

/// The seed that the environment asks for, or all under `count`.
fn seeds(count: u64) -> std::ops::Range<u64> {
    match env::var("MODEL_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("MODEL_SEED is a number");
            seed..seed + 1
        }
        Err(_absent) => 0..count,
    }
}

fn block_on<T>(task: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(task)
}

#[test]
fn ten_thousand_sequences_in_memory_come_out_as_the_model_says() {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let seeds = seeds(10_000);
    let run = |core: u64| {
        block_on(async {
            for seed in seeds.clone().filter(|seed| seed % cores == core) {
                let stores = Stores {
                    users: Arc::new(MemoryUserStore::new()),
                    tokens: Arc::new(MemoryAccessTokenStore::new()),
                };
                sequence::run(&stores, seed).await;
            }
        });
    };
    thread::scope(|scope| {
        for core in 0..cores {
            scope.spawn(move || run(core));
        }
    });
}
