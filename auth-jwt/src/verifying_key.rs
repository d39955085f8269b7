//! The public half of a key pair.

use std::fmt;

use auth_core::ConfigError;
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, errors::Error};

use crate::{
    Jwk, KeyId,
    key_set::{self, CRYPTO, Verifier},
    public_key::{PublicKey, require_pem_label},
};

/// An algorithm to verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyingAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PSS with SHA-256 (RFC 7518 §3.5).
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), for the tokens of others.
    Rs256,
}

impl From<VerifyingAlgorithm> for Algorithm {
    fn from(algorithm: VerifyingAlgorithm) -> Self {
        match algorithm {
            VerifyingAlgorithm::EdDsa => Self::EdDSA,
            VerifyingAlgorithm::Es256 => Self::ES256,
            VerifyingAlgorithm::Ps256 => Self::PS256,
            VerifyingAlgorithm::Rs256 => Self::RS256,
        }
    }
}

/// A public key with exactly one algorithm, and a name unless that was removed.
///
/// # Security
/// Anyone can compute a second valid string of an ES256 token: if (r, s) is a signature, so is (r, n − s). A
/// [`SigningKey`](crate::SigningKey) issues the one with the smaller s, and its [public
/// half](crate::SigningKey::verifying_key) accepts no other. A key from PEM or a JWK accepts both, because other
/// issuers use either. So don't identify such a token by its string.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: VerifyingAlgorithm,
    public: PublicKey,
    kid: Option<KeyId>,
    is_own: bool,
}

impl VerifyingKey {
    /// The public key in `pem`, a SubjectPublicKeyInfo (`-----BEGIN PUBLIC KEY-----`), for `algorithm`.
    ///
    /// Its name is its SHA-256 thumbprint (RFC 7638), unless you give it another.
    ///
    /// # Errors
    /// [`ConfigError`] if `pem` has no such key, the key has another type or curve, or an RSA key has fewer than 2048
    /// or more than 8192 bits.
    pub fn from_pem(algorithm: VerifyingAlgorithm, pem: &str) -> Result<Self, ConfigError> {
        let refused = |problem: &dyn fmt::Display| {
            let problem = format!("no key for {algorithm:?}: {problem}");
            ConfigError::new("JWT verifying key", problem)
        };
        require_pem_label(pem, "PUBLIC KEY").map_err(|problem| refused(&problem))?;
        let public = read(algorithm, pem.as_bytes()).map_err(|error| refused(&error))?;
        let public = public.ok_or_else(|| refused(&"the key has another type"))?;
        Self::new(algorithm, public).map_err(|problem| refused(&problem))
    }

    /// The public key in `jwk` for `algorithm`. Its name is the `kid` there, or its SHA-256 thumbprint if there is none.
    ///
    /// # Errors
    /// [`ConfigError`] if its `use`, `key_ops` or `alg` (RFC 7517 §4) forbids verifying with `algorithm`, it contains a
    /// private or symmetric key, its name is not a valid [`KeyId`], or for the reasons of [`from_pem`](Self::from_pem).
    pub fn from_jwk(algorithm: VerifyingAlgorithm, jwk: &Jwk) -> Result<Self, ConfigError> {
        let refused = |problem: &str| {
            let problem = format!("no key for {algorithm:?}: {problem}");
            ConfigError::new("JWK", problem)
        };
        jwk.check_policy(key_set::name(algorithm.into()))
            .map_err(refused)?;
        let public = PublicKey::from_jwk(jwk).ok_or_else(|| refused("the key has another type"))?;
        let key = Self::new(algorithm, public).map_err(refused)?;
        match &jwk.kid {
            Some(kid) => Ok(key.with_kid(KeyId::new(kid)?)),
            None => Ok(key),
        }
    }

    /// Names the key. It verifies only tokens that carry the name.
    #[must_use]
    pub fn with_kid(mut self, kid: KeyId) -> Self {
        self.kid = Some(kid);
        self
    }

    /// Removes the name. The key then verifies only tokens that name no key, for example those that FastAPI Users signs
    /// with RS256.
    #[must_use]
    pub fn without_kid(mut self) -> Self {
        self.kid = None;
        // Tokens that are issued here always name their key.
        self.is_own = false;
        self
    }

    /// The one algorithm.
    #[must_use]
    pub fn algorithm(&self) -> VerifyingAlgorithm {
        self.algorithm
    }

    /// The name.
    #[must_use]
    pub fn kid(&self) -> Option<&KeyId> {
        self.kid.as_ref()
    }

    /// The key in the form that others fetch, with its use (signatures), algorithm and name.
    #[must_use]
    pub fn to_jwk(&self) -> Jwk {
        Jwk {
            public_key_use: Some("sig".to_owned()),
            alg: Some(key_set::name(self.algorithm.into()).to_owned()),
            kid: self.kid.as_ref().map(ToString::to_string),
            ..self.public.to_jwk()
        }
    }

    pub(crate) fn new(algorithm: VerifyingAlgorithm, public: PublicKey) -> Result<Self, &'static str> {
        public.check(algorithm)?;
        let kid = Some(public.thumbprint().ok_or("it has no thumbprint")?);
        Ok(Self {
            algorithm,
            public,
            kid,
            is_own: false,
        })
    }

    /// Marks it as the public half of a key that signs here.
    pub(crate) fn own(self) -> Self {
        Self { is_own: true, ..self }
    }

    pub(crate) fn is_for_another_algorithm_than(&self, other: &Self) -> bool {
        self.public == other.public && self.algorithm != other.algorithm
    }

    /// The verifier for this key. `issuer` is the other issuer that it belongs to, if any.
    pub(crate) fn verifier(&self, issuer: Option<String>) -> Verifier {
        Verifier {
            algorithm: self.algorithm.into(),
            key: self.public.decoding_key(),
            kid: self.kid.clone(),
            is_own: self.is_own,
            issuer,
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// The key in a PEM block. `None` if the length of an EC point is not that of P-256.
fn read(algorithm: VerifyingAlgorithm, pem: &[u8]) -> Result<Option<PublicKey>, Error> {
    Ok(match algorithm {
        VerifyingAlgorithm::EdDsa => {
            let x = DecodingKey::from_ed_pem(pem)?.try_get_as_bytes()?.to_vec();
            Some(PublicKey::Ed25519 { x })
        }
        VerifyingAlgorithm::Es256 => match DecodingKey::from_ec_pem(pem)?.try_get_as_bytes()? {
            [4, coordinates @ ..] => {
                coordinates
                    .split_at_checked(coordinates.len() / 2)
                    .map(|(x, y)| PublicKey::P256 {
                        x: x.into(),
                        y: y.into(),
                    })
            }
            _ => None,
        },
        VerifyingAlgorithm::Ps256 | VerifyingAlgorithm::Rs256 => {
            let key = DecodingKey::from_rsa_pem(pem)?;
            let (n, e) = match key.kind() {
                DecodingKeyKind::SecretOrDer(der) => {
                    (CRYPTO.key_utils.rsa_pub_components_from_public_key)(der)?
                }
                DecodingKeyKind::RsaModulusExponent { n, e } => (n.clone(), e.clone()),
            };
            Some(PublicKey::Rsa { n, e })
        }
    })
}
