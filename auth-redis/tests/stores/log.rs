//! The events of a test.

use std::{cell::RefCell, io, sync::Once};

use tracing::Level;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is written on this thread: all of a test that has one thread.
pub(crate) struct Log(());

impl Log {
    pub(crate) fn start() -> Self {
        // One for the whole process: what an event costs nobody is decided for all threads together.
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(Level::DEBUG)
                .with_ansi(false);
            subscriber.with_writer(|| Written).init();
        });
        WRITTEN.take();
        Self(())
    }

    pub(crate) fn text(&self) -> String {
        WRITTEN.with_borrow(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

struct Written;

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
