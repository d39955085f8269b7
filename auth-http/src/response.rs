//! What the library answers, for a binding to write out.

use std::fmt;

use serde::Serialize;

use crate::error::internal;

/// An answer: a status, headers, and a JSON body or none.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON text of the body, or `None` for an empty one.
    pub body: Option<String>,
}

impl Response {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }

    /// An answer whose body is `value` as JSON; one that JSON cannot hold is a 500.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(body) => Self {
                status,
                headers: Vec::new(),
                body: Some(body),
            },
            Err(error) => internal(&error.to_string()),
        }
    }

    /// Adds a header; `name` is in lower case.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Forbids every cache to keep the answer (RFC 9111 §5.2.2.5).
    #[must_use]
    pub fn no_store(self) -> Self {
        let is_set = self.headers.iter().any(|(name, _value)| *name == "cache-control");
        if is_set {
            self
        } else {
            self.header("cache-control", "no-store")
        }
    }
}

impl fmt::Debug for Response {
    /// Without the body and the headers' values: they may hold a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
