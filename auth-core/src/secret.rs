//! The application's own secret.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::ConfigError;

const MIN_BYTES: usize = 32;

/// A secret with which the application signs: at least 32 bytes, never printed, wiped from memory when dropped.
///
/// Neither it nor a [`SecretString`](crate::SecretString) can be compared by `==`, whose time would tell how much of a
/// guess is right.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

impl SigningSecret {
    /// A secret of `bytes`, which came from a cryptographic generator. `setting` is the name under which the
    /// application configures it, for the error.
    ///
    /// # Errors
    /// [`ConfigError`] naming `setting` if there are fewer than 32 bytes (RFC 7518 §3.2 for HS256).
    pub fn new(setting: &str, bytes: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.len() < MIN_BYTES {
            return Err(ConfigError::new(
                setting,
                format_args!(
                    "a secret of {} bytes; at least {MIN_BYTES} are needed",
                    bytes.len()
                ),
            ));
        }
        Ok(Self(bytes))
    }

    /// The secret in the environment variable `variable`, or `None` where it is not set.
    ///
    /// # Errors
    /// [`ConfigError`] naming `variable` if it has fewer than 32 bytes or is not UTF-8.
    pub fn from_env(variable: &str) -> Result<Option<Self>, ConfigError> {
        match std::env::var(variable) {
            Ok(value) => Self::new(variable, value).map(Some),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(ConfigError::new(variable, "is not UTF-8")),
        }
    }

    /// A new secret of 256 random bits, as 43 characters of URL-safe base64. What is signed with it does not outlive
    /// the process, unless the application keeps it.
    ///
    /// # Errors
    /// [`ConfigError`] if the operating system has no randomness to give.
    pub fn generate() -> Result<Self, ConfigError> {
        let mut bytes = Zeroizing::new([0; MIN_BYTES]);
        getrandom::fill(bytes.as_mut()).map_err(|source| ConfigError::new("system randomness", source))?;
        Ok(Self(Zeroizing::new(
            URL_SAFE_NO_PAD.encode(bytes.as_ref()).into_bytes(),
        )))
    }

    /// The bytes to sign with.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j3_a_short_secret_is_refused_and_the_setting_named() {
        let error = SigningSecret::new("AUTH_SECRET", "x".repeat(31)).expect_err("too short");
        assert_eq!(error.setting(), "AUTH_SECRET");
        assert!(error.to_string().contains("31 bytes"), "{error}");
        assert!(SigningSecret::new("AUTH_SECRET", "x".repeat(32)).is_ok());
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret =
            SigningSecret::new("AUTH_SECRET", "open sesame, open sesame, open sesame").expect("long enough");
        assert_eq!(format!("{secret:?}"), "SigningSecret([REDACTED])");
    }
}
