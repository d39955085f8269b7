//! Opaque token strings and what a store may know of them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::StoreError;

const SECRET_BYTES: usize = 32;
const SECRET_CHARS: usize = 43;
const TAG_CHARS: usize = 3;

/// The SHA-256 digest of an issued token: all that a store ever sees of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// A digest read back from a store.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    /// A short prefix: enough to tell two apart in a log, too little to look one up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// 14 bits of a hash of a user's id: as many values as a Redis Cluster has slots, too few to tell users apart.
///
/// A store that is partitioned by user finds the partition of a token from it, since a look-up knows only the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShardTag(u16);

impl ShardTag {
    /// The tag of the user whose id prints as `user_id`.
    pub fn of(user_id: &impl fmt::Display) -> Self {
        let hash = Sha256::digest(user_id.to_string().as_bytes());
        Self(u16::from_be_bytes([hash[0], hash[1]]) & 0x3fff)
    }

    /// The tag as a number under 16,384.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// What a look-up by token knows: the digest of the whole string, and the tag that a token of ours carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenKey {
    /// The digest of the whole token.
    pub digest: TokenDigest,
    /// The tag at the end of the token; `None` for a token that another system issued.
    pub tag: Option<ShardTag>,
}

impl TokenKey {
    /// The key of a `presented` token. Any string has one; whether it is known is for the store to say.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        Self {
            digest: TokenDigest::of(presented),
            tag: tag_of(presented),
        }
    }
}

fn tag_of(presented: &str) -> Option<ShardTag> {
    let tag = presented
        .get(SECRET_CHARS..)
        .filter(|tag| tag.len() == TAG_CHARS)?;
    let mut bytes = [0; 2];
    URL_SAFE_NO_PAD.decode_slice(tag, &mut bytes).ok()?;
    Some(ShardTag(u16::from_be_bytes(bytes))).filter(|tag| tag.0 <= 0x3fff)
}

/// A new opaque token for the user of `tag`: 256 bits from the operating system's generator and the tag, in URL-safe
/// base64 without padding.
///
/// # Errors
/// [`StoreError`] if the operating system has no randomness to give.
pub fn generate_token(tag: ShardTag) -> Result<SecretString, StoreError> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(bytes.as_mut())
        .map_err(|source| StoreError::new("system randomness", source.to_string()))?;
    let mut token = String::with_capacity(SECRET_CHARS + TAG_CHARS);
    URL_SAFE_NO_PAD.encode_string(bytes.as_ref(), &mut token);
    URL_SAFE_NO_PAD.encode_string(tag.0.to_be_bytes(), &mut token);
    Ok(token.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn t1_a_token_is_256_bits_of_the_systems_randomness_and_a_tag() {
        let tag = ShardTag::of(&7);
        let (one, two) = (
            generate_token(tag).expect("token"),
            generate_token(tag).expect("token"),
        );
        assert_eq!(one.expose_secret().len(), SECRET_CHARS + TAG_CHARS);
        assert_ne!(
            one.expose_secret()[..SECRET_CHARS],
            two.expose_secret()[..SECRET_CHARS]
        );
        let secret = URL_SAFE_NO_PAD
            .decode(&one.expose_secret()[..SECRET_CHARS])
            .expect("base64url");
        assert_eq!(secret.len() * 8, 256);
        assert_eq!(TokenKey::of(one.expose_secret()).tag, Some(tag));
    }

    #[test]
    fn a_token_of_another_system_has_a_key_without_a_tag() {
        for foreign in [
            "",
            "x",
            "GJVoaIZSOvs4-2kAmcYRoZKDyRw24VDNxlXtcPJXRPc",
            "ééééééééééééééééééééééééééé",
        ] {
            assert_eq!(TokenKey::of(foreign).tag, None, "{foreign}");
        }
    }

    #[test]
    fn a_digest_does_not_print_itself() {
        let printed = format!("{:?}", TokenDigest::of("token"));
        assert!(printed.len() < 24, "{printed}");
    }
}
