//! Runs every test: first those that need nothing, then those that need a server or a tool, except if that is missing.

use std::collections::BTreeSet;
use std::env;

use crate::metadata::Workspace;
use crate::needs::{self, Needs};
use crate::{Fallible, limit, process};

/// Every test of the workspace.
const ALL: &[&str] = &["--workspace", "--lib", "--bins", "--tests", "--examples"];

/// The test programs that say the sentences of the HTTP contract, row by row.
const JOURNEYS: &[&str] = &[
    "--package",
    "portcullis",
    "--package",
    "showcase",
    "--package",
    "axum-binding",
    "--test",
    "journey",
    "--test",
    "smoke",
];

/// Makes them say every sentence in every row; see `journey::is_full` of the support crate.
const FULL: &str = "TEST_FULL";

/// An ignored test, as the test harness tells of it.
#[derive(Debug, PartialEq, Eq)]
struct Ignored {
    path: String,
    reason: String,
}

/// The tests that the second run leaves out, and the messages about them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    skip: BTreeSet<String>,
    /// One line for each need that is missing.
    skipped: Vec<String>,
    /// The same, for those that may not be missing where `CI` is set.
    forbidden: Vec<String>,
}

/// Runs every test that can run here, and says which cannot.
pub(crate) fn run(workspace: &Workspace) -> Fallible<Vec<String>> {
    run_of(workspace, ALL, &[])
}

/// Says every sentence of the HTTP contract on every store, for each backend and setting: nearly ten times as many tests as
/// the journeys have otherwise, of code that knows no store.
pub(crate) fn full(workspace: &Workspace) -> Fallible<Vec<String>> {
    run_of(workspace, JOURNEYS, &[(FULL, "1")])
}

fn run_of(workspace: &Workspace, tests: &[&str], environment: &[(&str, &str)]) -> Fallible<Vec<String>> {
    let needs = Needs::provide(workspace)?;
    let limited = limit::config()?;
    let command = || {
        let mut command = process::cargo(&workspace.root);
        command.args(["test", "--all-features", "--no-fail-fast"]);
        command.args(tests).args(["--config", &limited]);
        command.envs(environment.iter().copied());
        command.envs(needs.variables.iter().map(|(name, value)| (name, value)));
        command
    };
    let (quick, said) = process::run_and_read(&mut command())?;
    if !said.contains("test result: ") {
        // Not even compiled; the second run would say it all again.
        return quick.map(|()| Vec::new());
    }
    let plan = plan(&ignored(&said), &needs);
    let mut rest = command();
    rest.args(["--", "--ignored", "--exact"]);
    for path in &plan.skip {
        rest.args(["--skip", path]);
    }
    let slow = process::run(&mut rest);
    let genuine = if tests == ALL {
        genuine_mongodb(workspace)
    } else {
        Ok(())
    };
    let mut failures: Vec<String> = [quick, slow, genuine]
        .into_iter()
        .filter_map(|outcome| Some(outcome.err()?.to_string()))
        .collect();
    if process::in_ci() && !plan.forbidden.is_empty() {
        let forbidden = plan.forbidden.join("; ");
        failures.push(format!("nothing may be skipped where CI is set: {forbidden}"));
    }
    if failures.is_empty() {
        Ok(plan.skipped)
    } else {
        Err([failures, plan.skipped].concat().join("\n").into())
    }
}

/// Runs the suites of the stores once more on the MongoDB that [`MONGODB_URL`](needs::MONGODB_URL) names, if it names one.
fn genuine_mongodb(workspace: &Workspace) -> Fallible<()> {
    let Some(url) = env::var_os(needs::MONGODB_URL) else {
        return Ok(());
    };
    let mut suites = process::cargo(&workspace.root);
    suites.args([
        "test",
        "--all-features",
        "--package",
        "auth-mongo",
        "--test",
        "mongodb",
    ]);
    suites.args(["--", "--ignored", "conformance::", "cap::"]);
    process::run(suites.env("TEST_MONGODB_URL", url))
}

/// The ignored tests in what a run of the others has printed: `test NAME ... ignored, REASON`, or `test [REASON] NAME ...
/// ignored` of a test that is a row of a table.
fn ignored(said: &str) -> Vec<Ignored> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("test "));
    lines
        .filter_map(|line| {
            let (test, reason) = line.split_once(" ... ignored")?;
            let (path, reason) = match test.strip_prefix('[') {
                Some(row) => row.split_once(']').map(|(reason, path)| (path, reason))?,
                None => (test, reason.strip_prefix(", ")?),
            };
            Some(Ignored {
                path: path.trim().to_owned(),
                reason: reason.to_owned(),
            })
        })
        .collect()
}

fn plan(ignored: &[Ignored], needs: &Needs) -> Plan {
    let mut plan = Plan::default();
    for (need, why) in &needs.missing {
        let lacking = ignored
            .iter()
            .filter(|test| needs.lacks(&test.reason) == Some(need));
        let paths: Vec<&String> = lacking.map(|test| &test.path).collect();
        let line = format!("{} tests need {need}: {why}", paths.len());
        if !needs::is_optional(need) {
            plan.forbidden.push(line.clone());
        }
        plan.skipped.push(line);
        plan.skip.extend(paths.into_iter().cloned());
    }
    // The harness is told of a test by its path alone, whatever file it is in.
    let namesakes = ignored
        .iter()
        .filter(|test| needs.lacks(&test.reason).is_none() && plan.skip.contains(&test.path));
    let count = namesakes.count();
    if count > 0 {
        let line = format!("{count} tests that lack nothing, but have the same path as one of those");
        plan.forbidden.push(line.clone());
        plan.skipped.push(line);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
running 4 tests
test redis::revokes ... ignored, needs Redis
test quick ... ok
test sql::revokes ... ignored, needs MariaDB
test both ... ignored, needs MariaDB and Redis
test collation ... ignored, needs MONGODB_URL

test result: ok. 1 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn a_row_of_a_table_has_its_reason_before_its_name() {
        let said = "test [needs Redis]  redis::open  ... ignored\ntest sqlite::open ... ok\ntest plain ... ignored\n";
        let test = Ignored {
            path: "redis::open".to_owned(),
            reason: "needs Redis".to_owned(),
        };
        assert_eq!(ignored(said), [test]);
    }

    #[test]
    fn nothing_is_skipped_where_nothing_is_missing() {
        assert_eq!(plan(&ignored(SAID), &Needs::without(&[])), Plan::default());
    }

    #[test]
    fn exactly_the_tests_that_lack_something_are_skipped_and_counted() {
        let plan = plan(&ignored(SAID), &Needs::without(&["MariaDB"]));
        assert!(plan.skip.iter().eq(["both", "sql::revokes"]), "{plan:?}");
        assert_eq!(plan.skipped, ["2 tests need MariaDB: not here"]);
        assert_eq!(plan.forbidden, plan.skipped);
    }

    #[test]
    fn what_no_package_brings_may_be_skipped_in_ci() {
        let plan = plan(&ignored(SAID), &Needs::without(&["MONGODB_URL"]));
        assert_eq!(plan.skipped, ["1 tests need MONGODB_URL: not here"]);
        assert!(plan.forbidden.is_empty());
    }

    #[test]
    fn a_test_that_is_skipped_for_its_path_alone_is_told_of() {
        let namesakes = "test a ... ignored, needs Redis\ntest a ... ignored, needs MONGODB_URL\n";
        let plan = plan(&ignored(namesakes), &Needs::without(&["MONGODB_URL"]));
        assert_eq!(plan.skipped.len(), 2);
        assert!(
            plan.forbidden[0].starts_with("1 tests that lack nothing"),
            "{plan:?}"
        );
    }
}
