//! The Lua scripts. Each operation on more than one key is one script, so it happens as a whole or not at all.
//!
//! There is one exception: a script stops when it meets a key that has just moved to another node of a cluster. Scripts
//! delete an index last, so running the same script again does the rest.
//!
//! A user's index is a sorted set. A member is the digest of a token in base64 (43 characters); older members have 20
//! characters in front of it. The score is the token's expiry, `+inf` for none. Redis keeps an index of up to 128 tokens in its
//! compact form. Scripts that write an index drop expired members, and let the index expire with its last member.
//!
//! `KEYS` declares the keys that are known in advance. A script finds the others in an index or a token. They have the hash
//! tag of a declared key, so they are on the same node.
//!
//! Revocations work when memory is full: they call nothing that `noeviction` refuses.

use std::sync::LazyLock;

use sha1::{Digest as _, Sha1};

macro_rules! script {
    ($(#[$meta:meta])* $name:ident, $($file:literal),+) => {
        $(#[$meta])*
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!($file)),+)));
    };
}

script! {
    /// `KEYS`: token, index. `ARGV`: value, digest, cap or `0`, prefix of tokens' keys, and `1` on a second attempt, else
    /// nothing. Returns 1, or 0 if the digest is taken.
    INSERT, "script/refresh_index_ttl.lua", "script/row.lua", "script/write.lua", "script/insert.lua"
}
script! {
    /// `KEYS`: token. `ARGV`: prefix of indexes' keys, digest, last use, expiry. Returns the value of the token as it is now, and
    /// 1 if this call wrote it, else 0. It leaves alone what has expired or is in JSON.
    TOUCH, "script/refresh_index_ttl.lua", "script/row.lua", "script/write.lua", "script/touch.lua"
}
script! {
    /// `KEYS`: token. `ARGV`: prefix of indexes' keys, digest, present instant, `access` or `refresh`, number of the present
    /// generation, number of the next one, expiry or nothing. Returns what `TOUCH` does.
    ADVANCE, "script/refresh_index_ttl.lua", "script/row.lua", "script/write.lua", "script/advance.lua"
}
script! {
    /// `KEYS`: token, index. `ARGV`: value in JSON, value that replaces it, old member of the index, digest.
    REWRITE, "script/refresh_index_ttl.lua", "script/row.lua", "script/write.lua", "script/rewrite.lua"
}
script! {
    /// `KEYS`: token. `ARGV`: prefix of indexes' keys, digest. Returns the number of deleted tokens.
    DELETE, "script/refresh_index_ttl.lua", "script/row.lua", "script/delete.lua"
}
script! {
    /// `KEYS`: index. `ARGV`: prefix of tokens' keys. Returns the number of deleted tokens.
    DELETE_ALL, "script/delete_all.lua"
}
script! {
    /// `KEYS`: index. `ARGV`: prefix of tokens' keys, public id. Returns the number of deleted tokens.
    DELETE_BY_ID, "script/refresh_index_ttl.lua", "script/row.lua", "script/delete_by_id.lua"
}
script! {
    /// `KEYS`: index. `ARGV`: prefix of tokens' keys. Returns digest and value of each token in turn.
    LIST, "script/list.lua"
}
script! {
    /// `KEYS`: the alias of another system's token. `ARGV`: user, expiry or nothing.
    /// Returns 1, or 0 if the alias is another user's.
    PUT_ALIAS, "script/put_alias.lua"
}

/// A script, and the SHA-1 by which a server that has run it knows it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    pub(crate) sha1: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let sha1 = Sha1::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self { text, sha1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [&'static Script; 9] {
        [
            &INSERT,
            &TOUCH,
            &ADVANCE,
            &REWRITE,
            &DELETE,
            &DELETE_ALL,
            &DELETE_BY_ID,
            &LIST,
            &PUT_ALIAS,
        ]
    }

    fn commands(script: &Script) -> impl Iterator<Item = &'static str> {
        script
            .text
            .split("redis.call('")
            .skip(1)
            .filter_map(|call| call.split('\'').next())
    }

    #[test]
    fn no_script_walks_the_keys_or_empties_the_server() {
        for script in all() {
            assert!(commands(script).count() > 0);
            for command in commands(script) {
                for forbidden in ["KEYS", "SCAN", "FLUSH", "RANDOM", "CONFIG"] {
                    assert!(!command.contains(forbidden), "{command}");
                }
            }
        }
    }

    #[test]
    fn a_revocation_calls_nothing_that_is_refused_out_of_memory() {
        for script in [&DELETE, &DELETE_ALL, &DELETE_BY_ID, &LIST] {
            for command in commands(script) {
                let calm = ["GET", "DEL", "ZRANGE", "ZREM", "PERSIST", "PEXPIREAT"];
                assert!(calm.contains(&command), "{command}");
            }
        }
    }

    #[test]
    fn a_script_has_the_sha1_that_a_server_gives_it() {
        let script = Script::new("return 1");
        assert_eq!(script.sha1, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
