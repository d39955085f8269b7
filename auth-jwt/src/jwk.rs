//! Public keys as JSON (RFC 7517).

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

/// A public key as JSON (RFC 7517 §4).
///
/// [`AsymmetricKeys::jwks`](crate::AsymmetricKeys::jwks) publishes your keys in this form, and
/// [`VerifyingKey::from_jwk`](crate::VerifyingKey::from_jwk) reads another issuer's.
///
/// A private or symmetric key is refused. Its secret is never kept in memory.
///
/// ```
/// use portcullis::jwt::{Jwks, VerifyingAlgorithm, VerifyingKey};
///
/// let document = r#"{"keys": [{
///     "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "2026-07",
///     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
/// }]}"#;
/// let jwks: Jwks = serde_json::from_str(document)?;
/// let jwk = jwks.find("2026-07").ok_or("no such key")?;
/// let key = VerifyingKey::from_jwk(VerifyingAlgorithm::EdDsa, jwk)?;
/// assert!(VerifyingKey::from_jwk(VerifyingAlgorithm::Rs256, jwk).is_err());
/// # let _ = key;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    pub(crate) kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(crate) public_key_use: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    /// The private half of any asymmetric key.
    #[serde(rename = "d", default, deserialize_with = "is_there", skip_serializing)]
    pub(crate) has_private_half: bool,
    /// The value of a symmetric key.
    #[serde(rename = "k", default, deserialize_with = "is_there", skip_serializing)]
    pub(crate) has_secret: bool,
}

impl Jwk {
    /// The name of the key.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Checks that the key's owner allows verifying with it by `algorithm` (§4.2 to §4.4).
    pub(crate) fn check_policy(&self, algorithm: &str) -> Result<(), &'static str> {
        if self.has_private_half || self.has_secret {
            Err("it contains a secret, but only a public key is needed")
        } else if self.public_key_use.as_ref().is_some_and(|usage| usage != "sig") {
            Err("its `use` is not `sig`")
        } else if self
            .key_ops
            .as_ref()
            .is_some_and(|operations| !operations.iter().any(|operation| operation == "verify"))
        {
            Err("its `key_ops` do not include `verify`")
        } else if self.alg.as_ref().is_some_and(|named| named != algorithm) {
            Err("its `alg` is another algorithm")
        } else {
            Ok(())
        }
    }
}

/// A document of public keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl Jwks {
    /// The key of this name.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid() == Some(kid))
    }
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_ignored| true)
}
