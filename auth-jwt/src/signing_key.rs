//! The private half of a key pair.

use std::fmt;

use auth_core::ConfigError;
use jsonwebtoken::{Algorithm, EncodingKey, errors::Error, jwk::EllipticCurve};

use crate::{
    KeyId, VerifyingAlgorithm, VerifyingKey,
    key_set::{CRYPTO, Signer},
    public_key::{PublicKey, require_pem_label},
};

/// An algorithm to sign with. RS256 is missing, because it is for verifying only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PSS with SHA-256 (RFC 7518 §3.5).
    Ps256,
}

/// A private key with exactly one algorithm and a name. It is never printed, and wiped from memory when dropped.
#[derive(Clone)]
pub struct SigningKey {
    key: EncodingKey,
    verifying_key: VerifyingKey,
}

impl SigningKey {
    /// The private key in `pem`, in PKCS #8 (`-----BEGIN PRIVATE KEY-----`), for `algorithm`.
    ///
    /// Its name is the SHA-256 thumbprint of its public half (RFC 7638), unless you give it another.
    ///
    /// ```sh
    /// openssl genpkey -algorithm ED25519                          # EdDsa
    /// openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 # Es256
    /// openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072   # Ps256
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if `pem` has no such key, the key has another type or curve, or an RSA key has fewer than 2048
    /// or more than 8192 bits.
    pub fn from_pem(algorithm: SigningAlgorithm, pem: &str) -> Result<Self, ConfigError> {
        let refused = |problem: &dyn fmt::Display| {
            ConfigError::new(
                "JWT signing key",
                format_args!("no key for {algorithm:?}: {problem}"),
            )
        };
        require_pem_label(pem, "PRIVATE KEY").map_err(|problem| refused(&problem))?;
        let (key, public) = read(algorithm, pem).map_err(|error| refused(&error))?;
        let verifying_key =
            VerifyingKey::new(algorithm.into(), public).map_err(|problem| refused(&problem))?;
        Ok(Self {
            key,
            verifying_key: verifying_key.own(),
        })
    }

    /// Names the key. Tokens that it signs carry the name.
    #[must_use]
    pub fn with_kid(mut self, kid: KeyId) -> Self {
        self.verifying_key = self.verifying_key.with_kid(kid);
        self
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer {
            algorithm: self.verifying_key.algorithm().into(),
            key: self.key.clone(),
            kid: self.verifying_key.kid().cloned(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("verifying_key", &self.verifying_key)
            .finish_non_exhaustive()
    }
}

impl From<SigningAlgorithm> for VerifyingAlgorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::EdDsa => Self::EdDsa,
            SigningAlgorithm::Es256 => Self::Es256,
            SigningAlgorithm::Ps256 => Self::Ps256,
        }
    }
}

/// The private key and its public half. Computing that also checks that key and algorithm match.
fn read(algorithm: SigningAlgorithm, pem: &str) -> Result<(EncodingKey, PublicKey), Error> {
    let (pem, derive) = (pem.as_bytes(), &CRYPTO.key_utils);
    Ok(match algorithm {
        SigningAlgorithm::EdDsa => {
            let key = EncodingKey::from_ed_pem(pem)?;
            let x = (derive.ed_pub_components_from_private_key)(key.as_bytes(), &EllipticCurve::Ed25519)?;
            (key, PublicKey::Ed25519 { x })
        }
        SigningAlgorithm::Es256 => {
            let key = EncodingKey::from_ec_pem(pem)?;
            let (_, x, y) = (derive.ec_pub_components_from_private_key)(key.as_bytes(), Algorithm::ES256)?;
            (key, PublicKey::P256 { x, y })
        }
        SigningAlgorithm::Ps256 => {
            let key = EncodingKey::from_rsa_pem(pem)?;
            let (n, e) = (derive.rsa_pub_components_from_private_key)(key.as_bytes())?;
            (key, PublicKey::Rsa { n, e })
        }
    })
}
