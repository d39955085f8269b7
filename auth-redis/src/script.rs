//! The Lua scripts. Each operation on more than one key is one script, so it happens as a whole or not at all.
//!
//! There is one exception: a script stops when it meets a key that has just moved to another node of a cluster. Scripts
//! delete an index last, so running the same script again does the rest.
//!
//! A user has two indexes, one of tokens and one of sessions. An index is a sorted set. A member is the digest of a token or
//! session in base64 (43 characters); older members have 20 characters in front of it. The score is its expiry, `+inf` for
//! none. Redis keeps an index of up to 128 members in its compact form. Scripts that insert drop expired members, and every
//! script that writes an index lets it expire with its last member.
//!
//! `KEYS` declares the keys that are known in advance. A script finds the others in an index, a token or a session. They have
//! the hash tag of a declared key, so they are on the same node.
//!
//! Revocations work when memory is full: they call nothing that `noeviction` refuses.
//!
//! A script that changes a log-in or a session, other than to end it, may be carried out when its caller has long given up,
//! because the server stalled. It then does nothing. Its last two arguments are `1` on a second attempt, else nothing, and the
//! deadline: the last microsecond of the server's clock in which its caller still waits. In front of what it returns it puts the
//! server's time, and it returns that alone if it was late: see `clock`. What ends a log-in is carried out however late.

use std::sync::LazyLock;

use sha1::{Digest as _, Sha1};

macro_rules! script {
    ($(#[$meta:meta])* $name:ident, $($part:expr),+) => {
        $(#[$meta])*
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!($($part),+)));
    };
}

/// The beginning of a script that reads values whose form the file `$form` knows.
macro_rules! reads {
    ($form:literal) => {
        concat!(
            include_str!("script/refresh_index_ttl.lua"),
            include_str!("script/bytes.lua"),
            include_str!($form),
            include_str!("script/read.lua")
        )
    };
}

macro_rules! tokens {
    () => {
        reads!("script/row.lua")
    };
}

macro_rules! sessions {
    () => {
        reads!("script/session.lua")
    };
}

/// The second part of a script that writes such values.
macro_rules! writes {
    () => {
        include_str!("script/write.lua")
    };
}

/// The rest of a script that does nothing once its caller has given up: its answer comes from the file `$change`.
macro_rules! in_time {
    ($change:literal) => {
        concat!(
            include_str!("script/in_time.lua"),
            "local function change()\n",
            include_str!($change),
            "\nend\nreturn { now, change() }\n"
        )
    };
}

script! {
    /// `KEYS`: token, index. `ARGV`: value, digest, cap or `0`, prefix of tokens' keys, digest of a token that does not count or
    /// nothing, second attempt, deadline. Returns 1, or 0 if the digest is taken.
    INSERT, tokens!(), writes!(), in_time!("script/insert.lua")
}
script! {
    /// `KEYS`: token. `ARGV`: prefix of cached users' keys. Returns the value of the token, and what stands at the key of its
    /// user, empty if nothing does.
    FIND_WITH_USER, tokens!(), include_str!("script/find_with_user.lua")
}
script! {
    /// `KEYS`: token. `ARGV`: prefix of indexes' keys, digest, last use, expiry, second attempt, deadline. Returns the value of the
    /// token as it is now, and 1 if this call wrote it, else 0. It leaves alone what has expired or is in JSON.
    TOUCH, tokens!(), writes!(), in_time!("script/touch.lua")
}
script! {
    /// `KEYS`: token. `ARGV`: prefix of indexes' keys, digest, present instant, `access` or `refresh`, number of the present
    /// generation, number of the next one, expiry or nothing, second attempt, deadline. Returns what `TOUCH` does.
    ADVANCE, tokens!(), writes!(), in_time!("script/advance.lua")
}
script! {
    /// `KEYS`: token, index. `ARGV`: value in JSON, value that replaces it, old member of the index, digest.
    REWRITE, tokens!(), writes!(), include_str!("script/rewrite.lua")
}
script! {
    /// `KEYS`: token. `ARGV`: prefix of indexes' keys, digest. Returns the number of deleted tokens.
    DELETE, tokens!(), include_str!("script/delete.lua")
}
script! {
    /// `KEYS`: index. `ARGV`: prefix of the keys of tokens, or of sessions. Returns how many were deleted.
    DELETE_ALL, include_str!("script/delete_all.lua")
}
script! {
    /// `KEYS`: index. `ARGV`: prefix of tokens' keys, public id. Returns the number of deleted tokens.
    DELETE_BY_ID, tokens!(), include_str!("script/delete_by_id.lua")
}
script! {
    /// `KEYS`: index. `ARGV`: prefix of tokens' keys. Returns digest and value of each token in turn.
    LIST, include_str!("script/list.lua")
}
script! {
    /// `KEYS`: the alias of another system's token. `ARGV`: user, expiry or nothing.
    /// Returns 1, or 0 if the alias is another user's.
    PUT_ALIAS, include_str!("script/put_alias.lua")
}
script! {
    /// `KEYS`: session, and index if it has a user. `ARGV`: value, digest, `1` if it takes the place of another, else nothing, second
    /// attempt, deadline. Returns `created`, `found` if the same replacement created it in an earlier call, or `taken`.
    CREATE_SESSION, sessions!(), writes!(), in_time!("script/create_session.lua")
}
script! {
    /// `KEYS`: session. `ARGV`: prefix of indexes' keys, digest, present instant, expiry, revision or nothing, data behind its
    /// length or nothing, mark of this save, second attempt, deadline. Returns `done`, `conflict`, `gone`,
    /// `unreadable`, or `unknown` if it cannot be known whether the first attempt was made.
    SAVE_SESSION, sessions!(), writes!(), in_time!("script/save_session.lua")
}
script! {
    /// `KEYS`: session that is replaced, and the key that says by which. `ARGV`: prefix of indexes' keys, digest, revision or
    /// nothing, digest in bytes of the session that takes its place, mark of this call, second attempt, deadline. Returns `done`, `before` if an
    /// earlier call has put the same session in its place, `conflict` or `gone`.
    REPLACE_SESSION, sessions!(), in_time!("script/replace_session.lua")
}
script! {
    /// `KEYS`: session. `ARGV`: prefix of indexes' keys, digest, revision or nothing. Returns `done`, `conflict` or `gone`.
    DELETE_SESSION, sessions!(), include_str!("script/delete_session.lua")
}

macro_rules! cached_user {
    ($script:literal) => {
        concat!(include_str!("script/cached_user.lua"), include_str!($script))
    };
}

script! {
    /// `KEYS`: cached user. `ARGV`: ticket, milliseconds, value that it may replace or nothing. Returns the ticket, or nothing if
    /// something else stands there or memory is full.
    RESERVE_USER, cached_user!("script/reserve_user.lua")
}
script! {
    /// `KEYS`: cached user, least revision. `ARGV`: ticket, value, milliseconds, revision in 20 digits. Returns 1, or 0 if the ticket is
    /// void, the user is older than a change, or memory is full.
    PUT_USER, cached_user!("script/put_user.lua")
}
script! {
    /// `KEYS`: cached user. `ARGV`: fence, milliseconds. Returns 1.
    FENCE_USER, cached_user!("script/fence_user.lua")
}
script! {
    /// `KEYS`: cached user, least revision. `ARGV`: fence, revision that was written in 20 digits or nothing, milliseconds for which
    /// that counts. Returns 1, or 0 if memory is full: then the fence still stands.
    LIFT_USER, cached_user!("script/lift_user.lua")
}

/// A script, and the SHA-1 by which a server that has run it knows it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    pub(crate) sha1: String,
    /// It does nothing once its caller has given up: an attempt adds two arguments, and takes the time from the reply.
    pub(crate) is_in_time: bool,
}

/// The head of a script that does nothing once its caller has given up.
const IN_TIME: &str = include_str!("script/in_time.lua");

impl Script {
    fn new(text: &'static str) -> Self {
        let sha1 = Sha1::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let is_in_time = text.contains(IN_TIME);
        Self {
            text,
            sha1,
            is_in_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [&'static Script; 18] {
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
            &CREATE_SESSION,
            &SAVE_SESSION,
            &REPLACE_SESSION,
            &DELETE_SESSION,
            &FIND_WITH_USER,
            &RESERVE_USER,
            &PUT_USER,
            &FENCE_USER,
            &LIFT_USER,
        ]
    }

    fn commands(script: &Script) -> impl Iterator<Item = &'static str> {
        script
            .text
            .split("redis.")
            .filter_map(|call| {
                call.strip_prefix("call('")
                    .or_else(|| call.strip_prefix("pcall('"))
            })
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
        for script in [&DELETE, &DELETE_ALL, &DELETE_BY_ID, &LIST, &DELETE_SESSION] {
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
