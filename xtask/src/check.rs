//! `cargo xtask test`: the whole check, one step after another.

use std::time::{Duration, Instant};

use crate::beside::Beside;
use crate::metadata::Workspace;
use crate::{
    Fallible, book, deny, feature_matrix, fuzz, imports, layout, openapi, process, rust_version, test_run,
};

/// The parts of a step that could not run, listed at the end.
type Skipped = Vec<String>;

struct Step {
    name: &'static str,
    about: &'static str,
    when: When,
    run: fn(&Workspace) -> Fallible<Skipped>,
}

/// When a step of the whole check runs. One that is named runs alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    InTurn,
    /// Begins with the step `tests`; its outcome is told in its turn. It prints nothing that is skipped.
    BesideTests,
    /// Only if it is named.
    Named,
}

const TESTS: &str = "tests";

/// The quick ones first; the steps after them share what cargo has built by then.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "formatting",
        when: When::InTurn,
        run: |w| cargo(w, &["fmt", "--all", "--check"]),
    },
    Step {
        name: "imports",
        about: "allowed imports, and examples that name the facade",
        when: When::InTurn,
        run: |w| done(imports::check(w)),
    },
    Step {
        name: "rust-version",
        about: "the minimum Rust is the one that dependencies need",
        when: When::InTurn,
        run: |w| done(rust_version::check(w)),
    },
    Step {
        name: "layout",
        about: "how files are named, and how long a binding is",
        when: When::InTurn,
        run: |w| done(layout::check(&w.root)),
    },
    Step {
        name: "book",
        about: "the book links every page, and has every promise and error",
        when: When::InTurn,
        run: |w| done(book::check(&w.root)),
    },
    Step {
        name: "clippy",
        about: "all lints, warnings are errors",
        when: When::InTurn,
        run: |w| {
            cargo(
                w,
                &[
                    "clippy",
                    "--workspace",
                    "--all-features",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ],
            )
        },
    },
    Step {
        name: TESTS,
        about: "every test, with those that need a server or a tool",
        when: When::InTurn,
        run: test_run::run,
    },
    Step {
        name: "full",
        about: "every sentence of the HTTP contract on every store; runs only if it is named",
        when: When::Named,
        run: test_run::full,
    },
    Step {
        name: "openapi",
        about: "a property-based client finds nothing that the OpenAPI document does not say",
        when: When::InTurn,
        run: openapi::check,
    },
    Step {
        name: "docs",
        about: "the documentation, warnings are errors",
        when: When::BesideTests,
        run: docs,
    },
    Step {
        name: "deny",
        about: "which crates, licences and sources the dependencies may have",
        when: When::BesideTests,
        run: |w| done(deny::check(w)),
    },
    Step {
        name: "features",
        about: "each package with no feature, and with each feature alone",
        when: When::BesideTests,
        run: |w| done(feature_matrix::check(w)),
    },
    Step {
        name: "fuzz",
        about: "the fuzz targets compile",
        when: When::BesideTests,
        run: |w| done(fuzz::check(&w.root, &w.target)),
    },
    Step {
        name: "doc-tests",
        about: "every example in the documentation",
        when: When::BesideTests,
        run: |w| {
            cargo(
                w,
                &["test", "--workspace", "--all-features", "--doc", "--no-fail-fast"],
            )
        },
    },
];

/// Runs the named steps, or all; every step runs, also after one that failed.
pub(crate) fn run(names: &[String]) -> Fallible<()> {
    if let Some(unknown) = names
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        return Err(format!("no step `{unknown}`; the steps are\n{}", steps_listed()).into());
    }
    let workspace = Workspace::load()?;
    let is_chosen = |step: &&Step| match names {
        [] => step.when != When::Named,
        names => names.iter().any(|name| name == step.name),
    };
    let (mut summary, mut skipped, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    let start_of_all = Instant::now();
    let mut beside = None;
    for step in STEPS.iter().filter(is_chosen) {
        println!("\n==> {}: {}", step.name, step.about);
        if names.is_empty() && step.name == TESTS {
            let steps = STEPS.iter().filter(|step| step.when == When::BesideTests);
            beside = Some(Beside::start(&workspace, steps.map(|step| step.name).collect())?);
        }
        let start = Instant::now();
        let (outcome, took, note) = match &beside {
            Some(beside) if step.when == When::BesideTests => {
                let (outcome, took) = beside.wait(step.name)?;
                (done(outcome), took, "  beside the steps before")
            }
            _ => {
                let outcome = (step.run)(&workspace);
                (outcome, start.elapsed(), "")
            }
        };
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        summary.push(format!("{word}  {:<13}{:>9}{note}", step.name, seconds(took)));
        match outcome {
            Ok(left_out) => skipped.extend(left_out),
            Err(error) => {
                println!("{error}");
                failed.push(step.name);
            }
        }
        println!("<== {} {word} in {}", step.name, seconds(took));
    }
    summary.push(format!(
        "        {:<13}{:>9}",
        "in all",
        seconds(start_of_all.elapsed())
    ));
    println!("\n==> summary\n{}", summary.join("\n"));
    for left_out in skipped {
        println!("SKIPPED: {left_out}");
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "failed: {}; again with: cargo xtask test {}",
        failed.join(", "),
        failed.join(" ")
    )
    .into())
}

/// One step, for the process that [`Beside`] starts.
pub(crate) fn run_beside(names: &[String]) -> Fallible<()> {
    let named = names
        .first()
        .and_then(|name| STEPS.iter().find(|step| step.name == name));
    let step = named.ok_or("no such step")?;
    (step.run)(&Workspace::load()?).map(|_skipped| ())
}

/// The steps for the help text.
pub(crate) fn steps_listed() -> String {
    let lines = STEPS
        .iter()
        .map(|step| format!("  {:<14}{}", step.name, step.about));
    lines.collect::<Vec<_>>().join("\n")
}

fn docs(workspace: &Workspace) -> Fallible<Skipped> {
    let mut command = process::cargo(&workspace.root);
    command
        .env("RUSTDOCFLAGS", "-D warnings")
        // With the features of the step `clippy`, so that dependencies are not checked again.
        .args([
            "doc",
            "--workspace",
            "--all-features",
            "--no-deps",
            "--lib",
            "--bins",
            "--examples",
        ]);
    done(process::run(&mut command))
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Fallible<Skipped> {
    done(process::run(process::cargo(&workspace.root).args(arguments)))
}

fn done(outcome: Fallible<()>) -> Fallible<Skipped> {
    outcome.map(|()| Vec::new())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_does_not_exist_is_an_error_that_lists_those_that_do() {
        let error = run(&["teas".to_owned()]).expect_err("no such step").to_string();
        assert!(
            error.starts_with("no step `teas`") && error.contains("doc-tests"),
            "{error}"
        );
    }
}
