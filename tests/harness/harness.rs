//! A whole service on a port of this machine, and a client for it: what every test here runs against.

mod answer;
mod blueprint;
mod call;
mod kind;
mod mailbox;
mod probe;
mod raw;
mod sample;
mod service;

pub(crate) use answer::Answer;
pub(crate) use blueprint::{Blueprint, Store, run};
pub(crate) use call::Call;
pub(crate) use kind::{Kind, Pass};
pub(crate) use mailbox::Mailbox;
pub(crate) use raw::{exchange, exchange_on};
pub(crate) use sample::{NEW_PASSWORD, PASSWORD, Sample, address, person};
pub(crate) use service::{SECRET, Service};
