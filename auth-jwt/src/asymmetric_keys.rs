//! Keys of which one half signs and the other verifies.

use auth_core::ConfigError;

use crate::{
    Jwks, SigningKey, VerifyingKey,
    key_set::{Signer, Verifier, refuse_kid_twice},
};

/// A set of key pairs: the newest signs, all verify. Beside them may stand the public keys of issuers that are trusted.
///
/// A token that names a key is verified with that key alone, of which each issuer may have one; one that names none,
/// with the keys that have no name.
///
/// To rotate, start each process, and let others fetch the [JWKS document](Self::jwks), with the new key beside the
/// old one by [`also_verify`](Self::also_verify), then let the new one sign, and drop the old one when the last token
/// that it signed has expired.
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

    /// Verifies with `key`, too: one of our own, which signed before, perhaps for FastAPI Users, or will sign next. It
    /// is trusted as the newest is; another issuer's is one for [`trust_issuer`](Self::trust_issuer).
    ///
    /// # Errors
    /// [`ConfigError`] if our keys have one of this name, or the set has the same key for another algorithm.
    pub fn also_verify(mut self, key: VerifyingKey) -> Result<Self, ConfigError> {
        refuse_kid_twice(self.own().map(VerifyingKey::kid), key.kid())?;
        self.refuse_another_algorithm(&key)?;
        self.others.push(key);
        Ok(self)
    }

    /// Verifies the tokens of another issuer with its `key`: those whose claim `iss` is `issuer`, to the letter, and no
    /// others (RFC 8725 §3.8). Each key of an issuer is one call.
    ///
    /// The issuer is trusted to name any of our users, and its tokens are held to audience, times and epoch as ours
    /// are. Its keys do not stand in the [JWKS document](Self::jwks).
    ///
    /// # Errors
    /// [`ConfigError`] if `issuer` is empty or has a key of this name, or the set has the same key for another
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

    /// The document of our public keys (RFC 7517 §5), the newest first, to serve as `application/jwk-set+json`.
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
