//! Checks the names of files, the reasons of ignored tests, and the length of what must stay short.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Fallible, needs};

/// Names that say nothing about what is inside.
const NAMELESS: &[&str] = &["common", "helpers", "models", "traits", "utils"];

/// Folders, and the most lines that their sources may have together.
const SHORT: &[(&str, usize)] = &[
    // It shows how little a binding to another framework takes.
    ("examples/axum-binding/src", 500),
];

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
    found.extend(never_run(&sources)?.iter().map(|source| {
        let shown = source.strip_prefix(root).unwrap_or(source).display();
        format!("{shown}: a test program of rows never runs a `#[test]`; list it as a sentence")
    }));
    for (folder, most) in SHORT {
        found.extend(too_long(root, &sources, folder, *most)?);
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

/// The error if the sources in `folder` have more than `most` lines together.
fn too_long(root: &Path, sources: &[PathBuf], folder: &str, most: usize) -> Fallible<Option<String>> {
    let inside = sources
        .iter()
        .filter(|source| source.starts_with(root.join(folder)));
    let texts = inside.map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    if texts.is_empty() {
        return Err(format!("{folder}: no source is there; correct its line in xtask/src/layout.rs").into());
    }
    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    Ok((lines > most).then(|| format!("{folder}: {lines} lines of source; {most} are the most")))
}

/// Files with a `#[test]` in a program that has its own list of tests.
fn never_run(sources: &[PathBuf]) -> Fallible<Vec<PathBuf>> {
    let mut found = Vec::new();
    for main in sources.iter().filter(|source| source.ends_with("main.rs")) {
        if !fs::read_to_string(main)?.contains("libtest_mimic::run(") {
            continue;
        }
        let Some(folder) = main.parent() else { continue };
        for source in sources.iter().filter(|source| source.starts_with(folder)) {
            if has_test(&fs::read_to_string(source)?) {
                found.push(source.clone());
            }
        }
    }
    Ok(found)
}

fn has_test(source: &str) -> bool {
    let mut lines = source.lines().map(str::trim_start);
    lines.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
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
    fn a_test_that_no_list_has_is_caught() {
        let folder = std::env::temp_dir().join(format!("layout-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (main, other) = (folder.join("main.rs"), folder.join("other.rs"));
        fs::write(&main, "fn main() { libtest_mimic::run(&arguments, trials) }").expect("written");
        fs::write(&other, "    #[tokio::test]\n    async fn a() {}\n").expect("written");
        let sources = [main, other];
        let [_, other] = &sources;
        assert_eq!(never_run(&sources).expect("read"), sources[1..]);
        fs::write(other, "// #[test]\nasync fn a() {}\n").expect("written");
        assert!(never_run(&sources).expect("read").is_empty());
        fs::remove_dir_all(folder).expect("gone");
    }

    #[test]
    fn a_folder_that_has_to_be_short_is_caught_by_its_first_line_too_many() {
        let root = std::env::temp_dir().join(format!("short-{}", std::process::id()));
        fs::create_dir_all(root.join("short/src")).expect("a folder");
        let sources = ["short/src/a.rs", "short/src/b.rs", "long.rs"].map(|name| root.join(name));
        for (source, lines) in sources.iter().zip([3, 2, 9]) {
            fs::write(source, "//\n".repeat(lines)).expect("written");
        }
        let found = |most| too_long(&root, &sources, "short/src", most).expect("read");
        assert_eq!(found(5), None);
        assert_eq!(
            found(4).as_deref(),
            Some("short/src: 5 lines of source; 4 are the most")
        );
        assert!(too_long(&root, &sources, "renamed/src", 5).is_err());
        fs::remove_dir_all(root).expect("gone");
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
