//! The errors of the driver, without the values that MongoDB's messages repeat.

use std::io;

use auth_core::{StoreError, StoreErrorKind};
use mongodb::{
    bson::{Document, RawDocument, raw::RawBsonRef},
    error::{Error, ErrorKind, WriteFailure},
};

use crate::call::STORE;

/// The server's code for a value that a unique index already has.
const DUPLICATE_KEY: i32 = 11000;

/// The server's code for a write that lost against another.
const WRITE_CONFLICT: i32 = 112;

/// The server's code for a bad value.
const BAD_VALUE: i32 = 2;

/// The server's codes for a refused document: by the validator, or because of a value or key that it does not store,
/// too many levels or too many bytes.
const REFUSED_DOCUMENT: [i32; 9] = [121, BAD_VALUE, 15, 52, 56, 57, 10334, 17419, 17420];

/// A failure of the driver. It leaves out the server's messages, which may quote a document.
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
    #[error("{0}: check the user, the password and `authSource`, and percent-encode them in a URL")]
    Credentials(String),
    #[error("{0}: is the server running, and is this its address?")]
    NoServer(String),
    #[error("a stored document cannot be read")]
    Unreadable,
    #[error("the driver failed")]
    Other,
}

impl Failure {
    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Refused {
                code: WRITE_CONFLICT, ..
            } => StoreErrorKind::Contention,
            Self::Refused { .. } => StoreErrorKind::Refused,
            Self::Unacknowledged { .. }
            | Self::Io(_)
            | Self::Driver(_)
            | Self::Credentials(_)
            | Self::NoServer(_) => StoreErrorKind::Unreachable,
            Self::Unreadable => StoreErrorKind::InvalidData,
            Self::Other => StoreErrorKind::Internal,
        }
    }
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
        // These messages are the driver's own, about servers and connections.
        ErrorKind::Authentication { message, .. } => Failure::Credentials(message),
        ErrorKind::ServerSelection { message, .. } => Failure::NoServer(message),
        ErrorKind::ConnectionPoolCleared { message, .. }
        | ErrorKind::DnsResolve { message, .. }
        | ErrorKind::IncompatibleServer { message, .. }
        | ErrorKind::InvalidTlsConfig { message, .. } => Failure::Driver(message),
        ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. } => Failure::Unreadable,
        _ => Failure::Other,
    };
    StoreError::new(failure.kind(), STORE, failure)
}

/// A stored document that cannot be read.
pub(crate) fn unreadable() -> StoreError {
    StoreError::invalid_data(STORE, Failure::Unreadable)
}

/// The unique index that refused a write.
#[derive(Debug, PartialEq)]
pub(crate) enum Duplicate {
    /// The index on these fields.
    Fields(Vec<String>),
    /// The server does not say which. FerretDB doesn't.
    Unknown,
}

/// The unique index that refused a write, or `None` if it failed in another way.
pub(crate) fn duplicate(error: &Error) -> Option<Duplicate> {
    let is_duplicate = match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(refused)) => refused.code == DUPLICATE_KEY,
        // For an update, FerretDB 1 on SQLite has no own code, only SQLite's words.
        ErrorKind::Command(refused) => {
            refused.code == DUPLICATE_KEY || refused.message.contains("UNIQUE constraint failed")
        }
        _ => false,
    };
    let fields = || error.server_response().and_then(|answer| key_pattern(answer));
    is_duplicate.then(|| fields().map_or(Duplicate::Unknown, Duplicate::Fields))
}

/// The server's details about a document that it refused because of a value, if `error` is such a refusal.
pub(crate) fn refused_document(error: &Error) -> Option<Document> {
    let (code, details) = match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(refused)) => (refused.code, refused.details.clone()),
        // For a whole command, a bad value is in the command, not in the document.
        ErrorKind::Command(refused) if refused.code != BAD_VALUE => (refused.code, None),
        // From the driver itself: the document is too large.
        ErrorKind::InvalidArgument { .. } => return Some(Document::new()),
        _ => return None,
    };
    REFUSED_DOCUMENT
        .contains(&code)
        .then(|| details.unwrap_or_default())
}

/// The fields of the index, which MongoDB adds to its refusal.
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
