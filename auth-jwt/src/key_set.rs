//! A set of keys of one family, with its cryptography.

use auth_core::ConfigError;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, aws_lc},
    errors::Error,
};

use crate::{AsymmetricKeys, HmacKey, HmacKeys, KeyId, SigningKey, low_s};

/// The keys of a [`JwtStrategy`](crate::JwtStrategy): secrets or key pairs, never both.
#[derive(Clone, Debug)]
pub enum JwtKeys {
    /// Secrets.
    Hmac(HmacKeys),
    /// Key pairs.
    Asymmetric(AsymmetricKeys),
}

impl JwtKeys {
    pub(crate) fn signer(&self) -> Signer {
        match self {
            Self::Hmac(keys) => keys.signer(),
            Self::Asymmetric(keys) => keys.signer(),
        }
    }

    pub(crate) fn verifiers(&self) -> Vec<Verifier> {
        match self {
            Self::Hmac(keys) => keys.verifiers(),
            Self::Asymmetric(keys) => keys.verifiers(),
        }
    }
}

impl From<HmacKeys> for JwtKeys {
    fn from(keys: HmacKeys) -> Self {
        Self::Hmac(keys)
    }
}

impl From<HmacKey> for JwtKeys {
    fn from(key: HmacKey) -> Self {
        Self::Hmac(key.into())
    }
}

impl From<AsymmetricKeys> for JwtKeys {
    fn from(keys: AsymmetricKeys) -> Self {
        Self::Asymmetric(keys)
    }
}

impl From<SigningKey> for JwtKeys {
    fn from(key: SigningKey) -> Self {
        Self::Asymmetric(key.into())
    }
}

/// Named here, because the process-wide default panics if an application enables both providers of the crate.
pub(crate) static CRYPTO: &CryptoProvider = &aws_lc::DEFAULT_PROVIDER;

/// A key that signs, with its algorithm.
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
    pub(crate) kid: Option<KeyId>,
}

impl Signer {
    /// The raw signature of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signer = (CRYPTO.signer_factory)(&self.algorithm, &self.key)?;
        let signature = signer
            .try_sign(message)
            .map_err(|error| jsonwebtoken::errors::ErrorKind::Signing(error.to_string()))?;
        Ok(if self.algorithm == Algorithm::ES256 {
            low_s::lowered(signature)
        } else {
            signature
        })
    }
}

/// A key that verifies, with its algorithm.
pub(crate) struct Verifier {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
    pub(crate) kid: Option<KeyId>,
    /// True if this process signs with it. Then an ES256 signature always has the smaller s.
    pub(crate) is_own: bool,
    /// The other issuer that the key belongs to, which must be the `iss` of its tokens. `None` for your own keys.
    pub(crate) issuer: Option<String>,
}

impl Verifier {
    /// True if this key should verify a token with this header.
    pub(crate) fn is_named_by(&self, algorithm: &str, kid: Option<&str>) -> bool {
        name(self.algorithm) == algorithm && self.kid.as_ref().map(KeyId::as_str) == kid
    }

    /// True if the raw `signature` of `message` is valid for this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        if self.is_own && self.algorithm == Algorithm::ES256 && !low_s::is_low(signature) {
            return false;
        }
        (CRYPTO.verifier_factory)(&self.algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

/// The name of an algorithm in a header (RFC 7518 §3.1, RFC 8037 §3.1).
pub(crate) fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::HS384 => "HS384",
        Algorithm::HS512 => "HS512",
        Algorithm::ES256 => "ES256",
        Algorithm::PS256 => "PS256",
        Algorithm::RS256 => "RS256",
        Algorithm::EdDSA => "EdDSA",
        // No key has another algorithm, and no header with an empty one is accepted.
        _ => "",
    }
}

/// Refuses two keys of the same name: it would be ambiguous.
pub(crate) fn refuse_kid_twice<'a>(
    mut held: impl Iterator<Item = Option<&'a KeyId>>,
    new: Option<&KeyId>,
) -> Result<(), ConfigError> {
    match new {
        Some(kid) if held.any(|other| other == Some(kid)) => {
            let problem = format_args!("two keys are named {:?}", kid.as_str());
            Err(ConfigError::new("kid", problem))
        }
        _ => Ok(()),
    }
}
