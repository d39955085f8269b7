//! The guide shows the code that runs, and names tests that there are.

use std::process::Command;

const README: &str = include_str!("../../README.md");
const SOURCES: [&str; 5] = [
    include_str!("../../src/database.rs"),
    include_str!("../../src/tokens.rs"),
    include_str!("../../src/users.rs"),
    include_str!("../../src/service.rs"),
    include_str!("main.rs"),
];

#[test]
fn each_block_of_code_is_in_the_sources() {
    let sources = SOURCES.map(unindented);
    let mut blocks = 0;
    for rest in README.split("```rust\n").skip(1) {
        let block = unindented(rest.split("```").next().unwrap_or_default());
        assert!(
            sources.iter().any(|source| source.contains(&block)),
            "nowhere:\n{block}"
        );
        blocks += 1;
    }
    assert!(blocks > 10, "{blocks}");
}

#[test]
fn each_test_that_is_named_is_there() {
    let list = Command::new(std::env::current_exe().expect("this program"))
        .arg("--list")
        .output();
    let list = String::from_utf8(list.expect("a list").stdout).expect("text");
    let mut named = 0;
    let text: String = README.split("```").step_by(2).collect();
    // What stands between backticks and is a sentence.
    for name in text.split('`').skip(1).step_by(2) {
        let known = match name.strip_prefix("database::tests::") {
            Some(test) => SOURCES[0].contains(&format!("async fn {test}()")),
            None if name.matches('_').count() > 3 => list.contains(&format!("{name}: test\n")),
            None => continue,
        };
        assert!(known, "no test is called {name}");
        named += 1;
    }
    assert!(named > 30, "{named}");
}

fn unindented(code: &str) -> String {
    code.lines().map(|line| format!("{}\n", line.trim())).collect()
}
