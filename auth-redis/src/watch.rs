//! What an operator is told of a pool of `connect`'s.

use std::future::Future;

use fred::{clients::Pool, interfaces::EventInterface as _};
use tokio::sync::broadcast::error::RecvError;

use crate::Redis;

/// Writes an event when the server of `pool` cannot be reached and when it can again, and looks at its eviction policy
/// then: after a failover it is another server.
pub(crate) fn watch(pool: &Pool) -> impl Future<Output = ()> + use<> {
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
                        // It is told of a little before it can be used.
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
                            tracing::warn!(target: "portcullis::redis", %problem, "the server cannot be reached");
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }
}
