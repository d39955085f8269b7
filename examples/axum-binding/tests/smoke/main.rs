//! The smoke journey on axum and SQLite, and what the binding adds to it.

mod own;
mod service;

use std::{process::ExitCode, sync::Arc};

use libtest_mimic::Arguments;
use portcullis_support::{
    Kind,
    journey::{Case, Row, Sentence, said, within_patience},
};
use tokio::runtime::Runtime;

use service::Service;

fn main() -> ExitCode {
    let said = [said(), own::SENTENCES.to_vec()].concat();
    let mut trials = Vec::new();
    for (kind, verification) in [
        (Kind::DbBearer, false),
        (Kind::DbBearer, true),
        (Kind::DbCookie, false),
        (Kind::DbCookie, true),
    ] {
        let row = Row {
            place: "axum",
            kind,
            verification,
            needs: None,
        };
        trials.extend(said.iter().map(|sentence| row.trial(*sentence, say)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn say(row: Row, sentence: Sentence) {
    let runtime = Runtime::new().expect("a runtime");
    within_patience(&runtime, "the end of the sentence", async {
        let service = Service::start(row.verification).await;
        let case = Case {
            site: Arc::clone(&service.site),
            kind: row.kind,
            verification: row.verification,
        };
        (sentence.says)(&case).await;
    });
}
