use std::time::{Duration, Instant};

use auth_core::{ServerAddress, Unreachable};

/// A caller who goes away sooner has lost patience, and it is not the server that is silent.
const SILENCE: Duration = Duration::from_secs(1);

/// A connection that is being opened. The deadline of a call ends that with nothing but a timeout; this tells the log whose
/// silence it was.
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
        if let Some(silence) = silence.filter(|silence| *silence >= SILENCE) {
            let cause = format_args!("no answer within {silence:.1?}");
            let problem = self.address.problem(Unreachable::Silent, cause);
            tracing::warn!(target: "portcullis::sql", problem, "the server does not answer");
        }
    }
}
