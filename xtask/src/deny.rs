//! Checks the dependency tree with cargo-deny, by the rules in `deny.toml`.

use std::process::Command;

use crate::metadata::Workspace;
use crate::{Fallible, process};

/// Pinned, because another version may read `deny.toml` differently.
const VERSION: &str = "0.20.2";

const CHECKS: &[&str] = &["--workspace", "--locked", "check", "bans", "licenses", "sources"];

/// Fails if the tree holds a crate, a licence or a source that `deny.toml` does not allow.
pub(crate) fn check(workspace: &Workspace) -> Fallible<()> {
    let mut install = process::cargo(&workspace.root);
    // Cargo does nothing if this version is installed. A debug build, because the program only runs for two seconds.
    install
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .args(["install", "cargo-deny", "--version", VERSION])
        .args(["--locked", "--debug"]);
    let mut deny = if process::in_ci() {
        // Beside cargo, so that the next run on this machine finds it.
        let mut cargo = process::cargo(&workspace.root);
        cargo.arg("deny");
        cargo
    } else {
        // In this workspace, so that the developer keeps the version of other projects.
        let tools = workspace.target.join("tools");
        install.arg("--root").arg(&tools);
        let mut program = Command::new(tools.join("bin/cargo-deny"));
        program.current_dir(&workspace.root);
        program
    };
    process::run(&mut install)?;
    process::run(deny.args(CHECKS))
}
