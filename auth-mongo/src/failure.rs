//! What failed, without the values that MongoDB's own messages repeat.

use std::io;

use auth_core::StoreError;
use mongodb::{
    bson::{RawDocument, raw::RawBsonRef},
    error::{Error, ErrorKind, WriteFailure},
};

use crate::call::STORE;

/// The server's code for a value that a unique index holds already.
const DUPLICATE_KEY: i32 = 11000;

/// A failure of the driver. A message of the server's is left out: it may quote a document.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("refused with code {code} ({name})")]
    Refused { code: i32, name: String },
    #[error("not acknowledged by a majority, code {code} ({name})")]
    Unacknowledged { code: i32, name: String },
    #[error("input or output failed: {0}")]
    Io(io::ErrorKind),
    #[error("{0}")]
    Driver(String),
    #[error("a stored document cannot be read")]
    Unreadable,
    #[error("the driver failed")]
    Other,
}

/// `error` as the failure of a store.
pub(crate) fn failed(error: Error) -> StoreError {
    let failure = match *error.kind {
        ErrorKind::Command(refused) => Failure::Refused {
            code: refused.code,
            name: refused.code_name,
        },
        ErrorKind::Write(WriteFailure::WriteError(refused)) => Failure::Refused {
            code: refused.code,
            name: refused.code_name.unwrap_or_default(),
        },
        ErrorKind::Write(WriteFailure::WriteConcernError(pending)) => Failure::Unacknowledged {
            code: pending.code,
            name: pending.code_name,
        },
        ErrorKind::Io(error) => Failure::Io(error.kind()),
        // These are the driver's own words, about servers and connections.
        ErrorKind::Authentication { message, .. }
        | ErrorKind::ConnectionPoolCleared { message, .. }
        | ErrorKind::DnsResolve { message, .. }
        | ErrorKind::IncompatibleServer { message, .. }
        | ErrorKind::InvalidTlsConfig { message, .. }
        | ErrorKind::ServerSelection { message, .. } => Failure::Driver(message),
        ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. } => Failure::Unreadable,
        _ => Failure::Other,
    };
    StoreError::new(STORE, failure)
}

/// A stored document that cannot be read.
pub(crate) fn unreadable() -> StoreError {
    StoreError::new(STORE, Failure::Unreadable)
}

/// The unique index that refused a write.
#[derive(Debug, PartialEq)]
pub(crate) enum Duplicate {
    /// That of these fields.
    Of(Vec<String>),
    /// The server does not say, as FerretDB does not.
    Unknown,
}

/// The unique index that refused a write, or `None` if it failed in another way.
pub(crate) fn duplicate(error: &Error) -> Option<Duplicate> {
    let is_duplicate = match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(refused)) => refused.code == DUPLICATE_KEY,
        // FerretDB 1 on SQLite has no code of its own for an update, but SQLite's words.
        ErrorKind::Command(refused) => {
            refused.code == DUPLICATE_KEY || refused.message.contains("UNIQUE constraint failed")
        }
        _ => false,
    };
    let fields = || error.server_response().and_then(|answer| key_pattern(answer));
    is_duplicate.then(|| fields().map_or(Duplicate::Unknown, Duplicate::Of))
}

/// The fields of the key pattern that MongoDB adds to its refusal.
fn key_pattern(answer: &RawDocument) -> Option<Vec<String>> {
    let refusal = match answer.get_array("writeErrors") {
        Ok(errors) => errors.get_document(0).ok()?,
        Err(_none) => answer,
    };
    let pattern = refusal.get_document("keyPattern").ok()?;
    let fields: Result<_, _> = pattern
        .iter()
        .map(|element| element.map(|(field, _order): (_, RawBsonRef<'_>)| field.to_string()))
        .collect();
    fields.ok()
}
