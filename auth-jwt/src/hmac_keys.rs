//! Keys that both sign and verify.

use std::fmt;

use auth_core::{ConfigError, SigningSecret};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use subtle::ConstantTimeEq as _;

use crate::{
    KeyId,
    key_set::{Signer, Verifier, refuse_kid_twice},
};

/// An algorithm with one secret for signing and verifying (RFC 7518 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl HmacAlgorithm {
    fn min_secret_bytes(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }
}

impl From<HmacAlgorithm> for Algorithm {
    fn from(algorithm: HmacAlgorithm) -> Self {
        match algorithm {
            HmacAlgorithm::Hs256 => Self::HS256,
            HmacAlgorithm::Hs384 => Self::HS384,
            HmacAlgorithm::Hs512 => Self::HS512,
        }
    }
}

/// A secret with exactly one algorithm, and possibly a name.
#[derive(Clone)]
pub struct HmacKey {
    algorithm: HmacAlgorithm,
    signing: EncodingKey,
    verifying: DecodingKey,
    kid: Option<KeyId>,
}

impl HmacKey {
    /// `secret` for `algorithm`, without a name.
    ///
    /// # Errors
    /// [`ConfigError`] if the secret is shorter than the algorithm's hash: 32, 48 or 64 bytes (RFC 7518 §3.2).
    pub fn new(algorithm: HmacAlgorithm, secret: &SigningSecret) -> Result<Self, ConfigError> {
        let refused = |problem: &dyn fmt::Display| ConfigError::new("JWT secret", problem);
        let secret = secret.expose();
        let (bytes, min) = (secret.len(), algorithm.min_secret_bytes());
        if bytes < min {
            let problem = format_args!("a secret of {bytes} bytes; {algorithm:?} needs at least {min}");
            return Err(refused(&problem));
        }
        Ok(Self {
            algorithm,
            signing: EncodingKey::from_secret(secret).map_err(|error| refused(&error))?,
            verifying: DecodingKey::from_secret(secret).map_err(|error| refused(&error))?,
            kid: None,
        })
    }

    /// Names the key. Tokens that it signs carry the name, and it verifies only tokens that do.
    #[must_use]
    pub fn with_kid(mut self, kid: KeyId) -> Self {
        self.kid = Some(kid);
        self
    }

    fn signer(&self) -> Signer {
        Signer {
            algorithm: self.algorithm.into(),
            key: self.signing.clone(),
            kid: self.kid.clone(),
        }
    }

    fn verifier(&self) -> Verifier {
        Verifier {
            algorithm: self.algorithm.into(),
            key: self.verifying.clone(),
            kid: self.kid.clone(),
            is_own: true,
            issuer: None,
        }
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// A set of secrets. The newest signs, all verify.
///
/// If a token names a key, only that key verifies it. If it names none, only keys without a name do.
///
/// # Rotation
///
/// 1. Start each process with the new key as one that [also verifies](Self::also_verify).
/// 2. Let the new key sign, and the old one only verify.
/// 3. Drop the old key when the last token that it signed has expired.
///
/// ```
/// use portcullis::{SigningSecret, jwt::{HmacAlgorithm, HmacKey, HmacKeys}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (new, old) = (SigningSecret::generate()?, SigningSecret::generate()?);
/// let keys = HmacKeys::new(HmacKey::new(HmacAlgorithm::Hs256, &new)?.with_kid("2026-07".parse()?))
///     .also_verify(HmacKey::new(HmacAlgorithm::Hs256, &old)?.with_kid("2026-01".parse()?))?;
/// # let _ = keys;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HmacKeys {
    newest: HmacKey,
    others: Vec<HmacKey>,
}

impl HmacKeys {
    /// A set of one key, which signs and verifies.
    #[must_use]
    pub fn new(newest: HmacKey) -> Self {
        Self {
            newest,
            others: Vec::new(),
        }
    }

    /// Also verifies with `key`.
    ///
    /// # Errors
    /// [`ConfigError`] if the set already has a key of this name, or the same secret for another algorithm.
    pub fn also_verify(mut self, key: HmacKey) -> Result<Self, ConfigError> {
        refuse_kid_twice(self.iter().map(|held| held.kid.as_ref()), key.kid.as_ref())?;
        let is_for_another = |held: &HmacKey| {
            held.algorithm != key.algorithm
                && bool::from(held.signing.as_bytes().ct_eq(key.signing.as_bytes()))
        };
        if self.iter().any(is_for_another) {
            return Err(ConfigError::new("JWT secret", "one secret for two algorithms"));
        }
        self.others.push(key);
        Ok(self)
    }

    fn iter(&self) -> impl Iterator<Item = &HmacKey> {
        std::iter::once(&self.newest).chain(&self.others)
    }

    pub(crate) fn signer(&self) -> Signer {
        self.newest.signer()
    }

    pub(crate) fn verifiers(&self) -> Vec<Verifier> {
        self.iter().map(HmacKey::verifier).collect()
    }
}

impl From<HmacKey> for HmacKeys {
    fn from(key: HmacKey) -> Self {
        Self::new(key)
    }
}
