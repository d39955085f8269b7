//! One call to the server: its deadline, its second attempt and its error.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use auth_core::{StoreError, StoreErrorKind};
use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::ClientLike as _,
    types::{FromValue, Value, config::Options},
};
use tokio::time::{sleep, timeout};

use crate::{
    attempt::{Attempt, Reply},
    connection::Connections,
};

pub(crate) const STORE: &str = "redis";

/// The delay before a second attempt if the server is not ready.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// How often a call is made again that a server takes for late: once if its clock is not known, and once if that was set just
/// then.
const LATE_ATTEMPTS: u32 = 2;

/// Our timeout is this much longer than fred's. fred's also marks a command that still waits in its queue, so that it is not
/// sent any more. Ours ends the call whatever fred does.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(5);

/// The deadline of a call, however many round trips it makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    begin: Instant,
    deadline: Duration,
}

impl Limit {
    /// The limit of a call that begins now.
    pub(crate) fn new(deadline: Duration) -> Self {
        Self {
            begin: Instant::now(),
            deadline,
        }
    }

    /// The remaining time.
    ///
    /// # Errors
    /// A timeout if none remains.
    pub(crate) fn left(&self) -> Result<Duration, StoreError> {
        let left = self.deadline.checked_sub(self.begin.elapsed());
        left.filter(|left| !left.is_zero()).ok_or_else(|| self.passed())
    }

    fn passed(&self) -> StoreError {
        StoreError::timeout(STORE, self.deadline)
    }
}

/// Runs `call` on one of `connections`, within `limit`.
///
/// It fails at once if there is no connection. If the connection breaks or the server is not ready, a second attempt waits
/// for a new connection, so it must be safe to carry `call` out twice. One that the server took for late did nothing, and is
/// made again: whoever hears of it still waits.
///
/// The caller may drop it at any time: fred reads the reply and throws it away.
pub(crate) async fn call<T>(
    connections: &Connections,
    limit: Limit,
    call: &(dyn Fn(Attempt) -> Reply<T> + Send + Sync),
) -> Result<T, StoreError> {
    let connection = connections.next();
    let (mut again, mut whole_script, mut late) = (false, false, 0);
    loop {
        let (start, left) = (Instant::now(), limit.left()?);
        let options = Options {
            // By default fred repeats every command. With one attempt it also follows no `ASK`, which would mix up
            // replies (see `connect`).
            max_attempts: Some(1),
            timeout: Some(left),
            fail_fast: !again,
            ..Options::default()
        };
        let attempt = Attempt {
            client: connection.client.with_options(&options),
            repeated: again,
            whole_script,
            connection: Arc::clone(connection),
            start,
            left,
        };
        let error = match timeout(left.saturating_add(TIMEOUT_MARGIN), call(attempt)).await {
            Ok(Ok(answer)) => {
                connection.replied();
                return Ok(answer);
            }
            Ok(Err(error)) => error,
            Err(_elapsed) => Error::new(ErrorKind::Timeout, "fred did not answer"),
        };
        match Problem::new(&error) {
            Problem::Silence => {
                connection.not_answered(start);
                return Err(limit.passed());
            }
            Problem::NoScript if !whole_script => whole_script = true,
            Problem::Late if late < LATE_ATTEMPTS => (whole_script, late) = (false, late + 1),
            Problem::Late => return Err(StoreError::new(Problem::Late.kind(&error), STORE, error)),
            // If the connection was already lost, waiting for it would delay every call until it is back.
            Problem::Dropped if !again && connection.client.is_connected() => again = true,
            Problem::Broken if !again => again = true,
            Problem::NotReady if !again => {
                connection.replied();
                again = true;
                sleep(RETRY_DELAY.min(left)).await;
            }
            _ if !connection.client.is_connected() => return Err(unconnected(&connection.client, error)),
            problem => return Err(StoreError::new(problem.kind(&error), STORE, error)),
        }
    }
}

/// Reads a reply.
///
/// # Errors
/// An error of invalid data if it is of another kind.
pub(crate) fn read<T: FromValue>(reply: Value) -> Result<T, StoreError> {
    reply
        .convert()
        .map_err(|error| StoreError::new(Problem::new(&error).kind(&error), STORE, error))
}

/// The error of a call without a connection. fred's own only says that the command was not sent.
pub(crate) fn unconnected(client: &Client, error: impl fmt::Display) -> StoreError {
    let hosts = client.client_config().server.hosts();
    let hosts: Vec<_> = hosts.iter().map(|host| format!("`{host}`")).collect();
    let problem = format!(
        "no connection to {}: {error}. Is the server running, and is this its address?",
        hosts.join(", ")
    );
    StoreError::unreachable(STORE, problem)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Problem {
    /// There was no reply in time.
    Silence,
    /// The server does not know the script. Nothing was done.
    NoScript,
    /// The server takes the call for late. Nothing was done.
    Late,
    /// The server is not the key's master at the moment. Nothing was done.
    NotReady,
    /// fred dropped the command, because there is no connection or its task ended. The command may have been carried out.
    Dropped,
    /// The connection broke. The command may have been carried out.
    Broken,
    /// A second attempt would fail like the first.
    Lasting,
}

impl Problem {
    /// The kind of the call's `StoreError`.
    fn kind(self, error: &Error) -> StoreErrorKind {
        let details = error.details();
        match (self, error.kind()) {
            (Self::Silence | Self::Late, _) => StoreErrorKind::Timeout,
            (Self::NotReady | Self::Dropped | Self::Broken, _) => StoreErrorKind::Unreachable,
            (Self::Lasting, ErrorKind::Parse) => StoreErrorKind::InvalidData,
            (Self::Lasting, _) if details.starts_with("WRONGTYPE") => StoreErrorKind::InvalidData,
            (Self::Lasting, ErrorKind::Auth) => StoreErrorKind::Refused,
            (Self::Lasting, _) if !is_reply(details) => StoreErrorKind::Internal,
            (Self::NoScript | Self::Lasting, _) => StoreErrorKind::Refused,
        }
    }

    fn new(error: &Error) -> Self {
        let code = first_word(error.details());
        match (error.kind(), code) {
            (ErrorKind::Timeout, _) => Self::Silence,
            (_, "NOSCRIPT") => Self::NoScript,
            (_, "LATE") => Self::Late,
            (_, "READONLY" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK") => {
                Self::NotReady
            }
            _ if is_reply(error.details()) => Self::Lasting,
            (ErrorKind::Canceled, _) => Self::Dropped,
            // fred's unknown errors are connections that were lost while it used them.
            (ErrorKind::IO | ErrorKind::Routing | ErrorKind::Cluster | ErrorKind::Unknown, _) => Self::Broken,
            _ => Self::Lasting,
        }
    }
}

/// True if the server sent this error: such replies begin with a word in capitals, for example `OOM` or `NOPERM`.
fn is_reply(details: &str) -> bool {
    let code = first_word(details);
    code.len() > 1 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{
        future,
        sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed},
    };

    use fred::types::Builder;

    use super::*;
    use crate::attempt::LATE;

    #[tokio::test]
    async fn a_call_ends_by_its_deadline_though_fred_never_answers() {
        let client = Builder::default_centralized().build().expect("a client");
        let deadline = Duration::from_millis(50);
        let start = Instant::now();
        let silence = |_attempt| -> Reply { Box::pin(future::pending()) };
        let connections = Connections::from(&client);
        let answer = call(&connections, Limit::new(deadline), &silence);
        let answer = timeout(100 * deadline, answer).await.expect("an end");
        assert_eq!(answer.expect_err("no answer").kind(), StoreErrorKind::Timeout);
        assert!(start.elapsed() >= deadline);
    }

    #[tokio::test]
    async fn a_call_that_a_server_takes_for_late_is_made_again_and_then_its_clock_is_known() {
        const HOUR: i64 = 3_600_000_000;
        let client = Builder::default_centralized().build().expect("a client");
        let connections = Connections::from(&client);
        let (clock, leap, attempts) = (AtomicI64::new(HOUR), AtomicI64::new(0), AtomicU32::new(0));
        let script = |attempt: Attempt| -> Reply {
            attempts.fetch_add(1, Relaxed);
            let now = clock.fetch_add(leap.load(Relaxed), Relaxed);
            let mut reply = vec![now.into()];
            if now <= attempt.end(None) {
                reply.push("done".into());
            }
            Box::pin(future::ready(attempt.timely(None, Value::Array(reply))))
        };
        for (set, expected) in [
            (0, 2),
            (0, 1),
            (HOUR, 2),
            (0, 1),
            (-2 * HOUR, 1),
            (0, 1),
            (HOUR, 2),
        ] {
            clock.fetch_add(set, Relaxed);
            attempts.store(0, Relaxed);
            let answer = call(&connections, Limit::new(Duration::from_secs(60)), &script).await;
            assert_eq!(answer.expect("done"), Value::from("done"));
            assert_eq!(attempts.load(Relaxed), expected, "{set}");
        }
        leap.store(HOUR, Relaxed);
        clock.fetch_add(HOUR, Relaxed);
        attempts.store(0, Relaxed);
        let answer = call(&connections, Limit::new(Duration::from_secs(60)), &script).await;
        assert_eq!(answer.expect_err("always late").kind(), StoreErrorKind::Timeout);
        assert_eq!(attempts.load(Relaxed), 1 + LATE_ATTEMPTS);
    }

    #[test]
    fn only_what_may_end_otherwise_is_tried_again_and_the_rest_says_what_happened() {
        use StoreErrorKind as Told;

        let problems = [
            (
                ErrorKind::Timeout,
                "Request timed out.",
                Problem::Silence,
                Told::Timeout,
            ),
            (
                ErrorKind::Unknown,
                "NOSCRIPT No matching script.",
                Problem::NoScript,
                Told::Refused,
            ),
            (ErrorKind::Unknown, LATE, Problem::Late, Told::Timeout),
            (
                ErrorKind::Unknown,
                "READONLY You can't write against a read only replica.",
                Problem::NotReady,
                Told::Unreachable,
            ),
            (
                ErrorKind::Unknown,
                "LOADING Redis is loading the dataset in memory",
                Problem::NotReady,
                Told::Unreachable,
            ),
            (
                ErrorKind::Cluster,
                "CLUSTERDOWN The cluster is down",
                Problem::NotReady,
                Told::Unreachable,
            ),
            (
                ErrorKind::Unknown,
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Problem::NotReady,
                Told::Unreachable,
            ),
            (
                ErrorKind::IO,
                "Connection closed.",
                Problem::Broken,
                Told::Unreachable,
            ),
            (
                ErrorKind::Unknown,
                "Failed to route command.",
                Problem::Broken,
                Told::Unreachable,
            ),
            (
                ErrorKind::Canceled,
                "Connection closed unexpectedly.",
                Problem::Dropped,
                Told::Unreachable,
            ),
            (
                ErrorKind::Unknown,
                "OOM command not allowed when used memory > 'maxmemory'.",
                Problem::Lasting,
                Told::Refused,
            ),
            (
                ErrorKind::Unknown,
                "NOPERM this user has no permissions to run the 'get' command",
                Problem::Lasting,
                Told::Refused,
            ),
            (
                ErrorKind::Auth,
                "NOAUTH Authentication required.",
                Problem::Lasting,
                Told::Refused,
            ),
            (
                ErrorKind::Unknown,
                "ERR value is not an integer",
                Problem::Lasting,
                Told::Refused,
            ),
            (
                ErrorKind::InvalidArgument,
                "WRONGTYPE Operation against a key",
                Problem::Lasting,
                Told::InvalidData,
            ),
            (
                ErrorKind::Config,
                "Invalid host.",
                Problem::Lasting,
                Told::Internal,
            ),
            (
                ErrorKind::Parse,
                "Cannot convert to number.",
                Problem::Lasting,
                Told::InvalidData,
            ),
        ];
        for (kind, details, problem, told) in problems {
            let error = Error::new(kind, details);
            assert_eq!(Problem::new(&error), problem, "{details}");
            assert_eq!(problem.kind(&error), told, "{details}");
        }
    }
}
