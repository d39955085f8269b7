//! What ignored tests need, found in their own words: `#[ignore = "needs Chromium"]`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{Fallible, chromium, layout};

/// What stands ready for the tests until this is dropped.
pub(crate) struct Provided {
    /// Environment variables that tell the tests where it is.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// Stops whatever was started.
    pub(crate) _running: Box<dyn std::any::Any>,
}

/// Something that a machine may lack, and how to get it ready.
type Need = (&'static str, fn() -> Fallible<Provided>);

const NEEDS: &[Need] = &[("Chromium", chromium::provide)];

/// Readies what the tests below `root` need; the second list says what could not be had, and why.
pub(crate) fn provide(root: &Path) -> Fallible<(Vec<Provided>, Vec<String>)> {
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    for name in all_named(root)? {
        let need = NEEDS.iter().find(|(known, _)| *known == name);
        let (_, provide) = need.ok_or_else(|| format!("a test needs {name}, which nothing here provides"))?;
        match provide() {
            Ok(provided) => ready.push(provided),
            Err(error) => missing.push(format!("needs {name}: {error}")),
        }
    }
    Ok((ready, missing))
}

fn all_named(root: &Path) -> Fallible<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for source in layout::rust_sources(root)? {
        // The examples in this tool's own tests are not needs.
        if !source.starts_with(root.join("xtask")) {
            names.extend(named(&fs::read_to_string(source)?));
        }
    }
    Ok(names)
}

/// The needs in one source file: any such literal counts, as a macro may be what writes the attribute.
fn named(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split("\"needs ").skip(1));
    after
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

/// The numbers of the lines that ignore a test without saying what it needs.
pub(crate) fn unexplained(source: &str) -> impl Iterator<Item = usize> {
    let ignoring = source
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("#[ignore"));
    // A macro hands its reason on.
    let explains = |line: &str| {
        ["#[ignore = \"needs ", "#[ignore = $"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    ignoring
        .filter(move |(_, line)| !explains(line.trim_start()))
        .map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_is_read_from_the_attribute_and_from_a_macro_but_not_from_a_comment() {
        let source =
            "#[ignore = \"needs Chromium\"]\nsuite!(store, ignore = \"needs PostgreSQL\");\n// \"needs tea\"";
        assert_eq!(named(source), ["Chromium", "PostgreSQL"]);
    }

    #[test]
    fn a_test_that_is_ignored_for_no_need_is_caught() {
        let source = "#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n    #[ignore = \"needs Chromium\"]\nfn c() {}";
        assert_eq!(unexplained(source).collect::<Vec<_>>(), [1, 3]);
    }
}
