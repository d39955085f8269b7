//! The log of one thread.

use std::{
    fs, io,
    sync::{Arc, Once},
};

use tempfile::NamedTempFile;
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};

/// The log of this thread, from [`begin`](Self::begin) until it is dropped.
pub struct Log {
    file: NamedTempFile,
    _listening: DefaultGuard,
}

impl Log {
    /// Begins to listen.
    #[must_use]
    pub fn begin() -> Self {
        static LISTENS: Once = Once::new();
        // If there were only one subscriber, the thread that reaches a line first would say for all threads whether
        // anybody listens there. It may be that of another test, to which nobody listens.
        LISTENS.call_once(|| {
            let nobody = tracing_subscriber::fmt().with_writer(io::sink).finish();
            set_global_default(nobody).expect("the only one");
        });
        let file = NamedTempFile::new().expect("a file");
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(Arc::new(file.reopen().expect("the file")))
            .finish();
        Self {
            file,
            _listening: set_default(subscriber),
        }
    }

    /// The text that was logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        fs::read_to_string(&self.file).expect("a log")
    }
}
