//! Checks which package imports which.

use std::path::Path;

use crate::metadata::{Package, Workspace};
use crate::{Fallible, doc_examples};

/// Each package, with the packages of this workspace that it may import, dev-dependencies included.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("auth-core", &[]),
    ("auth-jwt", &["auth-core"]),
    ("auth-mongo", &["auth-core"]),
    ("auth-redis", &["auth-core"]),
    ("auth-sql", &["auth-core"]),
    ("auth-users", &["auth-core"]),
    ("auth-http", &["auth-core", "auth-users"]),
    ("auth-actix", &["auth-core", "auth-users", "auth-http"]),
    (
        "portcullis",
        &[
            "auth-core",
            "auth-jwt",
            "auth-mongo",
            "auth-redis",
            "auth-sql",
            "auth-users",
            "auth-http",
            "auth-actix",
        ],
    ),
    (SUPPORT, &["portcullis"]),
    ("xtask", &[]),
];

const EXAMPLES_MAY_IMPORT: &[&str] = &["portcullis"];

/// The crates below it may have it as a dev-dependency, for the examples in their documentation. Cargo refuses any
/// other dependency on it as a cycle.
const FACADE: &str = "portcullis";

/// The shared support for tests. Every package's tests may use it. With all its features it depends on much, so a small
/// crate uses it without any.
const SUPPORT: &str = "portcullis-support";

/// `auth-core` must not depend on any framework, driver or algorithm that implements its contracts.
const NEVER_IN_CORE: &[&str] = &[
    "argon2",
    "axum",
    "bcrypt",
    "diesel",
    "diesel-async",
    "fred",
    "hyper",
    "jsonwebtoken",
    "libsqlite3-sys",
    "mongodb",
    "mysql_async",
    "redis",
    "rocket",
    "sqlx",
    "tokio-postgres",
    "tower",
    "warp",
];

/// Fails with one line for every forbidden import.
pub(crate) fn check(workspace: &Workspace) -> Fallible<()> {
    let members = workspace.members().count();
    let crates: Vec<String> = workspace
        .members()
        .filter(|(_, package)| package.name.starts_with("auth-"))
        .map(|(_, package)| package.name.replace('-', "_"))
        .collect();
    let mut violations = violations(workspace);
    violations.extend(doc_examples::behind_the_facade(&workspace.root, &crates)?);
    violations.extend(doc_examples::incomplete(workspace));
    if violations.is_empty() {
        println!("{members} packages keep to the import rules");
        return Ok(());
    }
    Err(violations.join("\n").into())
}

fn violations(workspace: &Workspace) -> Vec<String> {
    let ours: Vec<&str> = workspace
        .members()
        .map(|(_, package)| package.name.as_str())
        .collect();
    let mut found = Vec::new();
    for (_, package) in workspace.members() {
        let Some(allowed) = may_import(package) else {
            found.push(format!(
                "{}: not in the import rules; give it a line there",
                package.name
            ));
            continue;
        };
        // A package may name itself, to enable features of its own crate for tests. The facade is for examples.
        let imports = package
            .declared
            .iter()
            .filter(|name| ours.contains(&name.as_str()) && **name != package.name && *name != SUPPORT)
            .filter(|name| **name != FACADE || !package.name.starts_with("auth-"));
        for import in imports.filter(|name| !allowed.contains(&name.as_str())) {
            found.push(format!(
                "{} imports {import}; it may import {}",
                package.name,
                listed(allowed)
            ));
        }
        found.extend(support_of(package));
        found.extend(forbidden_below(workspace, package));
    }
    found
}

fn may_import(package: &Package) -> Option<&'static [&'static str]> {
    if package.folder.starts_with(Path::new("examples")) {
        return Some(EXAMPLES_MAY_IMPORT);
    }
    MAY_IMPORT
        .iter()
        .find(|(name, _)| *name == package.name)
        .map(|(_, allowed)| *allowed)
}

/// The problems with a package's use of the support for tests.
fn support_of(package: &Package) -> Option<String> {
    if !package.declared.iter().any(|name| name == SUPPORT) {
        return None;
    }
    let wrong = match package.dev_features.get(SUPPORT) {
        None => "it is for tests alone",
        Some(features) if !features.is_empty() && package.name.starts_with("auth-") => {
            "a package below the facade takes it without features"
        }
        Some(_) => return None,
    };
    Some(format!("{} imports {SUPPORT}; {wrong}", package.name))
}

fn forbidden_below(workspace: &Workspace, package: &Package) -> Vec<String> {
    let is_forbidden = |name: &str| {
        let framework = name.starts_with("actix") && package.name != "auth-actix";
        framework || (package.name == "auth-core" && NEVER_IN_CORE.contains(&name))
    };
    if !package.name.starts_with("auth-") {
        return Vec::new();
    }
    let is_shared = |id: &&String| {
        workspace
            .packages
            .get(*id)
            .is_some_and(|package| [FACADE, SUPPORT].contains(&&*package.name))
    };
    let tests_with = package.tests_with.iter().filter(|id| !is_shared(id));
    let below = workspace.below(package.builds_with.iter().chain(tests_with));
    let forbidden = below
        .into_iter()
        .filter(|dependency| is_forbidden(&dependency.name));
    forbidden
        .map(|dependency| format!("{} depends on {}", package.name, dependency.name))
        .collect()
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "no package of this workspace".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of these packages. Each is given by its folder and the names of its dependencies.
    fn house(packages: &[(&str, &[&str])]) -> Workspace {
        let mut workspace = Workspace::default();
        for (folder, imports) in packages {
            let name = folder.rsplit('/').next().unwrap_or(folder);
            let names: Vec<String> = imports.iter().map(|name| (*name).to_owned()).collect();
            let package = Package {
                name: name.to_owned(),
                member: name.starts_with("auth-") || ["portcullis", "quickstart", "xtask"].contains(&name),
                folder: folder.into(),
                declared: names.clone(),
                builds_with: names,
                ..Package::default()
            };
            workspace.packages.insert(name.to_owned(), package);
        }
        workspace
    }

    #[test]
    fn the_house_as_it_is_drawn_passes() {
        let drawn = house(&[
            ("auth-core", &["serde"]),
            ("auth-users", &["auth-core", "argon2"]),
            ("auth-http", &["auth-core", "auth-users"]),
            (
                "auth-actix",
                &["auth-core", "auth-users", "auth-http", "actix-web"],
            ),
            ("portcullis", &["auth-core", "auth-actix"]),
            ("examples/quickstart", &["portcullis", "actix-web"]),
            ("xtask", &["serde_json"]),
            ("actix-web", &["tokio"]),
        ]);
        assert_eq!(violations(&drawn), Vec::<String>::new());
    }

    #[test]
    fn what_tests_share_stays_out_of_builds_and_a_small_crate_takes_it_without_features() {
        let found = |name: &str, features: Option<&[&str]>| {
            let features = features.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            support_of(&Package {
                name: name.to_owned(),
                declared: vec![SUPPORT.to_owned()],
                dev_features: features
                    .map(|features| (SUPPORT.to_owned(), features))
                    .into_iter()
                    .collect(),
                ..Package::default()
            })
        };
        assert_eq!(found("auth-redis", Some(&[])), None);
        assert_eq!(found("showcase", Some(&["http"])), None);
        let heavy = found("auth-redis", Some(&["http"])).expect("caught");
        assert!(heavy.ends_with("without features"), "{heavy}");
        let built = found("showcase", None).expect("caught");
        assert!(built.ends_with("for tests alone"), "{built}");
    }

    #[test]
    fn an_adapter_that_imports_another_is_caught() {
        let found = violations(&house(&[
            ("auth-core", &[]),
            ("auth-jwt", &[]),
            ("auth-sql", &["auth-core", "auth-jwt"]),
        ]));
        assert_eq!(found, ["auth-sql imports auth-jwt; it may import auth-core"]);
    }

    #[test]
    fn a_store_that_looks_above_the_core_is_caught() {
        for store in ["auth-mongo", "auth-redis", "auth-sql"] {
            let found = violations(&house(&[("auth-users", &[]), (store, &["auth-users"])]));
            assert_eq!(
                found,
                [format!("{store} imports auth-users; it may import auth-core")]
            );
        }
    }

    #[test]
    fn a_core_that_imports_a_crate_above_it_is_caught() {
        let found = violations(&house(&[("auth-core", &["auth-users"]), ("auth-users", &[])]));
        assert_eq!(
            found,
            ["auth-core imports auth-users; it may import no package of this workspace"]
        );
    }

    #[test]
    fn a_dev_dependency_counts_as_an_import() {
        let mut workspace = house(&[
            ("auth-core", &[]),
            ("auth-http", &[]),
            ("auth-sql", &["auth-core"]),
        ]);
        let http = workspace.packages.get_mut("auth-http").expect("it was just made");
        http.declared.push("auth-sql".to_owned());
        http.tests_with.push("auth-sql".to_owned());
        assert_eq!(
            violations(&workspace),
            ["auth-http imports auth-sql; it may import auth-core, auth-users"]
        );
    }

    #[test]
    fn the_facade_may_stand_in_the_examples_of_a_crate_below_it() {
        let mut workspace = house(&[
            ("auth-core", &[]),
            ("auth-actix", &["auth-core", "actix-web"]),
            ("portcullis", &["auth-core", "auth-actix"]),
            ("actix-web", &[]),
        ]);
        let core = workspace.packages.get_mut("auth-core").expect("it was just made");
        core.declared.push("portcullis".to_owned());
        core.tests_with.push("portcullis".to_owned());
        assert_eq!(violations(&workspace), Vec::<String>::new());
    }

    #[test]
    fn an_example_that_looks_behind_the_facade_is_caught() {
        let found = violations(&house(&[
            ("auth-core", &[]),
            ("examples/quickstart", &["auth-core"]),
        ]));
        assert_eq!(found, ["quickstart imports auth-core; it may import portcullis"]);
    }

    #[test]
    fn a_package_without_a_rule_is_caught() {
        let found = violations(&house(&[("auth-ldap", &[])]));
        assert_eq!(
            found,
            ["auth-ldap: not in the import rules; give it a line there"]
        );
    }

    #[test]
    fn an_algorithm_in_the_core_is_caught_however_deep() {
        let found = violations(&house(&[
            ("auth-core", &["hashes"]),
            ("hashes", &["argon2"]),
            ("argon2", &[]),
        ]));
        assert_eq!(found, ["auth-core depends on argon2"]);
    }

    #[test]
    fn a_framework_below_its_binding_is_caught() {
        let found = violations(&house(&[("auth-http", &["actix-http"]), ("actix-http", &[])]));
        assert_eq!(found, ["auth-http depends on actix-http"]);
    }
}
