//! The data of a session: any JSON object, byte for byte as it was put.

use portcullis::{User, http::SessionVerifier};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

/// A JSON object, as its text: numbers of any precision, the order of the keys and escapes stay as they are.
///
/// An application has a type of its own here, with the fields that it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonObject(Box<RawValue>);

impl JsonObject {
    /// The object in a body, or `None` if the body is not one JSON object.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let object: Self = serde_json::from_slice(body).ok()?;
        object.text().starts_with('{').then_some(object)
    }

    /// Its text, without white space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }
}

/// Asks for `"role":"admin"` in the data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Admin;

impl SessionVerifier<JsonObject> for Admin {
    fn is_met(&self, data: &JsonObject, _user: Option<&User>) -> bool {
        let fields: Map<String, Value> = serde_json::from_str(data.text()).unwrap_or_default();
        fields.get("role").is_some_and(|role| role == "admin")
    }
}
