//! Processes that keep the machine busy.

use std::{
    env, io,
    process::{Child, Command, Stdio},
    thread,
};

use super::bare;

/// What makes this program a process that computes.
pub(crate) const SPIN: &str = "--spin";
/// What makes this program a process that hashes passwords.
pub(crate) const HASH: &str = "--hash";

/// Works, in the way that `argument` says, until whoever started the process closes its input, or is gone.
pub(crate) fn work(argument: &str) -> io::Result<()> {
    let is_hashing = argument == HASH;
    thread::spawn(move || {
        if is_hashing {
            bare::hash_for_ever();
        }
        loop {
            std::hint::spin_loop();
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink()).map(|_nothing| ())
}

/// Busy processes, as many as cores. They end when this is dropped.
pub(super) struct Busy(Vec<Child>);

impl Busy {
    /// They compute at ordinary priority.
    pub(super) fn computing() -> io::Result<Self> {
        let program = env::current_exe()?;
        Self::start(|| {
            let mut command = Command::new(&program);
            command.arg(SPIN);
            command
        })
    }

    /// They hash passwords at nice 19.
    pub(super) fn hashing_at_nice_19() -> io::Result<Self> {
        let program = env::current_exe()?;
        Self::start(|| {
            let mut command = Command::new("nice");
            command.args(["-n", "19"]).arg(&program).arg(HASH);
            command
        })
    }

    fn start(command: impl Fn() -> Command) -> io::Result<Self> {
        let cores = thread::available_parallelism()?.get();
        let mut busy = Self(Vec::new());
        for _ in 0..cores {
            busy.0.push(command().stdin(Stdio::piped()).spawn()?);
        }
        Ok(busy)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that is gone already is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
