//! Hashes of other schemes.

/// Verifies stored hashes of a scheme that this library does not know, such as PBKDF2 or scrypt, or one of an
/// application's own. Give it to [`PasswordHasherBuilder::legacy`](crate::PasswordHasherBuilder::legacy).
///
/// It is asked about every hash that the library can't read, even if it begins like one of a scheme that the library knows.
/// At the next log-in of its owner, such a hash is replaced by one of today's parameters.
///
/// ```
/// use std::sync::Arc;
///
/// use portcullis::users::{LegacyHash, PasswordHasher};
///
/// /// Hashes as `{crypt3000}…`.
/// struct Crypt3000;
///
/// impl LegacyHash for Crypt3000 {
///     fn verify(&self, password: &str, stored: &str) -> Option<bool> {
///         let stored = stored.strip_prefix("{crypt3000}")?;
///         Some(crypt3000::verify(password, stored))
///     }
/// }
/// # mod crypt3000 { pub fn verify(password: &str, stored: &str) -> bool { unimplemented!() } }
///
/// let hasher = PasswordHasher::builder().legacy(Arc::new(Crypt3000)).build()?;
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
///
/// # Security
/// Compare in constant time, and refuse parameters that cost more than a log-in may. Otherwise somebody who can write a hash
/// into the store can keep the hashing threads busy. A panic fails the log-in.
pub trait LegacyHash: Send + Sync {
    /// Returns `Some(true)` if `password` matches `stored`, and `None` if `stored` is malformed or of another scheme.
    ///
    /// It runs on a hashing thread, so it may take long. It is called with `password` in Unicode's Normalization Form C
    /// first, and then as it was typed.
    fn verify(&self, password: &str, stored: &str) -> Option<bool>;
}
