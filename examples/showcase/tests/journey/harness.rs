//! The program on a port of this machine, with a database of its own.

#[path = "../fixture/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;

mod database;
mod place;
mod redis;
mod service;
mod stock;

pub(crate) use place::{Place, Redis, Store};
pub(crate) use service::Service;
pub(crate) use stock::{finish, give_back, take};
