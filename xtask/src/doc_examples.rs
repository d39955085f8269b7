//! The documentation: examples name the facade alone, because users copy them, and docs.rs builds every feature.

use std::fs;
use std::path::Path;

use crate::metadata::Workspace;
use crate::{Fallible, layout};

/// One line for every published package of which docs.rs would leave features out.
pub(crate) fn incomplete(workspace: &Workspace) -> impl Iterator<Item = String> {
    let published = workspace.members().filter(|(_, package)| package.publishable);
    published
        .filter(|(_, package)| !package.documents_all_features)
        .map(|(_, package)| {
            format!(
                "{}: `package.metadata.docs.rs` lacks `all-features = true`",
                package.name
            )
        })
}

/// One line for every example below `root` that names one of `crates` instead of the facade.
pub(crate) fn behind_the_facade(root: &Path, crates: &[String]) -> Fallible<Vec<String>> {
    let mut found = Vec::new();
    for source in layout::rust_sources(root)? {
        // This tool documents nothing for users, and its tests hold examples that are wrong on purpose.
        if source.starts_with(root.join("xtask")) {
            continue;
        }
        let text = fs::read_to_string(&source)?;
        let shown = source.strip_prefix(root).unwrap_or(&source).display();
        for (line, name) in named(&text, crates) {
            found.push(format!(
                "{shown}:{line}: an example names `{name}`, not `portcullis`"
            ));
        }
    }
    Ok(found)
}

/// The lines of examples in `source` that name one of `crates`.
fn named<'a>(source: &str, crates: &'a [String]) -> Vec<(usize, &'a str)> {
    let (mut found, mut in_example) = (Vec::new(), false);
    for (number, line) in (1..).zip(source.lines().map(str::trim_start)) {
        let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            // An attribute can open an example under a feature.
            in_example = line.contains("doc = \"```");
            continue;
        };
        if doc.trim_start().starts_with("```") {
            in_example = !in_example;
        } else if in_example {
            let name = crates.iter().find(|name| doc.contains(&format!("{name}::")));
            found.extend(name.map(|name| (number, name.as_str())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    #[test]
    fn n3_a_package_of_which_docs_rs_would_leave_features_out_is_caught() {
        let mut workspace = Workspace::default();
        for (name, publishable, documents_all_features) in [
            ("auth-core", true, true),
            ("auth-ldap", true, false),
            ("xtask", false, false),
        ] {
            let package = Package {
                name: name.to_owned(),
                member: true,
                publishable,
                documents_all_features,
                ..Package::default()
            };
            workspace.packages.insert(name.to_owned(), package);
        }
        let found: Vec<_> = incomplete(&workspace).collect();
        assert_eq!(
            found,
            ["auth-ldap: `package.metadata.docs.rs` lacks `all-features = true`"]
        );
    }

    #[test]
    fn n3_an_example_that_looks_behind_the_facade_is_caught_and_a_link_is_not() {
        let source = r#"
//! A [`Strategy`](auth_core::Strategy).
//! ```
//! use portcullis::jwt::JwtStrategy;
//! # use auth_core::Lifetime;
//! ```
//! auth_core::Lifetime
#[cfg_attr(feature = "sqlite", doc = "```")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// auth_jwt::KeyId::new();
/// ```
use auth_core::Lifetime;
"#;
        let crates = ["auth_core".to_owned(), "auth_jwt".to_owned()];
        assert_eq!(named(source, &crates), [(5, "auth_core"), (10, "auth_jwt")]);
    }
}
