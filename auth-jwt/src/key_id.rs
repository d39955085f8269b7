//! The name of a key.

use std::{fmt, str::FromStr};

use auth_core::ConfigError;
use serde::Serialize;

/// The name of a key (`kid`, RFC 7515 §4.1.4): 1 to 256 printable ASCII characters, including the space.
///
/// It is public. It is only compared, byte for byte, with the names of the keys of a set, and never opens a file or
/// becomes part of a query. So it may look like a path, a URL or base64, as other issuers' names do. Without control
/// characters it cannot break a line of the log.
///
/// ```
/// use portcullis::jwt::KeyId;
///
/// assert!("2026-07".parse::<KeyId>().is_ok());
/// assert!("Wn3/8c+kqjJ0=".parse::<KeyId>().is_ok());
/// assert!("two\nlines".parse::<KeyId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KeyId(String);

/// Room for a SHA-512 thumbprint in any encoding, and for the URL of a key.
const MAX_CHARS: usize = 256;

impl KeyId {
    /// A key of this name.
    ///
    /// # Errors
    /// [`ConfigError`] naming `kid` if it is empty, longer than 256 characters, or has a character that is not printable
    /// ASCII.
    pub fn new(name: impl Into<String>) -> Result<Self, ConfigError> {
        let name = name.into();
        if Self::is_valid(&name) {
            Ok(Self(name))
        } else {
            Err(ConfigError::new(
                "kid",
                format_args!("a name has 1 to {MAX_CHARS} printable ASCII characters"),
            ))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if a key can have this name.
    pub(crate) fn is_valid(name: &str) -> bool {
        (1..=MAX_CHARS).contains(&name.len()) && name.bytes().all(|b| matches!(b, b' '..=b'~'))
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
    fn j11_a_kid_is_bounded_printable_ascii() {
        let printable: String = (b' '..=b'~').map(char::from).collect();
        for good in [
            "a",
            "A.b_c~d-9",
            "a=",
            "a+b/c@d",
            " ",
            &printable,
            &"k".repeat(MAX_CHARS),
        ] {
            let kid = KeyId::new(good).expect(good);
            assert_eq!(kid.as_str(), good);
        }
        for bad in [
            "",
            "é",
            "a\0",
            "a\tb",
            "a\nb",
            "a\r",
            "\u{1b}[0m",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            &"k".repeat(MAX_CHARS + 1),
        ] {
            let error = KeyId::new(bad).expect_err(bad);
            assert_eq!(error.setting(), "kid");
            let logged = error.to_string();
            assert!(logged.bytes().all(|b| matches!(b, b' '..=b'~')), "{logged:?}");
        }
    }
}
