//! The rows of a matrix: where a sentence is said.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use tokio::{runtime::Runtime, time::timeout};

use super::Sentence;
use crate::Kind;

/// A sentence that takes longer has failed: it waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether every sentence is said in every row, and not only those whose outcome a row can decide: `cargo xtask test full`.
pub fn is_full() -> bool {
    std::env::var_os("TEST_FULL").is_some()
}

/// A kind of service, and a backend of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub place: &'static str,
    pub kind: Kind,
    /// Whether only verified users may log in.
    pub verification: bool,
    /// What has to be there, `needs Redis`, as the attribute `ignore` of another test has it.
    pub needs: Option<&'static str>,
}

impl Row {
    /// `PLACE::BACKEND::SETTING`.
    pub fn name(&self) -> String {
        let setting = if self.verification {
            "verified_only"
        } else {
            "open"
        };
        format!("{}::{}::{setting}", self.place, self.kind.name())
    }

    /// The test that says `sentence` here, by `say`: `PLACE::BACKEND::SETTING::MODULE::SENTENCE`.
    pub fn trial(self, sentence: Sentence, say: fn(Self, Sentence)) -> Trial {
        self.test(&sentence.path(), move |row| say(row, sentence))
    }

    /// Another test that is run here.
    pub fn test(self, name: &str, run: impl FnOnce(Self) + Send + 'static) -> Trial {
        let name = format!("{}::{name}", self.name());
        let run = move || -> Result<(), Failed> {
            run(self);
            Ok(())
        };
        Trial::test(name, run)
            .with_kind(self.needs.unwrap_or_default())
            .with_ignored_flag(self.needs.is_some())
    }
}

/// What `comes`, on `runtime`.
///
/// # Panics
/// If it does not come in time.
pub fn within_patience<T>(runtime: &Runtime, what: &str, comes: impl Future<Output = T>) -> T {
    let outcome = runtime.block_on(async { timeout(PATIENCE, comes).await });
    outcome.unwrap_or_else(|_elapsed| panic!("in vain: {what}"))
}
