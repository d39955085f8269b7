//! Checks the book in `docs/`: every page is linked, no snippet is kept from the compiler, every promise has a test, and every
//! code and setting is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{Fallible, layout};

/// Promises below this heading need no test yet.
const TO_COME: &str = "## Still to come";

/// Fails with one line for everything that the book lacks.
pub(crate) fn check(root: &Path) -> Fallible<()> {
    let folder = root.join("docs/src");
    let read = |page: &str| {
        let path = folder.join(page);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let (bar, contract, errors) = (
        read("security-bar.md")?,
        read("http-contract.md")?,
        read("errors.md")?,
    );
    let (mut names, mut codes, mut settings) = (Vec::new(), Vec::new(), BTreeSet::new());
    for source in layout::rust_sources(root)? {
        let text = fs::read_to_string(&source)?;
        names.extend(functions(&text).map(str::to_owned));
        // The codes and settings in this tool's own tests are made up.
        if source.starts_with(root.join("xtask")) {
            continue;
        }
        codes.extend(error_codes(&text));
        // Without the tests at the end of the file, whose settings are made up.
        if source.iter().any(|part| part == "src") && !source.starts_with(root.join("examples")) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            settings.extend(config_settings(code).map(str::to_owned));
        }
    }
    let mut found = unproved(&bar, &contract, &names);
    if codes.is_empty() {
        found.push("no source has an `enum ErrorCode`".to_owned());
    }
    found.extend(unexplained(
        &errors,
        codes.iter().chain(&settings).map(String::as_str),
    ));
    let pages: BTreeSet<String> = fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
        .collect();
    let guide = fs::read_to_string(root.join("src/guide.rs"))?;
    found.extend(out_of_place(&pages, &links(&read("SUMMARY.md")?), &guide));
    for page in &pages {
        let text = read(page)?;
        let gone = named_sources(&text).filter(|file| !root.join(file).is_file());
        found.extend(gone.map(|file| format!("docs/src/{page}: there is no {file}")));
        found.extend(
            uncompiled(&text).map(|block| format!("docs/src/{page}: nobody compiles a block of `{block}`")),
        );
    }
    if found.is_empty() {
        println!(
            "{} pages, {} tests that carry an id, {} codes and {} settings agree",
            pages.len(),
            names.iter().filter(|name| ids(name).next().is_some()).count(),
            codes.len(),
            settings.len()
        );
        return Ok(());
    }
    Err(found.join("\n").into())
}

/// Names with an id that no page has, and promises without a test.
fn unproved(bar: &str, contract: &str, names: &[String]) -> Vec<String> {
    let (held, to_come) = bar.split_once(TO_COME).unwrap_or((bar, ""));
    let held: BTreeSet<String> = rows(held).filter(|id| is_id(&id.to_lowercase())).collect();
    let deviations = rows(contract).filter(|number| number.parse::<u8>().is_ok());
    let known: BTreeSet<String> = held
        .iter()
        .cloned()
        .chain(rows(to_come))
        .chain(deviations.map(|number| format!("deviation {number}")))
        .collect();
    let mut found = Vec::new();
    let mut shown = BTreeSet::new();
    for name in names {
        for id in ids(name) {
            if !known.contains(&id) {
                found.push(format!(
                    "`{name}`: {id} is neither in docs/src/security-bar.md nor in docs/src/http-contract.md"
                ));
            }
            shown.insert(id);
        }
    }
    let without = held.difference(&shown);
    found.extend(without.map(|id| format!("docs/src/security-bar.md: no test's name begins with {id}")));
    found
}

/// Codes and settings that the page does not name.
fn unexplained<'a>(page: &'a str, names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    names
        .filter(|name| !page.contains(&format!("`{name}`")))
        .map(|name| format!("docs/src/errors.md does not explain `{name}`"))
}

/// Pages that the summary or the guide lacks, and links to nothing.
fn out_of_place(pages: &BTreeSet<String>, linked: &BTreeSet<String>, guide: &str) -> Vec<String> {
    let mut found = Vec::new();
    for page in pages {
        if !linked.contains(page) {
            found.push(format!("docs/src/SUMMARY.md has no link to {page}"));
        }
        if !["\"", "/"]
            .iter()
            .any(|before| guide.contains(&format!("{before}{page}\"")))
        {
            found.push(format!("src/guide.rs does not include {page}"));
        }
    }
    found.extend(
        linked
            .difference(pages)
            .map(|page| format!("docs/src/SUMMARY.md: there is no {page}")),
    );
    found
}

fn links(summary: &str) -> BTreeSet<String> {
    let targets = summary.split("](").skip(1);
    targets
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// The source files that a page names.
fn named_sources(page: &str) -> impl Iterator<Item = &str> {
    let code = page.split('`').skip(1).step_by(2);
    code.filter(|text| text.contains('/') && text.ends_with(".rs"))
}

/// The kinds of those blocks that rustdoc leaves out.
fn uncompiled(page: &str) -> impl Iterator<Item = &str> {
    let kinds = page.lines().filter_map(|line| line.trim().strip_prefix("```"));
    kinds.filter(|kind| kind.split(',').any(|word| word == "ignore"))
}

/// The cells in the first column of tables.
fn rows(page: &str) -> impl Iterator<Item = String> {
    page.lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.split_once(" |")?.0.to_owned()))
}

fn functions(source: &str) -> impl Iterator<Item = &str> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.filter_map(|line| Some(line.split_once("fn ")?.1.split_once('(')?.0))
}

/// The ids that the name of a test begins with: `T2`, or `deviation 5`.
fn ids(name: &str) -> impl Iterator<Item = String> {
    let mut words = name.split('_');
    std::iter::from_fn(move || {
        let word = words.next()?;
        if word == "deviation" {
            return Some(format!("deviation {}", words.next()?));
        }
        is_id(word).then(|| word.to_uppercase())
    })
}

fn is_id(word: &str) -> bool {
    let Some((letter, number)) = word.split_at_checked(1) else {
        return false;
    };
    letter.bytes().all(|byte| byte.is_ascii_lowercase())
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The error codes that clients see, if `source` has their `enum`.
fn error_codes(source: &str) -> Vec<String> {
    let Some((_, body)) = source.split_once("pub enum ErrorCode {") else {
        return Vec::new();
    };
    let body = body.split('}').next().unwrap_or_default();
    let variants = body.lines().filter_map(|line| line.trim().strip_suffix(','));
    variants
        .filter(|variant| !variant.starts_with("//"))
        .map(screaming)
        .collect()
}

fn screaming(variant: &str) -> String {
    let mut code = String::new();
    for letter in variant.chars() {
        if letter.is_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(letter.to_ascii_uppercase());
    }
    code
}

/// The settings that a `ConfigError` names by a literal.
fn config_settings(source: &str) -> impl Iterator<Item = &str> {
    let calls = source.split("ConfigError::new(").skip(1);
    calls.filter_map(|rest| Some(rest.trim_start().strip_prefix('"')?.split_once('"')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAR: &str = "| id | promise |\n|---|---|\n| T2 | one |\n## Still to come\n| G1 | two |\n";
    const CONTRACT: &str = "| 5 | theirs | ours |\n";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn ids_are_read_from_the_beginning_of_a_name_alone() {
        let all = |name| ids(name).collect::<Vec<_>>();
        assert_eq!(all("t2_j10_only_the_string"), ["T2", "J10"]);
        assert_eq!(all("deviation_5_v4_a_reset_ends_all"), ["deviation 5", "V4"]);
        assert_eq!(all("of_50_parallel_a1_none"), Vec::<String>::new());
        assert_eq!(all("p256_is_a_curve"), Vec::<String>::new());
    }

    #[test]
    fn a_test_with_an_id_that_no_page_has_is_caught() {
        let tests = names(&["t2_a", "g1_b", "deviation_5_c", "z9_d", "deviation_6_e"]);
        assert_eq!(
            unproved(BAR, CONTRACT, &tests),
            [
                "`z9_d`: Z9 is neither in docs/src/security-bar.md nor in docs/src/http-contract.md",
                "`deviation_6_e`: deviation 6 is neither in docs/src/security-bar.md nor in docs/src/http-contract.md",
            ]
        );
    }

    #[test]
    fn a_promise_that_is_held_needs_a_test() {
        assert_eq!(
            unproved(BAR, CONTRACT, &[]),
            ["docs/src/security-bar.md: no test's name begins with T2"]
        );
    }

    #[test]
    fn a_code_or_a_setting_that_the_page_does_not_name_is_caught() {
        let source = "pub enum ErrorCode {\n    /// Taken.\n    EmailTaken,\n    BadToken,\n}\n";
        assert_eq!(error_codes(source), ["EMAIL_TAKEN", "BAD_TOKEN"]);
        let source = "ConfigError::new(\n    \"lifetime\",\n    problem)\nConfigError::new(setting, problem)";
        assert_eq!(config_settings(source).collect::<Vec<_>>(), ["lifetime"]);
        let lacking = unexplained("`BAD_TOKEN`, BAD", ["BAD_TOKEN", "BAD"].into_iter());
        assert_eq!(
            lacking.collect::<Vec<_>>(),
            ["docs/src/errors.md does not explain `BAD`"]
        );
    }

    #[test]
    fn a_source_file_is_known_by_its_name_in_backticks() {
        let page = "In `auth-core/src/user.rs`:\n```text\na/b.rs\n```\nnot a/c.rs, but `tests/d.rs`.";
        let named: Vec<_> = named_sources(page).collect();
        assert_eq!(named, ["auth-core/src/user.rs", "tests/d.rs"]);
    }

    #[test]
    fn n12_a_snippet_that_is_not_compiled_is_caught() {
        let page = "```rust,no_run\nlet a = 1;\n```\n```sh\nls\n```\n```rust,ignore\nlet b = a;\n```\n```ignore\n```\n";
        assert_eq!(uncompiled(page).collect::<Vec<_>>(), ["rust,ignore", "ignore"]);
    }

    #[test]
    fn n12_a_page_that_is_not_linked_or_not_in_the_guide_and_a_link_to_nothing_are_caught() {
        let pages = ["a.md".to_owned(), "b.md".to_owned()].into();
        let linked = links("- [A](a.md)\n  - [C](c.md)\n");
        assert_eq!(
            out_of_place(&pages, &linked, "page!(a, \"a.md\")"),
            [
                "docs/src/SUMMARY.md has no link to b.md",
                "src/guide.rs does not include b.md",
                "docs/src/SUMMARY.md: there is no c.md",
            ]
        );
    }
}
