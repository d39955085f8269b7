//! Keys of which one half signs and the other verifies.

use auth_core::ConfigError;

use crate::{
    Jwks, SigningKey, VerifyingKey,
    key_set::{Signer, Verifier, refuse_kid_twice},
};

/// A set of key pairs: the newest signs, all verify.
///
/// A token that names a key is verified with that key alone; one that names none, with the keys that have no name.
///
/// To rotate, start each process, and let others fetch the [JWKS document](Self::jwks), with the new key beside the
/// old one by [`also_verify`](Self::also_verify), then let the new one sign, and drop the old one when the last token
/// that it signed has expired.
#[derive(Clone, Debug)]
pub struct AsymmetricKeys {
    newest: SigningKey,
    others: Vec<VerifyingKey>,
}

impl AsymmetricKeys {
    /// A set of one key, which signs and verifies.
    #[must_use]
    pub fn new(newest: SigningKey) -> Self {
        Self {
            newest,
            others: Vec::new(),
        }
    }

    /// Verifies with `key`, too.
    ///
    /// # Errors
    /// [`ConfigError`] if the set has a key of this name, or the same key for another algorithm.
    pub fn also_verify(mut self, key: VerifyingKey) -> Result<Self, ConfigError> {
        refuse_kid_twice(self.iter().map(VerifyingKey::kid), key.kid())?;
        if self.iter().any(|held| held.is_for_another_algorithm_than(&key)) {
            return Err(ConfigError::new(
                "JWT verifying key",
                "one key for two algorithms",
            ));
        }
        self.others.push(key);
        Ok(self)
    }

    /// The document of the public keys (RFC 7517 §5), the newest first, to serve as `application/jwk-set+json`.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        Jwks {
            keys: self.iter().map(VerifyingKey::to_jwk).collect(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        std::iter::once(self.newest.verifying_key()).chain(&self.others)
    }

    pub(crate) fn signer(&self) -> Signer {
        self.newest.signer()
    }

    pub(crate) fn verifiers(&self) -> Vec<Verifier> {
        self.iter().map(VerifyingKey::verifier).collect()
    }
}

impl From<SigningKey> for AsymmetricKeys {
    fn from(key: SigningKey) -> Self {
        Self::new(key)
    }
}
