//! `cargo xtask fuzz`: libFuzzer on the stable compiler.
//!
//! It passes the flags of `cargo fuzz`, except the address sanitizer, which needs nightly and helps little without `unsafe`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::metadata::Workspace;
use crate::{Fallible, process};

const MANIFEST: &str = "fuzz/Cargo.toml";
const TARGET_DIR: &str = "target/fuzz";

/// Coverage counters and traced comparisons in all code, including dependencies.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code -Ccodegen-units=1 \
    -Cdebug-assertions -Coverflow-checks";

/// Runs each target, or the named ones, for the given time.
pub(crate) fn run(arguments: &[String]) -> Fallible<()> {
    let workspace = Workspace::load()?;
    let root = &workspace.root;
    if !root.join(MANIFEST).is_file() {
        return Err(format!("there is no {MANIFEST}").into());
    }
    let (seconds, names) = seconds(arguments);
    let fuzz = Workspace::load_manifest(root, Path::new(MANIFEST))?;
    let targets: Vec<&String> = fuzz
        .packages
        .values()
        .flat_map(|package| &package.binaries)
        .collect();
    if let Some(unknown) = names.iter().find(|name| !targets.contains(name)) {
        return Err(format!("no fuzz target `{unknown}`; there are: {targets:?}").into());
    }

    let host = host()?;
    let mut build = process::cargo(root);
    build
        .env("RUSTFLAGS", RUSTFLAGS)
        .env("CARGO_TARGET_DIR", TARGET_DIR);
    // With an explicit target, the flags do not apply to build scripts and macros, which link no fuzzer.
    build.args([
        "build",
        "--release",
        "--manifest-path",
        MANIFEST,
        "--target",
        &host,
    ]);
    process::run(&mut build)?;

    for target in targets
        .into_iter()
        .filter(|name| names.is_empty() || names.contains(name))
    {
        let artifacts = format!("fuzz/artifacts/{target}/");
        let corpus = format!("fuzz/corpus/{target}");
        fs::create_dir_all(root.join(&artifacts))?;
        fs::create_dir_all(root.join(&corpus))?;
        let mut command = Command::new(root.join(TARGET_DIR).join(&host).join("release").join(target));
        command.current_dir(root);
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={artifacts}"));
        command.args(["-timeout=10", "-print_final_stats=1", &corpus]);
        let seeds = format!("fuzz/seeds/{target}");
        if root.join(&seeds).is_dir() {
            command.arg(seeds);
        }
        process::run(&mut command)?;
    }
    Ok(())
}

/// Lints the fuzz targets, if there are any. They are their own workspace, so no other step sees them.
pub(crate) fn check(root: &Path, target: &Path) -> Fallible<()> {
    if !root.join(MANIFEST).is_file() {
        println!("there is no {MANIFEST}");
        return Ok(());
    }
    process::run(process::cargo(root).args(["fmt", "--manifest-path", MANIFEST, "--check"]))?;
    // In the target directory of the workspace, whose dependencies are checked already.
    let mut command = process::cargo(root);
    command.env("CARGO_TARGET_DIR", target);
    // Nothing is linked, so the fuzzer's C++ need not be built, and this file is never opened.
    command.env("CUSTOM_LIBFUZZER_PATH", "./libfuzzer.a");
    process::run(command.args([
        "clippy",
        "--locked",
        "--manifest-path",
        MANIFEST,
        "--",
        "-D",
        "warnings",
    ]))
}

/// The time and the targets.
fn seconds(arguments: &[String]) -> (u64, &[String]) {
    match arguments.split_first().map(|(first, rest)| (first.parse(), rest)) {
        Some((Ok(seconds), names)) => (seconds, names),
        _ => (60, arguments),
    }
}

/// The compiler's target.
fn host() -> Fallible<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let about = process::output(Command::new(rustc).arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc names no host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_optional_and_comes_before_the_targets() {
        let arguments = ["5", "jwt"].map(str::to_owned);
        assert_eq!(seconds(&arguments), (5, &arguments[1..]));
        assert_eq!(seconds(&arguments[1..]), (60, &arguments[1..]));
    }
}
