//! `cargo xtask bench`: every benchmark of the workspace.

use std::collections::BTreeSet;

use crate::metadata::Workspace;
use crate::{Fallible, process};

/// Loads a whole server, so it runs by itself, after the others.
const LAST: &str = "http";

/// Runs the named benchmarks, or all of them. Arguments after `--` go to the benchmarks.
pub(crate) fn run(arguments: &[String]) -> Fallible<()> {
    let (names, passed_on) = split(arguments);
    let workspace = Workspace::load()?;
    let found: BTreeSet<String> = workspace
        .members()
        .flat_map(|(_, package)| package.benches.clone())
        .collect();
    if found.is_empty() {
        return Err("this workspace has no benchmark".into());
    }
    for name in chosen(found, names)? {
        let mut command = process::cargo(&workspace.root);
        // The whole workspace each time: other selections would build the dependencies again.
        command.args(["bench", "--workspace", "--all-features", "--bench", &name]);
        process::run(command.arg("--").args(passed_on))?;
    }
    Ok(())
}

fn split(arguments: &[String]) -> (&[String], &[String]) {
    match arguments.iter().position(|argument| argument == "--") {
        Some(end) => (&arguments[..end], &arguments[end + 1..]),
        None => (arguments, &[]),
    }
}

fn chosen(found: BTreeSet<String>, names: &[String]) -> Fallible<Vec<String>> {
    if let Some(unknown) = names.iter().find(|name| !found.contains(*name)) {
        let found: Vec<String> = found.into_iter().collect();
        return Err(format!("no benchmark `{unknown}`; there are: {}", found.join(", ")).into());
    }
    let mut chosen: Vec<String> = found
        .into_iter()
        .filter(|name| names.is_empty() || names.contains(name))
        .collect();
    chosen.sort_by_key(|name| name == LAST);
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_on_a_server_comes_last() {
        let found = ["http", "verify", "argon2"].map(str::to_owned).into();
        assert_eq!(
            chosen(found, &[]).expect("all of them"),
            ["argon2", "verify", "http"]
        );
    }

    #[test]
    fn what_follows_two_dashes_is_no_name() {
        let arguments = ["http", "--", "--quick", "jwt"].map(str::to_owned);
        assert_eq!(split(&arguments), (&arguments[..1], &arguments[2..]));
        assert_eq!(split(&arguments[..1]), (&arguments[..1], &[][..]));
    }

    #[test]
    fn a_benchmark_that_does_not_exist_is_an_error() {
        assert!(chosen(["http".to_owned()].into(), &["teas".to_owned()]).is_err());
    }
}
