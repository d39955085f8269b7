//! Processes that keep the machine busy, at ordinary priority.

use std::{
    env, io,
    process::{Child, Command, Stdio},
    thread,
};

/// What makes this program such a process.
pub(crate) const ARGUMENT: &str = "--spin";

/// Computes until whoever started the process closes its input, or is gone.
pub(crate) fn spin() -> io::Result<()> {
    thread::spawn(|| {
        loop {
            std::hint::spin_loop();
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink()).map(|_nothing| ())
}

/// Busy processes, as many as cores. They end when this is dropped.
pub(super) struct Busy(Vec<Child>);

impl Busy {
    pub(super) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism()?.get();
        let mut busy = Self(Vec::new());
        for _ in 0..cores {
            let child = Command::new(env::current_exe()?)
                .arg(ARGUMENT)
                .stdin(Stdio::piped())
                .spawn()?;
            busy.0.push(child);
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
