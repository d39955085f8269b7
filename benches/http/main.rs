//! What a request costs over HTTP: beside a handler that uses no library, and while passwords are hashed.
//!
//! ```text
//! cargo xtask bench http [-- [--quick] [--clients=N] [--niceness=N] [--permits=N] [jwt] [db] [log-in] [near] [sqlite] [postgres] [mariadb] [mongodb] [redis]]
//! ```
//!
//! `jwt` and `db` are `GET /users/me` on SQLite. A store is `GET /protected/db` on it, how many tokens are replaced there in
//! a second, and what 100,000 take, on the server that `cargo xtask services` starts:
//! `cargo xtask services -- cargo xtask bench http`. `redis` is the log-in of a tracked JWT without its user, too.
//! `near` is a tracked JWT with its user from the near cache, on Redis.
//!
//! Clients and servers share the machine: numbers of two runs compare only on the same one, with nothing else on it.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod client;
mod hand_written;
mod log_in;
mod look_up;
mod near;
mod plan;
mod probe;
mod replace;
mod server;
mod service;
mod store;
mod stores;

use log_in::busy;

/// Whoever runs a benchmark reads its errors: the sentence is all there is to them.
type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument] = &*arguments
        && [busy::SPIN, busy::HASH].contains(&argument.as_str())
    {
        return Ok(busy::work(argument)?);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("a benchmark, and no test: run it by `cargo xtask bench http`");
        return Ok(());
    }
    let plan = plan::Plan::parse(&arguments)?;
    // The clients have one thread, as each server that they compare has one worker.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if plan.jwt || plan.db {
            look_up::run(&plan).await?;
        }
        if plan.log_in {
            log_in::run(&plan).await?;
        }
        if plan.near {
            near::run(&plan).await?;
        }
        stores::run(&plan).await
    })
}

/// A benchmark says whether a target was met, and fails only where it could not measure.
fn judged(is_met: bool) -> &'static str {
    if is_met { "PASS" } else { "FAIL" }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
