//! The log events of a pool made by `connect`.

use std::future::Future;

use auth_core::{ServerAddress, Unreachable};
use fred::{
    clients::Pool,
    error::{Error, ErrorKind},
    interfaces::EventInterface as _,
};
use tokio::sync::broadcast::error::RecvError;

use crate::Redis;

/// The reason that the server cannot be used. For most, fred has no error kind, only the words of the operating system
/// or the server.
pub(crate) fn reason(problem: &Error) -> Unreachable {
    let details = problem.details();
    let says = |words: &[&str]| words.iter().any(|words| details.contains(words));
    match problem.kind() {
        _ if says(&["Connection refused", "os error 111"]) => Unreachable::Refused,
        _ if says(&["failed to lookup address"]) => Unreachable::UnknownHost,
        _ if says(&["WRONGPASS", "NOAUTH", "invalid password", "AUTH"]) => Unreachable::Credentials,
        _ if says(&["NOPERM"]) => Unreachable::Forbidden,
        ErrorKind::Auth => Unreachable::Credentials,
        ErrorKind::Tls => Unreachable::Tls,
        ErrorKind::Timeout => Unreachable::Silent,
        _ => Unreachable::Other,
    }
}

/// Logs an event when the server of `pool` at `address` becomes unreachable and when it is back. It then checks the eviction
/// policy again, since after a failover it is another server.
pub(crate) fn watch(pool: &Pool, address: ServerAddress) -> impl Future<Output = ()> + use<> {
    let client = pool.clients()[0].clone();
    let (mut errors, mut connections) = (client.error_rx(), client.reconnect_rx());
    let redis = Redis::from(pool);
    async move {
        let mut connected = None;
        loop {
            tokio::select! {
                connection = connections.recv() => match connection {
                    Ok(server) => {
                        let before = connected.replace(true);
                        if before == Some(false) {
                            tracing::info!(target: "portcullis::redis", %server, "the server can be reached again");
                        }
                        // The event comes a little before the connection can be used.
                        if before != Some(true) && redis.ping().await.is_ok() {
                            redis.warn_of_eviction().await;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                error = errors.recv() => match error {
                    Ok((problem, _server)) => {
                        if connected.replace(false) != Some(false) {
                            let problem = address.problem(reason(&problem), problem);
                            tracing::warn!(target: "portcullis::redis", problem, "the server cannot be reached");
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }
}
