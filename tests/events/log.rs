//! The log, and what is to be read in it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// The log, as text.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lock().clone()).expect("UTF-8")
    }

    /// Empties the log, and says what was in it.
    pub(crate) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.lock())).expect("UTF-8")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// One line has all of these.
#[track_caller]
pub(crate) fn tells(log: &Log, parts: &[&str]) {
    let text = log.take();
    assert!(
        text.lines()
            .any(|line| parts.iter().all(|part| line.contains(part))),
        "{parts:?} in:\n{text}"
    );
}

/// No line has this.
#[track_caller]
pub(crate) fn tells_nothing_of(log: &Log, part: &str) {
    let text = log.text();
    assert!(!text.contains(part), "{part:?} in:\n{text}");
}

pub(crate) fn has_no_secret(log: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log");
        let tail = secret.rsplit('.').next().unwrap_or(secret);
        assert!(
            !log.contains(&tail[..tail.len().min(24)]),
            "a part of {secret} is in the log"
        );
    }
    assert!(!log.contains("$argon2"), "no hash either");
}

/// Each line is one event: nobody made a line of their own.
pub(crate) fn has_whole_lines(log: &str) {
    let levels = ["TRACE ", "DEBUG ", " INFO ", " WARN ", "ERROR "];
    for line in log.lines() {
        assert!(levels.iter().any(|level| line.starts_with(level)), "{line:?}");
        assert!(!line.contains('\u{1b}') && !line.contains('\r'), "{line:?}");
    }
    assert!(log.contains("FORGED"), "the attempts are in the log, encoded");
}
