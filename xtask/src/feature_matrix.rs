//! Lints every package on its own: with no feature, each feature alone, all, and a few groups.
//!
//! It does not try every pair. Features only add, so a broken pair nearly always breaks one of the two alone, or all
//! together. The pairs of the facade would take longer than the rest of the check.

use crate::Fallible;
use crate::metadata::{Package, Workspace};
use crate::process;

/// Features that are tried together, by their package. Those that a typical application has together are tried by the examples,
/// each of which is built on its own.
const TOGETHER: &[(&str, &str)] = &[
    // These share code that a single one does not need, and SQLite does not have.
    ("auth-sql", "mysql,postgres"),
];

/// Lints each package with each selection of its features, without linking anything.
pub(crate) fn check(workspace: &Workspace) -> Fallible<()> {
    let mut broken = Vec::new();
    // Nobody but this workspace builds these two.
    let own_tools = ["xtask", "portcullis-support"];
    for (_, package) in workspace
        .members()
        .filter(|(_, package)| !own_tools.contains(&package.name.as_str()))
    {
        for selection in selections(package) {
            let mut command = process::cargo(&workspace.root);
            command
                .args(["clippy", "--package", &package.name])
                .args(selection)
                .args(["--", "-D", "warnings"]);
            if let Err(error) = process::run(&mut command) {
                broken.push(error.to_string());
            }
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("\n").into())
    }
}

/// The cargo arguments of each selection, the cheapest first.
fn selections(package: &Package) -> Vec<Vec<String>> {
    let named: Vec<&String> = package
        .features
        .iter()
        .filter(|name| *name != "default")
        .collect();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut selections = vec![words(&["--no-default-features"])];
    selections.extend(
        named
            .iter()
            .map(|name| words(&["--no-default-features", "--features", name])),
    );
    let together = TOGETHER.iter().filter(|(name, _)| *name == package.name);
    selections.extend(together.map(|(_, group)| words(&["--no-default-features", "--features", group])));
    if named.len() > 1 {
        selections.push(words(&["--all-features"]));
    }
    selections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_features(package: &str, names: &[&str]) -> Vec<String> {
        let features = names.iter().map(|name| (*name).to_owned()).collect();
        selections(&Package {
            name: package.to_owned(),
            features,
            ..Package::default()
        })
        .into_iter()
        .map(|words| words.join(" "))
        .collect()
    }

    #[test]
    fn none_each_alone_and_all_are_tried() {
        assert_eq!(
            with_features("auth-jwt", &["default", "jwt", "sqlite"]),
            [
                "--no-default-features",
                "--no-default-features --features jwt",
                "--no-default-features --features sqlite",
                "--all-features"
            ]
        );
    }

    #[test]
    fn a_group_is_tried_in_its_package() {
        let tried = with_features("auth-sql", &["mysql", "postgres", "sqlite"]);
        assert_eq!(tried.len(), 1 + 3 + 1 + 1);
        assert!(tried.contains(&"--no-default-features --features mysql,postgres".to_owned()));
    }

    #[test]
    fn a_package_without_features_is_tried_once() {
        assert_eq!(with_features("auth-jwt", &[]), ["--no-default-features"]);
    }
}
