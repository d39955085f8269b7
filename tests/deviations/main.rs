//! Each deliberate deviation from FastAPI Users, over real HTTP.

#[path = "../harness/harness.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses its own part of the harness"
)]
mod harness;

mod credentials;
mod cross_site;
mod digests;
mod log_out;
mod mails;
mod parallel;
mod store_down;
mod validation;
