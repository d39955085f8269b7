//! One server: its processes, and waiting until it is ready.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Fallible;

/// Generous, because a busy machine takes a while to create a database.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A service that answers.
pub(super) struct Server {
    pub(super) url: String,
    /// Variables for the tests, beside its URL.
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) processes: Vec<Process>,
}

impl Server {
    pub(super) fn new(url: String, processes: Vec<Process>) -> Self {
        Self {
            url,
            variables: Vec::new(),
            processes,
        }
    }
}

/// One process of a server.
pub(super) struct Process {
    pub(super) pid: u32,
    /// Starts the same process again on the same data and port.
    pub(super) command: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) port: u16,
    reaper: JoinHandle<()>,
}

impl Process {
    /// Starts `command`. Its output goes to a log in `folder`.
    pub(super) fn start(command: Vec<String>, folder: &Path, port: u16) -> Fallible<Self> {
        let (program, arguments) = command.split_first().ok_or("a command has a program")?;
        let log = OpenOptions::new().create(true).append(true).open(log(folder))?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{program} did not start: {error}"))?;
        Ok(Self {
            pid: child.id(),
            command,
            folder: folder.to_owned(),
            port,
            // Reaped at once, so that a test which kills the process sees it disappear.
            reaper: thread::spawn(move || drop(child.wait())),
        })
    }

    /// Waits until `ready`. If the process ends before, the error has the last lines of its log.
    pub(super) fn until(&self, mut ready: impl FnMut() -> bool) -> Fallible<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !ready() {
            if self.reaper.is_finished() {
                return Err(format!("it ended: {}", self.last_words()).into());
            }
            if Instant::now() > deadline {
                return Err(format!("no answer in {START_TIMEOUT:?}: {}", self.last_words()).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        last_lines(&fs::read_to_string(log(&self.folder)).unwrap_or_default(), 5)
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// A command line.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Runs a program that prepares a server. Its output goes to the log in the folder.
pub(super) fn prepare(command: &[String], folder: &Path) -> Fallible<()> {
    let (program, arguments) = command.split_first().ok_or("a command has a program")?;
    let path = folder.join("prepare.log");
    let log = File::create(&path)?;
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()
        .map_err(|error| format!("{program} did not start: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let words = last_lines(&fs::read_to_string(path).unwrap_or_default(), 5);
    Err(format!("{}: {status}: {words}", command.join(" ")).into())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_before_it_is_ready_is_an_error_with_its_last_words() {
        let folder = std::env::temp_dir().join(format!("xtask-server-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let command = words(&["sh", "-c", "echo no such tea >&2; exit 1"]);
        let process = Process::start(command, &folder, 1).expect("sh starts");
        let error = process.until(|| false).expect_err("it ended").to_string();
        assert_eq!(error, "it ended: no such tea");
        fs::remove_dir_all(&folder).expect("the folder goes");
    }

    #[test]
    fn the_last_lines_are_all_lines_where_there_are_few() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }
}
