//! Checks the names of files, and the reasons of ignored tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Fallible, needs};

/// Names that say nothing about what is inside.
const NAMELESS: &[&str] = &["common", "helpers", "models", "traits", "utils"];

/// Fails with one line for every file that is out of place.
pub(crate) fn check(root: &Path) -> Fallible<()> {
    let sources = rust_sources(root)?;
    let mut found = Vec::new();
    for source in &sources {
        let shown = source.strip_prefix(root).unwrap_or(source);
        found.extend(misnamed(shown).map(|complaint| format!("{}: {complaint}", shown.display())));
        let text = fs::read_to_string(source)?;
        found.extend(needs::unexplained(&text).map(|line| {
            format!(
                "{}:{line}: an ignored test says `#[ignore = \"needs ...\"]`",
                shown.display()
            )
        }));
    }
    if found.is_empty() {
        println!("{} source files are in their place", sources.len());
        return Ok(());
    }
    Err(found.join("\n").into())
}

/// Every Rust file below `root`, except those in `target`.
pub(crate) fn rust_sources(root: &Path) -> Fallible<Vec<PathBuf>> {
    let mut sources = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    open.push(entry.path());
                }
            } else if name.ends_with(".rs") {
                sources.push(entry.path());
            }
        }
    }
    sources.sort();
    Ok(sources)
}

fn misnamed(source: &Path) -> Option<String> {
    if source.file_name().is_some_and(|name| name == "mod.rs") {
        return Some("a module `name` lives in `name.rs`".to_owned());
    }
    let modules = source.with_extension("");
    let nameless = modules
        .iter()
        .find(|part| NAMELESS.iter().any(|name| part == name))?;
    Some(format!("`{}` names no noun", nameless.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_named_for_its_noun_is_in_place() {
        assert_eq!(misnamed(Path::new("auth-core/src/access_token.rs")), None);
    }

    #[test]
    fn a_mod_rs_is_caught_wherever_it_stands() {
        for path in ["auth-core/src/user/mod.rs", "tests/journey/mod.rs"] {
            assert_eq!(
                misnamed(Path::new(path)).as_deref(),
                Some("a module `name` lives in `name.rs`"),
                "{path}"
            );
        }
    }

    #[test]
    fn a_drawer_for_everything_is_caught_as_a_folder_and_as_a_file() {
        for path in ["auth-core/src/utils/time.rs", "auth-core/src/utils.rs"] {
            assert_eq!(
                misnamed(Path::new(path)).as_deref(),
                Some("`utils` names no noun"),
                "{path}"
            );
        }
    }
}
