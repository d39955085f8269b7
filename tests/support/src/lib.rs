//! What the tests of this workspace share. Nothing here is published.
//!
//! A test of a small crate takes it without features, which brings little but tokio.
#![allow(missing_docs, reason = "its only readers are tests, which stand beside it")]

#[cfg(feature = "http")]
mod client;
#[cfg(feature = "http")]
mod dump;
#[cfg(feature = "http")]
pub mod journey;
mod log;
#[cfg(feature = "http")]
mod mailbox;
#[cfg(feature = "http")]
pub mod outage;
mod patience;
mod proxy;
#[cfg(feature = "http")]
mod sample;
#[cfg(feature = "actix")]
mod service;
#[cfg(feature = "http")]
mod site;

pub use log::Log;
#[cfg(feature = "actix")]
pub use service::{At, Blueprint, Refresh, SECRET, Service, Store, Stores, Watch, backend, run};
#[cfg(feature = "http")]
pub use {
    client::{Answer, Call, Client, Kind, Pass, SetCookie, exchange, exchange_on},
    dump::Dump,
    mailbox::Sent,
    sample::{NEW_PASSWORD, PASSWORD, Sample, address, person, roles},
    site::{Mails, Site},
};
pub use {
    patience::{in_time, until},
    proxy::{Fault, Proxy, address_of},
};
