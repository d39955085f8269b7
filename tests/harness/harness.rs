//! A whole service on a port of this machine, and a client for it: what every test here runs against.

mod answer;
mod blueprint;
mod call;
mod client;
mod kind;
mod mailbox;
mod pass;
mod probe;
mod raw;
mod sample;
mod service;
mod watch;

pub(crate) use answer::Answer;
pub(crate) use blueprint::{Blueprint, Store, run};
pub(crate) use call::Call;
pub(crate) use client::Client;
pub(crate) use kind::Kind;
pub(crate) use mailbox::Mailbox;
pub(crate) use pass::Pass;
pub(crate) use raw::{exchange, exchange_on};
pub(crate) use sample::{NEW_PASSWORD, PASSWORD, Sample, address, person};
pub(crate) use service::{SECRET, Service};
pub(crate) use watch::{At, Watch};
