//! `cargo xtask`: the whole check, servers for the tests, benchmarks and fuzzing.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on its streams"
)]

mod bench;
mod beside;
mod book;
mod check;
mod chromium;
mod deny;
mod doc_examples;
mod feature_matrix;
mod fuzz;
mod imports;
mod layout;
mod limit;
mod metadata;
mod needs;
mod openapi;
mod packages;
mod process;
mod rust_version;
mod services;
mod test_run;

use std::process::ExitCode;

/// A person reads the errors of this tool, once. So an error is only a sentence.
pub(crate) type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

const HELP: &str = "\
cargo xtask test [STEP...]               the whole check, or only the named steps
cargo xtask test full                    every sentence of the HTTP contract on every store
cargo xtask bench [NAME...] [-- ARG...]  the benchmarks, the HTTP load last, or only the named ones; `-- --quick` for a look
cargo xtask services [NAME...]           servers for the tests, until Ctrl-C; `-- COMMAND...` runs it with them
cargo xtask fuzz [SECONDS] [TARGET...]   each fuzz target for SECONDS (60)
cargo xtask help                         this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    if arguments.first().is_some_and(|first| first == limit::LIMITED) {
        return limit::run(rest).unwrap_or_else(|error| {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        });
    }
    let outcome = match arguments.first().map(String::as_str) {
        Some("test") => check::run(rest),
        Some(beside::BESIDE) => check::run_beside(rest),
        Some("bench") => bench::run(rest),
        Some("fuzz") => fuzz::run(rest),
        Some("services") => services::run(rest),
        Some(services::KEEP) => services::keep(rest),
        Some(chromium::KEEP) => chromium::keep(rest.first().map_or("chromedriver", String::as_str)),
        None | Some("help" | "list" | "-h" | "--help") => {
            println!("{HELP}\nSteps of `test`, in order:\n{}", check::steps_listed());
            Ok(())
        }
        Some(other) => Err(format!("no command `{other}`\n\n{HELP}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        }
    }
}
