//! The name of a key.

use std::{fmt, str::FromStr};

use auth_core::ConfigError;
use serde::Serialize;

/// The name of a key (`kid`, RFC 7515 §4.1.4): 1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`.
///
/// It is public, and only ever compared with the names of the keys of a set: it opens no file and builds no query.
///
/// ```
/// use auth_jwt::KeyId;
///
/// assert!("2026-07".parse::<KeyId>().is_ok());
/// assert!("../../etc/passwd".parse::<KeyId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KeyId(String);

const MAX_CHARS: usize = 64;

impl KeyId {
    /// A key of this name.
    ///
    /// # Errors
    /// [`ConfigError`] naming `kid` if it is empty, over 64 characters, or has a character outside the set.
    pub fn new(name: impl Into<String>) -> Result<Self, ConfigError> {
        let name = name.into();
        if Self::is_valid(&name) {
            Ok(Self(name))
        } else {
            Err(ConfigError::new(
                "kid",
                format_args!(
                    "1 to {MAX_CHARS} characters of A-Z, a-z, 0-9, '.', '_', '~' and '-' are needed"
                ),
            ))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a key can have this name at all.
    pub(crate) fn is_valid(name: &str) -> bool {
        (1..=MAX_CHARS).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
    }
}

impl FromStr for KeyId {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::new(name)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j11_a_kid_is_bounded_and_of_a_small_charset() {
        for good in ["a", "2026-07", "A.b_c~d-9", &"k".repeat(64)] {
            assert!(KeyId::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "a/b",
            "a b",
            "é",
            "a\0",
            "'--",
            "a=",
            "a+b",
            &"k".repeat(65),
        ] {
            let error = KeyId::new(bad).expect_err(bad);
            assert_eq!(error.setting(), "kid");
        }
    }
}
