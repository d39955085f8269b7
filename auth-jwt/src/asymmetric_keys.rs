//! Key pairs: the private half signs, the public half verifies.

use auth_core::ConfigError;

use crate::{
    Jwks, SigningKey, VerifyingKey,
    key_set::{Signer, Verifier, refuse_kid_twice},
};

/// A set of key pairs. The newest signs, all verify. It may also have the public keys of trusted issuers.
///
/// If a token names a key, only keys of that name verify it; each issuer can have one. If it names none, only keys without a
/// name do.
///
/// # Rotation
///
/// 1. Start each process with the new key as one that [also verifies](Self::also_verify), and let others fetch the new
///    [JWKS document](Self::jwks).
/// 2. Let the new key sign, and the old one only verify.
/// 3. Drop the old key when the last token that it signed has expired.
///
/// ```
/// use portcullis::jwt::{AsymmetricKeys, SigningKey, VerifyingKey};
///
/// # fn example(new: SigningKey, old: VerifyingKey, theirs: VerifyingKey) -> Result<(), portcullis::ConfigError> {
/// let keys = AsymmetricKeys::new(new)
///     .also_verify(old)?
///     .trust_issuer("https://login.example.com", theirs)?;
/// # let _ = keys;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AsymmetricKeys {
    newest: SigningKey,
    others: Vec<VerifyingKey>,
    foreign: Vec<ForeignKey>,
}

#[derive(Clone, Debug)]
struct ForeignKey {
    issuer: String,
    key: VerifyingKey,
}

impl AsymmetricKeys {
    /// A set of one key, which signs and verifies.
    #[must_use]
    pub fn new(newest: SigningKey) -> Self {
        Self {
            newest,
            others: Vec::new(),
            foreign: Vec::new(),
        }
    }

    /// Also verifies with `key`, which must be one of your own: it signed before, perhaps for FastAPI Users, or will
    /// sign next.
    ///
    /// # Security
    /// It is trusted like the newest key. For the key of another issuer, use [`trust_issuer`](Self::trust_issuer).
    ///
    /// # Errors
    /// [`ConfigError`] if one of your keys already has this name, or the set has the same key for another algorithm.
    pub fn also_verify(mut self, key: VerifyingKey) -> Result<Self, ConfigError> {
        refuse_kid_twice(self.own().map(VerifyingKey::kid), key.kid())?;
        self.refuse_another_algorithm(&key)?;
        self.others.push(key);
        Ok(self)
    }

    /// Verifies the tokens of another issuer with its `key`. It accepts only tokens whose claim `iss` is exactly
    /// `issuer` (RFC 8725 §3.8). Call it once for each key of the issuer.
    ///
    /// Audience, times and epoch are checked as for your own tokens. The [JWKS document](Self::jwks) does not contain
    /// the key.
    ///
    /// # Security
    /// The issuer can name any of your users.
    ///
    /// # Errors
    /// [`ConfigError`] if `issuer` is empty or already has a key of this name, or the set has the same key for another
    /// algorithm.
    pub fn trust_issuer(mut self, issuer: impl Into<String>, key: VerifyingKey) -> Result<Self, ConfigError> {
        let issuer = issuer.into();
        if issuer.is_empty() {
            return Err(ConfigError::new("JWT issuer", "the name of the issuer is empty"));
        }
        let of_the_same = self.foreign.iter().filter(|held| held.issuer == issuer);
        refuse_kid_twice(of_the_same.map(|held| held.key.kid()), key.kid())?;
        self.refuse_another_algorithm(&key)?;
        self.foreign.push(ForeignKey { issuer, key });
        Ok(self)
    }

    /// The document of your public keys (RFC 7517 §5), newest first. Serve it as `application/jwk-set+json`.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        Jwks {
            keys: self.own().map(VerifyingKey::to_jwk).collect(),
        }
    }

    fn own(&self) -> impl Iterator<Item = &VerifyingKey> {
        std::iter::once(self.newest.verifying_key()).chain(&self.others)
    }

    fn refuse_another_algorithm(&self, key: &VerifyingKey) -> Result<(), ConfigError> {
        let mut held = self.own().chain(self.foreign.iter().map(|foreign| &foreign.key));
        if held.any(|held| held.is_for_another_algorithm_than(key)) {
            let problem = "one key for two algorithms";
            return Err(ConfigError::new("JWT verifying key", problem));
        }
        Ok(())
    }

    pub(crate) fn signer(&self) -> Signer {
        self.newest.signer()
    }

    pub(crate) fn verifiers(&self) -> Vec<Verifier> {
        let own = self.own().map(|key| key.verifier(None));
        let foreign = self.foreign.iter();
        own.chain(foreign.map(|foreign| foreign.key.verifier(Some(foreign.issuer.clone()))))
            .collect()
    }
}

impl From<SigningKey> for AsymmetricKeys {
    fn from(key: SigningKey) -> Self {
        Self::new(key)
    }
}
