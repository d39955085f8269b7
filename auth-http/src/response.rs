//! Answers, which a binding writes out.

use std::fmt;

use serde::Serialize;

use crate::error::internal;

/// The header that sets and removes cookies.
pub(crate) const SET_COOKIE: &str = "set-cookie";

/// The maximum total length of the `Set-Cookie` headers of an answer that removes cookies of others. By default nginx
/// has 4 KiB for the whole head of an answer (`proxy_buffer_size`), and answers 502 if it is longer.
pub(crate) const MAX_SET_COOKIE_BYTES: usize = 2048;

/// The length of a `Set-Cookie` header with this value in HTTP/1.
pub(crate) fn set_cookie_bytes(value: &str) -> usize {
    SET_COOKIE.len() + ": \r\n".len() + value.len()
}

/// An answer: a status, headers, and a JSON body or none. Begin with [`empty`](Self::empty) or [`json`](Self::json).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
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

    /// An answer with `value` as its JSON body. A value that JSON cannot represent is a 500.
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

    /// The values of its `Set-Cookie` headers.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        let cookies = self.headers.iter().filter(|(name, _value)| *name == SET_COOKIE);
        cookies.map(|(_name, value)| value.as_str())
    }

    /// Forbids caches to store the answer (RFC 9111 §5.2.2.5).
    #[must_use]
    pub(crate) fn no_store(self) -> Self {
        let is_set = self.headers.iter().any(|(name, _value)| *name == "cache-control");
        if is_set {
            self
        } else {
            self.header("cache-control", "no-store")
        }
    }
}

impl fmt::Debug for Response {
    /// Prints neither the body nor the headers' values, which may contain a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
