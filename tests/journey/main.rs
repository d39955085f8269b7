//! Every sentence of the HTTP contract, over real HTTP: for each kind of backend, with verification required and not.
//!
//! The contract does not know the store, so each sentence is said in memory alone; `cargo xtask test full` says it on SQLite,
//! too. What a store promises is in `auth_core::conformance`. That a store fits under the contract is for the smoke journey
//! of the showcase to say.

mod current_user;
mod expiry;
mod rotation;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use portcullis_support::{
    self as harness, Blueprint, Kind, Store,
    journey::{Row, Sentence, is_full, sentences, sentences_of_jwts, sentences_of_refresh},
};

/// A plain JWT in a cookie is left out: its transport is that of `DbCookie`, and its strategy that of `JwtBearer`. Only its log-out
/// is like neither, and has a test among the deviations from FastAPI Users.
const BACKENDS: &[Kind] = &[
    Kind::JwtBearer,
    Kind::DbBearer,
    Kind::DbCookie,
    Kind::TrackedBearer,
    Kind::TrackedCookie,
];
const BACKENDS_OF_JWTS: &[Kind] = &[Kind::JwtBearer, Kind::JwtCookie];
const BACKENDS_WITH_REFRESH: &[Kind] = &[Kind::TrackedBearer, Kind::TrackedCookie];

fn main() -> ExitCode {
    let of_all = [&sentences(), current_user::SENTENCES, expiry::SENTENCES].concat();
    let mut trials = Vec::new();
    for (kinds, sentences) in [
        (BACKENDS, &*of_all),
        (BACKENDS_OF_JWTS, sentences_of_jwts()),
        (BACKENDS_WITH_REFRESH, sentences_of_refresh()),
        (BACKENDS_WITH_REFRESH, rotation::SENTENCES),
    ] {
        for row in rows(kinds) {
            trials.extend(sentences.iter().map(|sentence| row.trial(*sentence, say)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn rows(kinds: &[Kind]) -> Vec<Row> {
    let places: &[&str] = if is_full() {
        &["memory", "sqlite"]
    } else {
        &["memory"]
    };
    let mut rows = Vec::new();
    for place in places {
        for kind in kinds {
            rows.extend([false, true].map(|verification| Row {
                place,
                kind: *kind,
                verification,
                needs: None,
            }));
        }
    }
    rows
}

fn say(row: Row, sentence: Sentence) {
    let mut backends = vec![row.kind];
    if sentence.module.ends_with("::refresh") {
        // A token of each other backend is presented to this one.
        backends.extend(Kind::ALL.into_iter().filter(|kind| *kind != row.kind));
    }
    let mut blueprint = Blueprint::of(&backends);
    if sentence.module.ends_with("::rotation") {
        blueprint.refresh.rotate_after = Some(rotation::AGE);
    }
    if row.place == "memory" {
        blueprint.store = Store::Memory;
    }
    blueprint.case(row.verification, sentence.says);
}
