//! Opaque token strings, and the part of them that a store may know.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::StoreError;

const SECRET_BYTES: usize = 32;
const SECRET_CHARS: usize = 43;
const TAG_CHARS: usize = 3;

/// The SHA-256 digest of an issued token. A store never sees more of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of `token`.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The digest of `token` for `audience`. A look-up for another audience, or for none, does not find it.
    #[must_use]
    pub fn for_audience(audience: &str, token: &str) -> Self {
        // With its length, so that the end of an audience cannot be taken for the beginning of a token.
        let digest = Sha256::new_with_prefix((audience.len() as u64).to_be_bytes())
            .chain_update(audience.as_bytes())
            .chain_update(token.as_bytes());
        Self(digest.finalize().into())
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
    /// Prints a short prefix: enough to distinguish two digests in a log, too little to look one up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// 14 bits of a hash of a user's id: as many values as a Redis Cluster has slots, too few to identify a user.
///
/// A look-up knows only the token. A store that is partitioned by user finds the partition by the tag in the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShardTag(u16);

impl ShardTag {
    /// The tag of a user, from the text of the id.
    pub fn for_user(user_id: &impl fmt::Display) -> Self {
        let hash = Sha256::digest(user_id.to_string().as_bytes());
        Self(u16::from_be_bytes([hash[0], hash[1]]) & 0x3fff)
    }

    /// A random tag, for a secret without a user.
    ///
    /// # Errors
    /// [`StoreError`] if the operating system's random generator fails.
    pub fn random() -> Result<Self, StoreError> {
        let mut bytes = [0; 2];
        fill(&mut bytes)?;
        Ok(Self(u16::from_be_bytes(bytes) & 0x3fff))
    }

    /// `secret`, with the tag at its end: an id whose random part was not made by [`generate_token`].
    #[must_use]
    pub fn append_to(self, secret: &SecretString) -> SecretString {
        let secret = secret.expose_secret();
        // Space for all of it, so that no part of the secret is left behind where it was moved from.
        let mut tagged = String::with_capacity(secret.len() + TAG_CHARS);
        tagged.push_str(secret);
        URL_SAFE_NO_PAD.encode_string(self.0.to_be_bytes(), &mut tagged);
        tagged.into()
    }

    /// The tag at the end of `tagged`. `None` if `tagged` does not end in a tag.
    #[must_use]
    pub fn at_end_of(tagged: &str) -> Option<Self> {
        let (_secret, tag) = tagged.split_at_checked(tagged.len().checked_sub(TAG_CHARS)?)?;
        let mut bytes = [0; 2];
        URL_SAFE_NO_PAD.decode_slice(tag, &mut bytes).ok()?;
        Some(Self(u16::from_be_bytes(bytes))).filter(|tag| tag.0 <= 0x3fff)
    }

    /// The tag as a number under 16,384.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// The key of a look-up by token: the digest of the whole string, and the tag that our own tokens end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenLookup {
    /// The digest of the whole token, and of its audience if it has one.
    pub digest: TokenDigest,
    /// The tag at the end of the token; `None` for a token that another system issued.
    pub tag: Option<ShardTag>,
}

impl TokenLookup {
    /// The key of a `presented` token. Every string has one, valid token or not.
    #[must_use]
    pub fn new(presented: &str) -> Self {
        Self {
            digest: TokenDigest::new(presented),
            tag: tag_of(presented),
        }
    }

    /// The key of a token that was `presented` to `audience`.
    #[must_use]
    pub fn for_audience(audience: &str, presented: &str) -> Self {
        Self {
            digest: TokenDigest::for_audience(audience, presented),
            tag: tag_of(presented),
        }
    }
}

fn tag_of(presented: &str) -> Option<ShardTag> {
    let (secret, tag) = presented.split_at_checked(SECRET_CHARS)?;
    if tag.len() != TAG_CHARS {
        return None;
    }
    let mut secret_bytes = Zeroizing::new([0; SECRET_BYTES]);
    URL_SAFE_NO_PAD.decode_slice(secret, secret_bytes.as_mut()).ok()?;
    ShardTag::at_end_of(tag)
}

/// A new opaque token for the user of `tag`: 256 bits from the operating system's generator and the tag, in URL-safe
/// base64 without padding.
///
/// # Errors
/// [`StoreError`] if the operating system's random generator fails.
pub fn generate_token(tag: ShardTag) -> Result<SecretString, StoreError> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    fill(bytes.as_mut())?;
    let mut token = String::with_capacity(SECRET_CHARS + TAG_CHARS);
    URL_SAFE_NO_PAD.encode_string(bytes.as_ref(), &mut token);
    URL_SAFE_NO_PAD.encode_string(tag.0.to_be_bytes(), &mut token);
    Ok(token.into())
}

fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|source| StoreError::internal("system randomness", source.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 256 bits in base64url, as any encoder writes them: the last two bits of the last letter are not set.
    fn is_a_secret(text: &str) -> bool {
        text.bytes().all(is_base64url) && text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))
    }

    /// 16 bits, of which the first two are not set.
    fn is_a_tag(text: &str) -> bool {
        is_a_secret(text) && text.starts_with(|first| ('A'..='P').contains(&first))
    }

    fn is_base64url(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
    }

    #[test]
    fn t1_a_token_is_256_bits_of_the_systems_randomness_and_a_tag() {
        let tag = ShardTag::for_user(&7);
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
        assert_eq!(TokenLookup::new(one.expose_secret()).tag, Some(tag));
    }

    #[test]
    fn a_token_of_another_system_has_a_key_without_a_tag() {
        for foreign in [
            "",
            "x",
            "GJVoaIZSOvs4-2kAmcYRoZKDyRw24VDNxlXtcPJXRPc",
            "ééééééééééééééééééééééééééé",
        ] {
            assert_eq!(TokenLookup::new(foreign).tag, None, "{foreign}");
        }
    }

    #[test]
    fn j9_a_digest_is_of_one_audience_and_one_token() {
        let digests = [
            TokenDigest::new("token"),
            TokenDigest::for_audience("", "token"),
            TokenDigest::for_audience("db", "token"),
            TokenDigest::for_audience("d", "btoken"),
            TokenDigest::for_audience("dbt", "oken"),
            TokenDigest::for_audience("db", "Token"),
        ];
        let apart: std::collections::HashSet<_> = digests.iter().collect();
        assert_eq!(apart.len(), digests.len());
        assert_eq!(digests[2], TokenLookup::for_audience("db", "token").digest);
    }

    proptest! {
        #[test]
        fn t2_any_string_has_a_key_and_only_the_issued_form_a_tag(
            presented in "\\PC{0,60}|[A-Za-z0-9_-]{0,60}|[A-Za-z0-9_-]{43}[A-P][A-Za-z0-9_-][AEIMQUYcgkosw048]",
        ) {
            let key = TokenLookup::new(&presented);
            prop_assert_eq!(key.digest, TokenDigest::new(&presented));
            let issued = presented.len() == SECRET_CHARS + TAG_CHARS
                && presented.get(..SECRET_CHARS).is_some_and(is_a_secret)
                && presented.get(SECRET_CHARS..).is_some_and(is_a_tag);
            prop_assert_eq!(key.tag.is_some(), issued, "{}", presented);
        }

        #[test]
        fn t2_an_issued_token_gives_back_its_tag_and_an_edited_one_another_key(
            user_id in any::<i64>(), at in 0..SECRET_CHARS + TAG_CHARS, with in "[A-Za-z0-9_+/=. -]",
        ) {
            let tag = ShardTag::for_user(&user_id);
            let issued = generate_token(tag).expect("token");
            let issued = issued.expose_secret();
            prop_assert_eq!(TokenLookup::new(issued).tag, Some(tag));
            let mut edited = issued.to_owned();
            edited.replace_range(at..=at, &with);
            prop_assert_eq!(edited == issued, TokenLookup::new(&edited).digest == TokenLookup::new(issued).digest);
        }
    }

    #[test]
    fn a_tag_is_found_at_the_end_of_any_secret() {
        for secret in ["", "x", "a-secret-of-another-generator", "ééé"] {
            let tag = ShardTag::random().expect("tag");
            let tagged = tag.append_to(&secret.to_owned().into());
            assert_eq!(
                ShardTag::at_end_of(tagged.expose_secret()),
                Some(tag),
                "{secret:?}"
            );
        }
        for untagged in ["", "AA", "QAA", "é", "aéa", "AAB", "ABé"] {
            assert_eq!(ShardTag::at_end_of(untagged), None, "{untagged:?}");
        }
    }

    #[test]
    fn a_digest_does_not_print_itself() {
        let printed = format!("{:?}", TokenDigest::new("token"));
        assert!(printed.len() < 24, "{printed}");
    }
}
