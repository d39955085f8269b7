//! Checks that the minimum supported Rust is exactly the one that the dependencies need.

use crate::Fallible;
use crate::metadata::{Package, Workspace};

type Version = [u64; 3];

/// Fails if a package here declares another Rust than its most demanding dependency.
pub(crate) fn check(workspace: &Workspace) -> Fallible<()> {
    let published = workspace
        .members()
        .filter(|(_, package)| package.publishable)
        .map(|(id, _)| id);
    let below = workspace.below(published);
    let (ours, theirs): (Vec<&Package>, Vec<&Package>) =
        below.into_iter().partition(|package| package.member);

    let demands = theirs
        .into_iter()
        .filter_map(|package| Some((version(package)?, package)));
    let (highest, demanding) = most_demanding(demands).ok_or("no dependency declares a rust-version")?;
    let demanding = demanding
        .iter()
        .map(|package| format!("{} {}", package.name, package.version));
    let reason = format!(
        "{} asks for Rust {}",
        demanding.collect::<Vec<_>>().join(", "),
        shown(highest)
    );
    println!("{reason}");

    let wrong: Vec<String> = ours
        .iter()
        .filter(|package| version(package) != Some(highest))
        .map(|package| {
            format!(
                "{} declares {}",
                package.name,
                package.rust_version.as_deref().unwrap_or("none")
            )
        })
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{reason}, but {}", wrong.join(", ")).into())
    }
}

fn most_demanding<'a>(
    demands: impl Iterator<Item = (Version, &'a Package)>,
) -> Option<(Version, Vec<&'a Package>)> {
    let demands: Vec<_> = demands.collect();
    let highest = demands.iter().map(|(version, _)| *version).max()?;
    let demanding = demands
        .into_iter()
        .filter(|(version, _)| *version == highest)
        .map(|(_, package)| package);
    Some((highest, demanding.collect()))
}

fn version(package: &Package) -> Option<Version> {
    let mut numbers = package
        .rust_version
        .as_deref()?
        .split('.')
        .map(|number| number.parse().ok());
    Some([
        numbers.next()??,
        numbers.next().unwrap_or(Some(0))?,
        numbers.next().unwrap_or(Some(0))?,
    ])
}

fn shown([major, minor, patch]: Version) -> String {
    if patch == 0 {
        format!("{major}.{minor}")
    } else {
        format!("{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(ours: &str) -> Workspace {
        let package = |name: &str, rust: &str, imports: &[&str]| Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            rust_version: Some(rust.to_owned()),
            member: name == "auth-core",
            publishable: true,
            builds_with: imports.iter().map(|name| (*name).to_owned()).collect(),
            tests_with: vec!["for-tests".to_owned()],
            ..Package::default()
        };
        let packages = [
            package("auth-core", ours, &["old", "new"]),
            package("old", "1.60", &["deep"]),
            package("new", "1.80.1", &[]),
            package("deep", "1.81.0", &[]),
            package("for-tests", "1.99", &[]),
        ];
        let packages = packages
            .into_iter()
            .map(|package| (package.name.clone(), package))
            .collect();
        Workspace {
            packages,
            ..Workspace::default()
        }
    }

    #[test]
    fn the_most_demanding_dependency_sets_the_version_and_tests_do_not_count() {
        assert!(check(&workspace("1.81")).is_ok());
    }

    #[test]
    fn a_version_that_is_too_low_or_too_high_names_who_demands_what() {
        for ours in ["1.80", "1.82"] {
            let error = check(&workspace(ours))
                .expect_err("not what the dependencies ask for")
                .to_string();
            assert_eq!(
                error,
                format!("deep 1.0.0 asks for Rust 1.81, but auth-core declares {ours}")
            );
        }
    }
}
