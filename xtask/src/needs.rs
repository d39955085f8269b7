//! The needs of ignored tests, read from their attribute: `#[ignore = "needs Redis"]`, or `"needs PostgreSQL and Redis"`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use crate::chromium::{self, Driver};
use crate::metadata::Workspace;
use crate::services::{SERVICES, Services};
use crate::{Fallible, layout, packages, process};

const CHROMIUM: &str = "Chromium";

/// The program of Prometheus that checks what it would scrape.
const PROMTOOL: &str = "promtool";

/// The URL of a genuine MongoDB, for tests that FerretDB cannot pass.
pub(crate) const MONGODB_URL: &str = "MONGODB_URL";

/// The servers and tools for the tests. They stop when this is dropped.
#[derive(Default)]
pub(crate) struct Needs {
    /// Environment variables by which the tests find them.
    pub(crate) variables: Vec<(String, String)>,
    /// The missing needs, with the reasons.
    pub(crate) missing: BTreeMap<String, String>,
    driver: Option<Driver>,
    services: Option<Services>,
}

impl Needs {
    /// Prepares everything that the tests of `workspace` need.
    pub(crate) fn provide(workspace: &Workspace) -> Fallible<Self> {
        let names = all_named(&workspace.root)?;
        let known = |name: &str| {
            [CHROMIUM, MONGODB_URL, PROMTOOL].contains(&name)
                || SERVICES.iter().any(|service| service.need == name)
        };
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err(format!("a test needs {unknown}, which nothing here provides").into());
        }
        let mut needs = Self::default();
        if names.contains(CHROMIUM) {
            match chromium::provide() {
                Ok(driver) => {
                    needs.variables.extend(driver.variables.iter().cloned());
                    needs.driver = Some(driver);
                }
                Err(error) => needs.lack(CHROMIUM, &error.to_string()),
            }
        }
        if names.contains(PROMTOOL)
            && let Err(error) = promtool()
        {
            needs.lack(PROMTOOL, &error.to_string());
        }
        let services = SERVICES.iter().filter(|service| names.contains(service.need));
        let services: Vec<_> = services.collect();
        if !services.is_empty() {
            let running = Services::start(&services, workspace)?;
            needs.variables.extend(running.variables().iter().cloned());
            for (service, why) in &running.missing {
                needs.lack(service.need, why);
            }
            needs.services = Some(running);
        }
        if names.contains(MONGODB_URL) && env::var_os(MONGODB_URL).is_none() {
            needs.lack(MONGODB_URL, "set it to the URL of a replica set of MongoDB");
        }
        Ok(needs)
    }

    fn lack(&mut self, need: &str, why: &str) {
        self.missing.insert(need.to_owned(), why.to_owned());
    }

    /// With these missing, for tests of this module.
    #[cfg(test)]
    pub(crate) fn without(needs: &[&str]) -> Self {
        let mut without = Self::default();
        for need in needs {
            without.lack(need, "not here");
        }
        without
    }

    /// The missing need because of which a test with this `reason` cannot run.
    pub(crate) fn lacks(&self, reason: &str) -> Option<&str> {
        let needed = reason.strip_prefix("needs ").unwrap_or(reason);
        let missing = each(needed).find_map(|need| self.missing.get_key_value(need));
        missing.map(|(need, _)| need.as_str())
    }
}

/// Installs promtool if it is missing and that is allowed. Debian has it in the package of the server, which is not started.
fn promtool() -> Fallible<()> {
    if process::find(&[PROMTOOL]).is_none() && packages::may_install() {
        packages::install(&["prometheus"])?;
    }
    match process::find(&[PROMTOOL]) {
        Some(_found) => Ok(()),
        None => Err("install promtool (Debian: prometheus)".into()),
    }
}

/// True if a check is complete without it, because no package provides it.
pub(crate) fn is_optional(need: &str) -> bool {
    need == MONGODB_URL
}

fn all_named(root: &Path) -> Fallible<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for source in layout::rust_sources(root)? {
        // The examples in this tool's own tests are not needs.
        if !source.starts_with(root.join("xtask")) {
            let inside = source.strip_prefix(root)?;
            let is_test = inside.components().any(|part| part.as_os_str() == "tests");
            names.extend(named(&fs::read_to_string(source)?, is_test));
        }
    }
    Ok(names)
}

/// The needs in one source file. In a test any such literal counts, because a macro may write the attribute. Elsewhere
/// it may be a message.
fn named(source: &str, is_test: bool) -> Vec<String> {
    let is_need = |line: &&str| is_test || line.trim_start().starts_with("#[ignore");
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter(is_need);
    let after = code.flat_map(|line| line.split("\"needs ").skip(1));
    after
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .flat_map(each)
        .map(str::to_owned)
        .collect()
}

fn each(needs: &str) -> impl Iterator<Item = &str> {
    needs.split(" and ")
}

/// The numbers of the lines that ignore a test without naming a need.
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
        let source = "#[ignore = \"needs Chromium\"]\nsuite!(store, ignore = \"needs PostgreSQL and Redis\");\n\
            // \"needs tea\"";
        assert_eq!(named(source, true), ["Chromium", "PostgreSQL", "Redis"]);
    }

    #[test]
    fn a_message_of_a_program_is_no_need() {
        let source = "    #[ignore = \"needs Redis\"]\n    Err(\"needs a Redis: set REDIS_URL\")";
        assert_eq!(named(source, false), ["Redis"]);
    }

    #[test]
    fn a_test_that_is_ignored_for_no_need_is_caught() {
        let source = "#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n    #[ignore = \"needs Chromium\"]\nfn c() {}";
        assert_eq!(unexplained(source).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_test_lacks_what_is_missing_of_all_that_it_needs() {
        let needs = Needs::without(&["Redis Cluster", "MariaDB"]);
        assert_eq!(needs.lacks("needs Redis"), None);
        assert_eq!(needs.lacks("needs Redis Cluster"), Some("Redis Cluster"));
        assert_eq!(needs.lacks("needs Redis and MariaDB"), Some("MariaDB"));
    }
}
