//! Lints every package on its own: with no feature, and with each feature alone.
//!
//! It does not try pairs, nor all features of one package. Features only add, so a broken pair nearly always breaks one of
//! the two alone, or all together. The step `clippy` has all of them together, and the example `showcase`, which is built
//! alone here, nearly all without the crates that only tests need.

use crate::Fallible;
use crate::metadata::{Package, Workspace};
use crate::process;

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
    selections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_features(names: &[&str]) -> Vec<String> {
        let features = names.iter().map(|name| (*name).to_owned()).collect();
        selections(&Package {
            features,
            ..Package::default()
        })
        .into_iter()
        .map(|words| words.join(" "))
        .collect()
    }

    #[test]
    fn none_and_each_alone_are_tried() {
        assert_eq!(
            with_features(&["default", "jwt", "sqlite"]),
            [
                "--no-default-features",
                "--no-default-features --features jwt",
                "--no-default-features --features sqlite",
            ]
        );
    }

    #[test]
    fn a_package_without_features_is_tried_once() {
        assert_eq!(with_features(&[]), ["--no-default-features"]);
    }
}
