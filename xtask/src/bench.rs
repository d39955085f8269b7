//! `cargo xtask bench`: every benchmark of the workspace.

use std::collections::BTreeSet;

use crate::metadata::Workspace;
use crate::{Fallible, process};

/// Loads a whole server, so it runs by itself, after the others.
const LAST: &str = "http";

/// Runs the named benchmarks, or all of them.
pub(crate) fn run(names: &[String]) -> Fallible<()> {
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
        process::run(command.args(["bench", "--workspace", "--all-features", "--bench", &name]))?;
    }
    Ok(())
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
    fn a_benchmark_that_does_not_exist_is_an_error() {
        assert!(chosen(["http".to_owned()].into(), &["teas".to_owned()]).is_err());
    }
}
