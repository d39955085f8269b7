//! The program as whoever runs it meets it: its environment, its routes, its stores, its end.

mod alerts;
mod backend;
mod configuration;
mod deployment;
mod events;
mod every_store;
#[allow(dead_code, reason = "the journey uses the rest")]
#[path = "../journey/harness"]
mod harness {
    pub(crate) mod database;
    pub(crate) mod place;
    mod redis;

    pub(crate) use place::{Place, Redis, Store};
}
mod health;
mod log_ins;
mod metrics;
mod object_id;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../fixture/process.rs"]
mod process;
mod visit;
mod without_redis;
