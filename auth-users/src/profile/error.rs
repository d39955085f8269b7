use std::fmt;

use auth_core::Profile;
use serde::Serialize;

use super::{fields_of, plain};

/// The reason that fields are not a valid profile. It never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", field.as_deref().unwrap_or("profile"))]
pub struct ProfileError {
    path: Vec<PathStep>,
    field: Option<String>,
    kind: &'static str,
    message: String,
}

/// One level of the path to a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum PathStep {
    /// The member of an object.
    Key(String),
    /// The element of an array.
    Index(usize),
}

impl fmt::Display for PathStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(index) => index.fmt(f),
        }
    }
}

impl ProfileError {
    pub(super) fn new(path: Vec<PathStep>, kind: &'static str, message: impl Into<String>) -> Self {
        let steps: Vec<_> = path.iter().map(ToString::to_string).collect();
        Self {
            field: (!steps.is_empty()).then(|| steps.join(".")),
            path,
            kind,
            message: message.into(),
        }
    }

    /// The store cannot hold `field` of `profile`. The store calls the field by its column or its name in Rust. The
    /// client knows its name in JSON, which usually differs only in case and underscores.
    pub(crate) fn refused<P: Profile>(profile: &P, field: Option<&str>) -> Self {
        let names = fields_of(profile).unwrap_or_default();
        let known = field.and_then(|field| {
            let mut alike = names.keys().filter(|name| plain(name) == plain(field));
            let exact = (field == "email" || names.contains_key(field)).then(|| field.to_owned());
            exact.or_else(|| alike.next().filter(|_| alike.next().is_none()).cloned())
        });
        let path = known.map(PathStep::Key).into_iter().collect();
        Self::new(
            path,
            "value_error",
            "The value cannot be stored: it is too long, out of range or not allowed",
        )
    }

    /// The path to the field, level by level. It is empty if the field is unknown.
    #[must_use]
    pub fn path(&self) -> &[PathStep] {
        &self.path
    }

    /// The field, with dots and indices if it is nested: `address.city`. `None` if it is unknown.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// `missing` or `value_error`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The problem, for the client: `Field required`, for example, or what was expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
