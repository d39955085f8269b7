//! What the library answers, for a binding to write out.

use serde::Serialize;

/// An answer: a status, headers, and a JSON body or none.
#[derive(Clone, Debug, PartialEq, Eq)]
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
            Err(error) => {
                tracing::error!(target: "portcullis::http", %error, "a response cannot be written as JSON");
                Self::json_text(500, r#"{"detail":"Internal Server Error"}"#)
            }
        }
    }

    /// An answer whose body is JSON text already.
    pub(crate) fn json_text(status: u16, text: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(text.to_owned()),
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
        self.header("cache-control", "no-store")
    }
}
