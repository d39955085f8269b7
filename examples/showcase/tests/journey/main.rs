//! The smoke journey, said of the program itself: on each database, with and without Redis, for each backend, with
//! verification required and not. A backend with refresh tokens also says what its row on the store decides, and a cookie with
//! them that alone. `cargo xtask test full` says every sentence of the HTTP contract here that needs no clock of the test's.
//!
//! Each test has a process and a database to itself; the next one has them, too, once they are empty again. What needs a
//! clock that is set, or routes of an application's own, is said of the library alone.

mod dump;
mod harness;
mod place;
mod protected;

use std::{
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{Arc, LazyLock},
};

use libtest_mimic::{Arguments, Trial};
use portcullis_support::{
    Kind,
    journey::{Case, Row, Sentence, is_full, said, said_of_refresh, sentences_of_jwts, within_patience},
};
use tokio::runtime::Runtime;

use harness::Service;
use place::{PLACES, Table};

/// The one that every test runs on: connections stay open from one to the next.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn main() -> ExitCode {
    let trials = PLACES.iter().flat_map(trials).collect();
    let outcome = libtest_mimic::run(&Arguments::from_args(), trials);
    within_patience(&RUNTIME, "the end of every process", harness::finish());
    outcome.exit_code()
}

/// What is said of one place.
fn trials(table: &Table) -> Vec<Trial> {
    let mut trials = Vec::new();
    for row in table.rows() {
        let mut said = match row.kind {
            // Beside the Bearer backend it is another transport, which no store can break.
            Kind::TrackedCookie if !is_full() => Vec::new(),
            _ => said(),
        };
        if row.kind.has_refresh() {
            said.extend(said_of_refresh());
        }
        if is_full() && row.kind == Kind::JwtBearer {
            said.extend(sentences_of_jwts());
        }
        trials.extend(said.into_iter().map(|sentence| row.trial(sentence, say)));
    }
    // These see to the backends by themselves.
    let row = table.row(Kind::JwtBearer, false);
    if is_full() || protected::PLACES.contains(&table.name) {
        let said = protected::SENTENCES.iter();
        trials.extend(said.map(|sentence| row.trial(*sentence, say)));
    }
    if dump::PLACES.contains(&table.name) {
        trials.push(dump::trial(row));
    }
    trials
}

fn say(row: Row, sentence: Sentence) {
    run(row, async |_: &Service, case: &Case| (sentence.says)(case).await);
}

/// Runs `test` against a process that is all its own, and where nobody is registered.
fn run(row: Row, test: impl AsyncFnOnce(&Service, &Case)) {
    let taken = harness::take(place::place(row.place), row.verification);
    let service = within_patience(&RUNTIME, "a process", taken);
    let case = Case {
        site: Arc::clone(&service.site),
        kind: row.kind,
        verification: row.verification,
    };
    let said = panic::catch_unwind(AssertUnwindSafe(|| {
        within_patience(&RUNTIME, "the end of the test", test(&service, &case));
    }));
    drop(case);
    match said {
        Ok(()) => within_patience(&RUNTIME, "the end of a process", harness::give_back(service)),
        Err(failure) => {
            service.show_log();
            within_patience(&RUNTIME, "the end of the process", service.end());
            panic::resume_unwind(failure);
        }
    }
}
