use std::time::{Duration, Instant};

use auth_core::{ServerAddress, Unreachable};

/// If a caller drops the call earlier than this, the server may not be at fault.
const MIN_SILENCE: Duration = Duration::from_secs(1);

/// A connection that is being opened. At the deadline of a call, the caller only sees a timeout. This logs which server
/// did not answer.
pub(crate) struct Opening<'a> {
    address: &'a ServerAddress,
    since: Option<Instant>,
}

impl<'a> Opening<'a> {
    pub(crate) fn at(address: &'a ServerAddress) -> Self {
        Self {
            address,
            since: Some(Instant::now()),
        }
    }

    /// The server has answered, whatever it said.
    pub(crate) fn ended(mut self) {
        self.since = None;
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let silence = self.since.map(|since| since.elapsed());
        if let Some(silence) = silence.filter(|silence| *silence >= MIN_SILENCE) {
            let cause = format_args!("no answer within {silence:.1?}");
            let problem = self.address.problem(Unreachable::Silent, cause);
            tracing::warn!(target: "portcullis::sql", problem, "the server does not answer");
        }
    }
}
