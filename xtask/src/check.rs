//! `cargo xtask test`: the whole check, one step after another.

use std::time::{Duration, Instant};

use crate::metadata::Workspace;
use crate::{Fallible, book, deny, feature_matrix, fuzz, imports, layout, process, rust_version, test_run};

/// The parts of a step that could not run, listed at the end.
type Skipped = Vec<String>;

struct Step {
    name: &'static str,
    about: &'static str,
    /// Whether it runs if no step is named.
    by_default: bool,
    run: fn(&Workspace) -> Fallible<Skipped>,
}

/// The quick ones first; the steps after them share what cargo has built by then.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "formatting",
        by_default: true,
        run: |w| cargo(w, &["fmt", "--all", "--check"]),
    },
    Step {
        name: "imports",
        about: "allowed imports, and examples that name the facade",
        by_default: true,
        run: |w| done(imports::check(w)),
    },
    Step {
        name: "deny",
        about: "which crates, licences and sources the dependencies may have",
        by_default: true,
        run: |w| done(deny::check(w)),
    },
    Step {
        name: "rust-version",
        about: "the minimum Rust is the one that dependencies need",
        by_default: true,
        run: |w| done(rust_version::check(w)),
    },
    Step {
        name: "layout",
        about: "how files are named",
        by_default: true,
        run: |w| done(layout::check(&w.root)),
    },
    Step {
        name: "book",
        about: "the book has every page, promise and error",
        by_default: true,
        run: |w| done(book::check(&w.root)),
    },
    Step {
        name: "clippy",
        about: "all lints, warnings are errors",
        by_default: true,
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
        name: "docs",
        about: "the documentation, warnings are errors",
        by_default: true,
        run: docs,
    },
    Step {
        name: "tests",
        about: "every test, with those that need a server or a tool",
        by_default: true,
        run: test_run::run,
    },
    Step {
        name: "full",
        about: "every sentence of the HTTP contract on every store; runs only if it is named",
        by_default: false,
        run: test_run::full,
    },
    Step {
        name: "doc-tests",
        about: "every example in the documentation",
        by_default: true,
        run: |w| {
            cargo(
                w,
                &["test", "--workspace", "--all-features", "--doc", "--no-fail-fast"],
            )
        },
    },
    Step {
        name: "features",
        about: "each package with no feature, each feature alone, some together, and all",
        by_default: true,
        run: |w| done(feature_matrix::check(w)),
    },
    Step {
        name: "fuzz",
        about: "the fuzz targets compile",
        by_default: true,
        run: |w| done(fuzz::check(&w.root)),
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
    let chosen = STEPS
        .iter()
        .filter(|step| (names.is_empty() && step.by_default) || names.iter().any(|name| name == step.name));
    let (mut summary, mut skipped, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for step in chosen {
        println!("\n==> {}: {}", step.name, step.about);
        let start = Instant::now();
        let outcome = (step.run)(&workspace);
        let took = start.elapsed();
        match outcome {
            Ok(left_out) => {
                println!("<== {} passed in {}", step.name, seconds(took));
                summary.push(format!("passed  {:<13}{:>8}", step.name, seconds(took)));
                skipped.extend(left_out);
            }
            Err(error) => {
                println!("{error}\n<== {} FAILED in {}", step.name, seconds(took));
                summary.push(format!("FAILED  {:<13}{:>8}", step.name, seconds(took)));
                failed.push(step.name);
            }
        }
    }
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
        // With the features of the step before, so that dependencies are not checked again.
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
