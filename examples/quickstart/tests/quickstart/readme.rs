//! The README shows the example.

const MAIN: &str = include_str!("../../src/main.rs");

#[test]
fn the_readme_shows_exactly_the_code_that_runs() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(readme).expect("README.md");
    let shown = readme
        .split("```rust")
        .skip(1)
        .filter_map(|rest| rest.split_once('\n')?.1.split("```").next());
    assert!(
        shown.into_iter().any(|code| code == MAIN),
        "no block of README.md is examples/quickstart/src/main.rs"
    );
}

#[test]
fn the_code_has_at_most_80_lines() {
    let lines = MAIN.lines().count();
    assert!(lines <= 80, "{lines} lines");
}
