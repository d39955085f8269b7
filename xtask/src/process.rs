//! Runs other programs, with their output on this process's streams.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::Fallible;

/// True if this run must not skip anything.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// The cargo that started this process, to run in `root`.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    if in_ci() {
        // On a fresh runner, incremental state only costs time.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// Runs `command` to its end. Any failure is an error that shows the command line.
pub(crate) fn run(command: &mut Command) -> Fallible<()> {
    println!("$ {}", line(command));
    std::io::stdout().flush()?;
    succeed(command)
}

/// The same, with the command's output on standard error, because another program reads this process's standard output.
pub(crate) fn run_aside(command: &mut Command) -> Fallible<()> {
    eprintln!("$ {}", line(command));
    succeed(command)
}

/// The same, and returns the command's standard output, which is also printed.
pub(crate) fn run_and_read(command: &mut Command) -> Fallible<(Fallible<()>, String)> {
    let line = line(command);
    println!("$ {line}");
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    let mut said = String::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            said.push_str(&line);
            said.push('\n');
        }
    }
    Ok((ended(&line, child.wait()?), said))
}

fn succeed(command: &mut Command) -> Fallible<()> {
    let line = line(command);
    let status = command
        .status()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    ended(&line, status)
}

fn ended(line: &str, status: ExitStatus) -> Fallible<()> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}`: {status}").into())
    }
}

/// The standard output of `command`, which must succeed.
pub(crate) fn output(command: &mut Command) -> Fallible<String> {
    let line = line(command);
    let output = command
        .output()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{line}`: {}\n{complaint}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The first of `names` that is in `PATH`.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names.iter().find_map(|name| {
        env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

fn line(command: &Command) -> String {
    // The servers of a run are gone by the time that somebody would type their addresses.
    let lasting = command
        .get_envs()
        .filter(|(name, _)| !name.to_string_lossy().starts_with("TEST_"));
    let variables =
        lasting.filter_map(|(name, value)| Some(format!("{}={}", name.display(), quoted(value?))));
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let arguments = std::iter::once(program).chain(command.get_args()).map(quoted);
    variables.chain(arguments).collect::<Vec<_>>().join(" ")
}

fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    if text.contains(' ') {
        format!("'{text}'")
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_an_error_that_shows_its_command_line() {
        let mut command = cargo(Path::new("."));
        let error = output(command.args(["no-such-command", "two words"]))
            .expect_err("no such command")
            .to_string();
        assert!(error.contains("cargo no-such-command 'two words'`"), "{error}");
    }
}
