//! The names of keys.
//!
//! | key | what it holds |
//! |---|---|
//! | `PREFIX{TAG}:t:DIGEST` | a token: see `record` |
//! | `PREFIX{TAG}:u:USER` | the index of a user's tokens: see `script` |
//! | `PREFIX{TAG}:s:DIGEST` | a session: see `record::session` |
//! | `PREFIX{TAG}:i:USER` | the index of a user's sessions |
//! | `PREFIX{TAG}:r:DIGEST` | of a session that was replaced: by which one, and by which call; it lives for a minute |
//! | `PREFIX{TAG}:c:USER` | a cached user, the ticket of a reader, or the fences of writers: see `script/cached_user.lua` |
//! | `PREFIX{TAG}:v:USER` | the revision that a cached user must have at least, for five minutes after a change |
//! | `PREFIX{TAG}:m:` | a random number by which a near cache sees that a node was emptied, or replaced by one that lags: see `near::tracker` |
//! | `PREFIXf:DIGEST` | the alias of a token that another system issued: its user, from whom the tag follows; it lasts until the token's absolute limit |
//! | `PREFIXw` | nothing; it lives for a millisecond: see `replicas` |
//!
//! `TAG` is the user's [`ShardTag`] in hexadecimal, and a random one for the session of a visitor. The braces make it the hash
//! tag, so a cluster keeps all keys of a user on one node. `DIGEST` is in URL-safe base64. `USER` is the id as `Display` prints it. It stands last, behind
//! the hash tag: whatever characters it has, it neither moves the key nor collides with another user's.

use std::fmt;

use auth_core::{ConfigError, ShardTag, TokenDigest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

const DEFAULT_PREFIX: &str = "portcullis:";

/// The names of an application's keys.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: Box<str>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            prefix: DEFAULT_PREFIX.into(),
        }
    }
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Result<Self, ConfigError> {
        if prefix.contains(['{', '}']) {
            let problem = "has a brace, which would put all keys on one node of a cluster, or spread a user's over several";
            return Err(ConfigError::new("prefix", problem));
        }
        Ok(Self {
            prefix: prefix.into(),
        })
    }

    /// The key of the token of `digest`.
    pub(crate) fn token(&self, tag: ShardTag, digest: &TokenDigest) -> String {
        with_digest(self.tokens(tag), digest)
    }

    /// The beginning of every token's key.
    pub(crate) fn tokens(&self, tag: ShardTag) -> String {
        self.start(tag, 't')
    }

    /// The key of the index of a user.
    pub(crate) fn index(&self, tag: ShardTag, user_id: &impl fmt::Display) -> String {
        format!("{}{user_id}", self.indexes(tag))
    }

    /// The beginning of every index's key.
    pub(crate) fn indexes(&self, tag: ShardTag) -> String {
        self.start(tag, 'u')
    }

    /// The key of the session of `digest`.
    pub(crate) fn session(&self, tag: ShardTag, digest: &TokenDigest) -> String {
        with_digest(self.sessions(tag), digest)
    }

    /// The beginning of every session's key.
    pub(crate) fn sessions(&self, tag: ShardTag) -> String {
        self.start(tag, 's')
    }

    /// The key that says which session took the place of that of `digest`.
    pub(crate) fn successor(&self, tag: ShardTag, digest: &TokenDigest) -> String {
        with_digest(self.start(tag, 'r'), digest)
    }

    /// The key of the index of a user's sessions.
    pub(crate) fn session_index(&self, tag: ShardTag, user_id: &impl fmt::Display) -> String {
        format!("{}{user_id}", self.session_indexes(tag))
    }

    /// The beginning of the key of every index of sessions.
    pub(crate) fn session_indexes(&self, tag: ShardTag) -> String {
        self.start(tag, 'i')
    }

    /// The key of a cached user.
    pub(crate) fn cached_user(&self, tag: ShardTag, user_id: &impl fmt::Display) -> String {
        format!("{}{user_id}", self.cached_users(tag))
    }

    /// The beginning of the key of every cached user.
    pub(crate) fn cached_users(&self, tag: ShardTag) -> String {
        self.start(tag, 'c')
    }

    /// The key that a near cache recognises a node by. The tag is any number under 65,536, so that each node has one.
    pub(crate) fn marker(&self, tag: u16) -> String {
        self.start_at(tag, 'm')
    }

    /// The beginning of every key.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of the revision that a cached user must have at least.
    pub(crate) fn least_revision(&self, tag: ShardTag, user_id: &impl fmt::Display) -> String {
        format!("{}{user_id}", self.start(tag, 'v'))
    }

    fn start(&self, tag: ShardTag, kind: char) -> String {
        self.start_at(tag.get(), kind)
    }

    fn start_at(&self, tag: u16, kind: char) -> String {
        const REST: usize = "{0123}:t:".len() + DIGEST_CHARS;
        let mut key = String::with_capacity(self.prefix.len() + REST);
        key.push_str(&self.prefix);
        key.push('{');
        for shift in [12, 8, 4, 0] {
            let digit = usize::from(tag >> shift & 0xf);
            key.push(char::from(b"0123456789abcdef"[digit]));
        }
        key.push_str("}:");
        key.push(kind);
        key.push(':');
        key
    }

    /// The key of the alias of a token that another system issued.
    pub(crate) fn alias(&self, digest: &TokenDigest) -> String {
        format!("{}f:{}", self.prefix, encode(digest))
    }

    /// A key that is written only so that replicas have something to confirm.
    pub(crate) fn replicated(&self) -> String {
        format!("{}w", self.prefix)
    }
}

/// How long a digest is in base64.
const DIGEST_CHARS: usize = 43;

/// The key that begins with `key` and ends with `digest`.
fn with_digest(mut key: String, digest: &TokenDigest) -> String {
    URL_SAFE_NO_PAD.encode_string(digest.as_bytes(), &mut key);
    key
}

/// [`DIGEST_CHARS`] characters.
pub(crate) fn encode(digest: &TokenDigest) -> String {
    URL_SAFE_NO_PAD.encode(digest.as_bytes())
}

pub(crate) fn decode(digest: &[u8]) -> Option<TokenDigest> {
    let bytes = URL_SAFE_NO_PAD.decode(digest).ok()?;
    Some(TokenDigest::from_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use fred::util::redis_keyslot;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_those_that_the_documents_name() {
        let (keys, tag) = (Keys::default(), ShardTag::for_user(&7));
        let digest = TokenDigest::from_bytes([0xfb; 32]);
        let text = "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";
        assert_eq!(
            keys.token(tag, &digest),
            format!("portcullis:{{{:04x}}}:t:{text}", tag.get())
        );
        assert_eq!(
            keys.index(tag, &7),
            format!("portcullis:{{{:04x}}}:u:7", tag.get())
        );
        assert_eq!(
            keys.session(tag, &digest),
            format!("portcullis:{{{:04x}}}:s:{text}", tag.get())
        );
        assert_eq!(
            keys.successor(tag, &digest),
            format!("portcullis:{{{:04x}}}:r:{text}", tag.get())
        );
        assert_eq!(
            keys.session_index(tag, &7),
            format!("portcullis:{{{:04x}}}:i:7", tag.get())
        );
        assert_eq!(
            keys.cached_user(tag, &7),
            format!("portcullis:{{{:04x}}}:c:7", tag.get())
        );
        assert_eq!(keys.alias(&digest), format!("portcullis:f:{text}"));
        assert_eq!(decode(text.as_bytes()), Some(digest));
    }

    #[test]
    fn a_prefix_with_a_brace_is_refused_and_the_setting_named() {
        for prefix in ["{", "}", "app{1}:", "a}b"] {
            assert_eq!(Keys::new(prefix).expect_err(prefix).setting(), "prefix");
        }
        for prefix in ["", ":", "app:", "é \0"] {
            assert!(Keys::new(prefix).is_ok(), "{prefix}");
        }
    }

    #[test]
    fn what_is_no_digest_is_not_decoded() {
        for text in ["", "A", "AAAA", &"A".repeat(42), &"A".repeat(44), &"+".repeat(43)] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_keys_of_a_user_are_in_one_slot_whatever_the_id(
            prefix in "[^{}]{0,12}", user in "\\PC{0,40}|[{}:tusifrcv\0]{0,12}", bytes in any::<[u8; 32]>(),
        ) {
            let keys = Keys::new(&prefix).expect("a prefix");
            let (tag, digest) = (ShardTag::for_user(&user), TokenDigest::from_bytes(bytes));
            let names = [
                keys.token(tag, &digest),
                keys.index(tag, &user),
                keys.session(tag, &digest),
                keys.session_index(tag, &user),
                keys.successor(tag, &digest),
                keys.cached_user(tag, &user),
                keys.least_revision(tag, &user),
            ];
            for name in &names {
                prop_assert_eq!(redis_keyslot(name.as_bytes()), redis_keyslot(names[0].as_bytes()));
                prop_assert_ne!(&keys.alias(&digest), name);
            }
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
            prop_assert_eq!(keys.tokens(tag) + &encode(&digest), names[0].clone());
            prop_assert_eq!(keys.sessions(tag) + &encode(&digest), names[2].clone());
            prop_assert_eq!(decode(encode(&digest).as_bytes()), Some(digest));
        }

        #[test]
        fn two_users_have_two_indexes(one in "[{}:tu0-9a-f]{0,12}", other in "[{}:tu0-9a-f]{0,12}") {
            let keys = Keys::default();
            let index = |user: &String| keys.index(ShardTag::for_user(user), user);
            prop_assert_eq!(index(&one) == index(&other), one == other);
        }
    }
}
