//! A time limit for each test. A test that hangs is named and ended; the harness would wait without a limit.
//!
//! `cargo nextest` has limits, too, by a process for each test. Measured on two cores, that costs three and a half minutes
//! of CPU to build on a new machine, and the journeys twice the CPU to run: a test of 40 ms would pay as much again for its
//! process and for the hash that its users share. Nor would the tests of one program then share the servers that they
//! lock, or the services that stand ready. The harness says by itself which test has run for a minute, which is enough.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use crate::Fallible;

/// The command by which cargo starts each test program: `cargo xtask limited PROGRAM ARG...`.
pub(crate) const LIMITED: &str = "limited";

/// The time that a test may run on after the harness has reported that it has run for a minute.
const OF_A_TEST: Duration = Duration::from_secs(180);

/// The limit of a program whose harness does not report that.
const OF_A_PROGRAM: Duration = Duration::from_secs(1200);

/// The setting by which cargo starts test programs through [`run`].
pub(crate) fn config() -> Fallible<String> {
    let own = env::current_exe()?;
    Ok(format!(
        "target.'cfg(all())'.runner = ['{}', '{LIMITED}']",
        own.display()
    ))
}

/// Runs a test program, and ends it if one of its tests hangs.
pub(crate) fn run(arguments: &[String]) -> Fallible<ExitCode> {
    let (program, arguments) = arguments.split_first().ok_or("no program to run")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()?;
    let (sender, lines) = channel();
    let output = child.stdout.take().ok_or("no output")?;
    let reading = thread::spawn(move || -> io::Result<()> {
        for line in BufReader::new(output).split(b'\n') {
            let mut line = line?;
            // The receiver may be gone.
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            line.push(b'\n');
            io::stdout().write_all(&line)?;
        }
        Ok(())
    });
    if let Some(why) = waited(&lines, OF_A_TEST, OF_A_PROGRAM) {
        child.kill()?;
        child.wait()?;
        return Err(why.into());
    }
    let status = child.wait()?;
    if reading.join().is_err() {
        return Err("the output of the tests was not read".into());
    }
    // None of a program that a signal has ended.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Waits for the end of `lines`. `Some` if something takes too long.
fn waited(lines: &Receiver<String>, of_a_test: Duration, of_all: Duration) -> Option<String> {
    let start = Instant::now();
    let mut slow: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        match lines.recv_timeout(of_a_test.min(Duration::from_secs(1))) {
            Ok(line) => {
                let Some(rest) = line.strip_prefix("test ") else {
                    continue;
                };
                if let Some((name, _)) = rest.split_once(" has been running for over ") {
                    slow.insert(name.to_owned(), Instant::now());
                } else if let Some((name, _)) = rest.split_once(" ... ") {
                    slow.remove(name);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        if let Some((name, _)) = slow.iter().find(|(_, since)| since.elapsed() > of_a_test) {
            return Some(format!(
                "test {name} does not come to its end; its program was ended"
            ));
        }
        if start.elapsed() > of_all {
            return Some(format!(
                "not at its end after {} s; the program was ended",
                of_all.as_secs()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(60);

    #[test]
    fn a_test_that_goes_on_after_the_harness_has_told_of_it_is_named() {
        let (sender, lines) = channel();
        for line in [
            "test quick has been running for over 60 seconds",
            "test stuck::here has been running for over 60 seconds",
            "test quick ... ok",
        ] {
            sender.send(line.to_owned()).expect("a reader");
        }
        let why = waited(&lines, SOON, LATE).expect("too long");
        assert!(why.starts_with("test stuck::here does not"), "{why}");
    }

    #[test]
    fn a_program_that_ends_is_within_its_limit_and_one_that_does_not_is_ended() {
        let (sender, lines) = channel::<String>();
        let why = waited(&lines, SOON, SOON).expect("too long");
        assert!(why.starts_with("not at its end"), "{why}");
        drop(sender);
        assert_eq!(waited(&lines, SOON, LATE), None);
    }
}
