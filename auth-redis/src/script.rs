//! The scripts: each operation on more than one key is one of them, and so whole or absent. Only a script that meets a key
//! which has just moved to another node of a cluster ends there; an index goes last, so that the same script does the rest.
//!
//! A user's index is a sorted set. A member is the order of a token (20 characters, see `record`) and its digest (43),
//! scored by its expiry, `+inf` for ever. At 63 characters an index of up to 128 tokens is the compact kind. The scripts
//! that write it drop what has expired, and have its own expiry be that of its last member.
//!
//! What is known before a script runs is declared in `KEYS`. What a script finds in an index or in a token is named there
//! under the hash tag of a declared key, hence on the same node.
//!
//! Revocations run out of memory, too: they call nothing that `noeviction` refuses.

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
    /// `KEYS`: token, index. `ARGV`: value, order and digest, expiry or `+inf`, cap or `0`, how keys of tokens begin,
    /// the mark of the public id where an earlier attempt may have inserted the token, or nothing.
    /// Answers 1, or 0 where the digest is taken.
    INSERT, "script/settle.lua", "script/insert.lua"
}
script! {
    /// `KEYS`: token. `ARGV`: offset, text.
    TOUCH, "script/touch.lua"
}
script! {
    /// `KEYS`: token. `ARGV`: how keys of indexes begin, digest. Answers how many there were.
    DELETE, "script/settle.lua", "script/delete.lua"
}
script! {
    /// `KEYS`: index. `ARGV`: how keys of tokens begin. Answers how many there were.
    DELETE_ALL, "script/delete_all.lua"
}
script! {
    /// `KEYS`: index. `ARGV`: how keys of tokens begin, the mark of the public id. Answers how many there were.
    DELETE_BY_ID, "script/settle.lua", "script/delete_by_id.lua"
}
script! {
    /// `KEYS`: index. `ARGV`: how keys of tokens begin. Answers digest and value of one token after another.
    LIST, "script/list.lua"
}
script! {
    /// `KEYS`: the way to a token of another system. `ARGV`: user, expiry or nothing.
    /// Answers 1, or 0 where it leads to another user.
    LEAD, "script/lead.lua"
}

/// A script and the name under which a server that ran it once keeps it.
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

    fn all() -> [&'static Script; 7] {
        [&INSERT, &TOUCH, &DELETE, &DELETE_ALL, &DELETE_BY_ID, &LIST, &LEAD]
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
    fn a_script_has_the_name_that_a_server_gives_it() {
        let script = Script::new("return 1");
        assert_eq!(script.sha1, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
