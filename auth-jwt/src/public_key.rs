//! The numbers of a public key.

use std::{collections::BTreeMap, ops::RangeInclusive};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, jwk::ThumbprintHash};

use crate::{Jwk, KeyId, VerifyingAlgorithm, key_set::CRYPTO};

/// A public key, each number big-endian and as long as RFC 7518 §6 writes it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Ed25519 { x: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

const P256_BYTES: usize = 32;
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;
/// From 65537 (FIPS 186-5 §5.4) to the largest that the cryptography supports.
const EXPONENT_BITS: RangeInclusive<usize> = 17..=33;

impl PublicKey {
    /// Refuses a key that has the wrong type for `algorithm`, is not on its curve, or is too weak. Otherwise the
    /// process would start, and then reject every token.
    pub(crate) fn check(&self, algorithm: VerifyingAlgorithm) -> Result<(), &'static str> {
        let is_valid = match (algorithm, self) {
            (VerifyingAlgorithm::EdDsa, Self::Ed25519 { x }) => ParsedPublicKey::new(&ED25519, x).is_ok(),
            (VerifyingAlgorithm::Es256, Self::P256 { x, y }) => {
                x.len() == P256_BYTES
                    && y.len() == P256_BYTES
                    && ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(x, y)).is_ok()
            }
            (VerifyingAlgorithm::Ps256 | VerifyingAlgorithm::Rs256, Self::Rsa { n, e }) => {
                check_rsa_numbers(n, e)?;
                RsaPublicKeyComponents { n, e }
                    .to_parsed_public_key(&RSA_PSS_2048_8192_SHA256)
                    .is_ok()
            }
            _ => return Err("the key has another type"),
        };
        is_valid.then_some(()).ok_or("the key is not valid")
    }

    pub(crate) fn decoding_key(&self) -> DecodingKey {
        match self {
            Self::Ed25519 { x } => DecodingKey::from_ed_der(x),
            Self::P256 { x, y } => DecodingKey::from_ec_der(&point(x, y)),
            Self::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
        }
    }

    /// The members of a JWK that contain the key itself.
    pub(crate) fn to_jwk(&self) -> Jwk {
        let text = |bytes: &Vec<u8>| Some(URL_SAFE_NO_PAD.encode(bytes));
        match self {
            Self::Ed25519 { x } => Jwk {
                kty: "OKP".to_owned(),
                crv: Some("Ed25519".to_owned()),
                x: text(x),
                ..Jwk::default()
            },
            Self::P256 { x, y } => Jwk {
                kty: "EC".to_owned(),
                crv: Some("P-256".to_owned()),
                x: text(x),
                y: text(y),
                ..Jwk::default()
            },
            Self::Rsa { n, e } => Jwk {
                kty: "RSA".to_owned(),
                n: text(n),
                e: text(e),
                ..Jwk::default()
            },
        }
    }

    /// The key in a JWK, without checking the other members. `None` if the type or curve is not supported.
    pub(crate) fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => Some(Self::Ed25519 { x: bytes(&jwk.x)? }),
            ("EC", Some("P-256")) => Some(Self::P256 {
                x: bytes(&jwk.x)?,
                y: bytes(&jwk.y)?,
            }),
            ("RSA", None) => Some(Self::Rsa {
                n: bytes(&jwk.n)?,
                e: bytes(&jwk.e)?,
            }),
            _ => None,
        }
    }

    /// The default name of a key: its SHA-256 thumbprint (RFC 7638).
    pub(crate) fn thumbprint(&self) -> Option<KeyId> {
        // Only the required members, ordered by name, without white space (§3.3).
        let required = serde_json::to_value(self.to_jwk()).ok()?;
        let sorted: BTreeMap<_, _> = required.as_object()?.iter().collect();
        let json = serde_json::to_vec(&sorted).ok()?;
        let digest = (CRYPTO.key_utils.compute_digest)(&json, ThumbprintHash::SHA256).ok()?;
        KeyId::new(URL_SAFE_NO_PAD.encode(digest)).ok()
    }
}

/// Refuses anything but one PEM block of this label (RFC 7468). A certificate, for example: its validity would not be
/// checked.
pub(crate) fn require_pem_label(pem: &str, label: &str) -> Result<(), String> {
    let begin = "-----BEGIN ";
    if pem.matches(begin).count() == 1 && pem.contains(&format!("{begin}{label}-----")) {
        Ok(())
    } else {
        Err(format!("one PEM block `{label}` is needed"))
    }
}

/// An uncompressed point (SEC 1 §2.3.3).
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

fn bits(number: &[u8]) -> usize {
    let significant = number.iter().skip_while(|byte| **byte == 0).count();
    let leading = number.iter().find(|byte| **byte != 0);
    significant * 8 - leading.map_or(0, |byte| byte.leading_zeros() as usize)
}

/// Checks here, because the cryptography checks only when it verifies, and even parses the exponent 1, with which
/// anyone can sign.
fn check_rsa_numbers(n: &[u8], e: &[u8]) -> Result<(), &'static str> {
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    if !RSA_BITS.contains(&bits(n)) {
        Err("an RSA key has 2048 to 8192 bits")
    } else if !EXPONENT_BITS.contains(&bits(e)) || !is_odd(e) {
        Err("the exponent of an RSA key is odd, at least 65537, and has at most 33 bits")
    } else if !is_odd(n) {
        Err("the key is not valid")
    } else {
        Ok(())
    }
}
