//! The log events about the servers of a client made by `connect`.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use auth_core::{ServerAddress, Unreachable};
use mongodb::{
    error::{Error, ErrorKind},
    event::{EventHandler, sdam::SdamEvent},
};

/// Logs an event when a server of `address` becomes unreachable, and when it is back.
pub(crate) fn handler(address: ServerAddress) -> EventHandler<SdamEvent> {
    let lost = Mutex::new(HashSet::new());
    EventHandler::callback(move |event| {
        let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            SdamEvent::ServerHeartbeatFailed(event) if lost.insert(event.server_address.clone()) => {
                let problem = address.problem(reason(&event.failure), &event.failure.kind);
                let server = event.server_address;
                tracing::warn!(target: "portcullis::mongo", %server, problem, "the server cannot be reached");
            }
            SdamEvent::ServerHeartbeatSucceeded(event) if lost.remove(&event.server_address) => {
                let server = event.server_address;
                tracing::info!(target: "portcullis::mongo", %server, "the server can be reached again");
            }
            _ => {}
        }
    })
}

fn reason(error: &Error) -> Unreachable {
    match &*error.kind {
        ErrorKind::Io(error) => Unreachable::from_io(error),
        ErrorKind::DnsResolve { .. } => Unreachable::UnknownHost,
        ErrorKind::Authentication { .. } => Unreachable::Credentials,
        ErrorKind::InvalidTlsConfig { .. } => Unreachable::Tls,
        _ => Unreachable::Other,
    }
}
