//! Each promise of the suite is in a macro, and is broken once by a wrong store.

use std::collections::BTreeSet;

const MACROS: &str = include_str!("../src/conformance/suite.rs");
const WRONG_USERS: &str = include_str!("wrong_store/users.rs");
const WRONG_TOKENS: &str = include_str!("wrong_store/access_tokens.rs");
const WRONG_CACHES: &str = include_str!("wrong_store/user_caches.rs");
const WRONG_SESSIONS: &str = include_str!("wrong_store/sessions.rs");

/// Each suite with its sources and the wrong store that breaks it.
const SUITES: [(&str, &[&str], &str); 10] = [
    (
        "user_store",
        &[
            include_str!("../src/conformance/user_store/cancelled.rs"),
            include_str!("../src/conformance/user_store/delete.rs"),
            include_str!("../src/conformance/user_store/email.rs"),
            include_str!("../src/conformance/user_store/id.rs"),
            include_str!("../src/conformance/user_store/insert.rs"),
            include_str!("../src/conformance/user_store/out_of_reach.rs"),
            include_str!("../src/conformance/user_store/process.rs"),
            include_str!("../src/conformance/user_store/roles.rs"),
            include_str!("../src/conformance/user_store/update.rs"),
        ],
        WRONG_USERS,
    ),
    (
        "list_users",
        &[include_str!("../src/conformance/list_users.rs")],
        WRONG_USERS,
    ),
    (
        "access_token_store",
        &[
            include_str!("../src/conformance/access_token_store/cancelled.rs"),
            include_str!("../src/conformance/access_token_store/cap.rs"),
            include_str!("../src/conformance/access_token_store/delete.rs"),
            include_str!("../src/conformance/access_token_store/insert.rs"),
            include_str!("../src/conformance/access_token_store/neighbour.rs"),
            include_str!("../src/conformance/access_token_store/out_of_reach.rs"),
            include_str!("../src/conformance/access_token_store/process.rs"),
            include_str!("../src/conformance/access_token_store/touch.rs"),
        ],
        WRONG_TOKENS,
    ),
    (
        "opaque_strategy",
        &[include_str!("../src/conformance/opaque_strategy.rs")],
        WRONG_TOKENS,
    ),
    (
        "access_token_index",
        &[include_str!("../src/conformance/access_token_index.rs")],
        WRONG_TOKENS,
    ),
    (
        "rotate_tokens",
        &[
            include_str!("../src/conformance/rotate_tokens/cancelled.rs"),
            include_str!("../src/conformance/rotate_tokens/delete.rs"),
            include_str!("../src/conformance/rotate_tokens/expiry.rs"),
            include_str!("../src/conformance/rotate_tokens/interleaved.rs"),
            include_str!("../src/conformance/rotate_tokens/out_of_reach.rs"),
            include_str!("../src/conformance/rotate_tokens/parallel.rs"),
            include_str!("../src/conformance/rotate_tokens/process.rs"),
            include_str!("../src/conformance/rotate_tokens/step.rs"),
        ],
        WRONG_TOKENS,
    ),
    (
        "purge_expired",
        &[include_str!("../src/conformance/purge_expired.rs")],
        WRONG_TOKENS,
    ),
    (
        "session_store",
        &[
            include_str!("../src/conformance/session_store/cancelled.rs"),
            include_str!("../src/conformance/session_store/create.rs"),
            include_str!("../src/conformance/session_store/delete.rs"),
            include_str!("../src/conformance/session_store/delete_all.rs"),
            include_str!("../src/conformance/session_store/out_of_reach.rs"),
            include_str!("../src/conformance/session_store/process.rs"),
            include_str!("../src/conformance/session_store/race.rs"),
            include_str!("../src/conformance/session_store/replace.rs"),
            include_str!("../src/conformance/session_store/save.rs"),
        ],
        WRONG_SESSIONS,
    ),
    (
        "purge_sessions",
        &[include_str!("../src/conformance/purge_sessions.rs")],
        WRONG_SESSIONS,
    ),
    (
        "user_cache",
        &[include_str!("../src/conformance/user_cache.rs")],
        WRONG_CACHES,
    ),
];

#[test]
fn each_promise_is_a_test_of_a_macro() {
    for (suite, sources, _) in SUITES {
        let listed: BTreeSet<&str> = block(MACROS, &format!("$make, {suite} {{"))
            .split_whitespace()
            .collect();
        assert_eq!(listed, promises(sources), "{suite}");
    }
}

#[test]
fn each_promise_is_broken_by_a_wrong_store() {
    for (suite, sources, wrong_store) in SUITES {
        let fixture = if suite.ends_with("users") || suite == "user_store" {
            "Users"
        } else if wrong_store == WRONG_SESSIONS {
            "Sessions"
        } else if wrong_store == WRONG_CACHES {
            "Caches"
        } else {
            "Tokens"
        };
        let broken: BTreeSet<&str> = block(wrong_store, &format!("breaks! {{ {suite}, {fixture} {{"))
            .split(';')
            .filter_map(|line| line.split_once(':'))
            .map(|(promise, _)| promise.trim())
            .collect();
        assert_eq!(broken, promises(sources), "{suite}");
    }
}

fn promises<'a>(sources: &[&'a str]) -> BTreeSet<&'a str> {
    let starts = sources
        .iter()
        .flat_map(|source| source.split("pub async fn ").skip(1));
    let promises: BTreeSet<&str> = starts
        .filter_map(|start| start.split(['<', '(']).next())
        .collect();
    assert!(!promises.is_empty());
    promises
}

fn block<'a>(source: &'a str, opening: &str) -> &'a str {
    let (_, rest) = source.split_once(opening).expect("the block begins");
    rest.split_once('}').expect("the block ends").0
}
