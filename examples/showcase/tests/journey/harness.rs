//! The program on a port of this machine, and a client for it: the names of the library's own harness.

#[path = "../../../../tests/harness/answer.rs"]
mod answer;
#[path = "../../../../tests/harness/call.rs"]
mod call;
#[path = "../../../../tests/harness/client.rs"]
mod client;
#[path = "../../../../tests/harness/mailbox.rs"]
mod mailbox;
#[path = "../../../../tests/harness/pass.rs"]
mod pass;
#[path = "../../../../tests/harness/sample.rs"]
mod sample;

#[path = "../fixture/process.rs"]
mod process;

mod database;
mod dump;
mod kind;
mod place;
mod redis;
mod service;
mod stock;

pub(crate) use answer::Answer;
pub(crate) use call::Call;
pub(crate) use client::Client;
pub(crate) use dump::Dump;
pub(crate) use kind::Kind;
pub(crate) use mailbox::Mailbox;
pub(crate) use pass::Pass;
pub(crate) use place::{Place, Redis, Setting, Store};
pub(crate) use sample::{NEW_PASSWORD, PASSWORD, Sample, address, person};
pub(crate) use service::Service;
pub(crate) use stock::{finish, give_back, take};
