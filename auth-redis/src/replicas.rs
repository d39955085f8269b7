use std::num::NonZeroU32;

use auth_core::{ConfigError, StoreError};
use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, KeysInterface as _, ServerInterface as _},
    types::{Expiration, Value},
};

use crate::{
    Redis,
    call::{Attempt, Limit, STORE, call},
    connection::Connections,
    script::Script,
};

/// How many replicas a revocation waits for, and on which connection.
#[derive(Clone, Debug)]
pub(crate) struct Replicas {
    count: NonZeroU32,
    connections: Connections,
}

impl Redis {
    /// Reports a revocation as done only once `count` replicas have it, so that it outlives a failover to one of them;
    /// Sentinel prefers those that have the most. Where fewer have it by half of the deadline, the call is a
    /// [`StoreError`], though the master did revoke. The same call may be made again, and waits again; a client that logs
    /// out again is told that it is logged out, since the master has its token no more.
    ///
    /// `client` is one of its own, connected to the same server: what is sent over it waits behind each such revocation.
    ///
    /// # Errors
    /// [`ConfigError`] naming `replicas` if `client` is of a cluster, on which the wait cannot be kept on the node of the
    /// revocation. There `min-replicas-to-write` limits what a failover loses.
    pub fn wait_for_replicas(mut self, count: NonZeroU32, client: &Client) -> Result<Self, ConfigError> {
        if client.is_clustered() {
            return Err(ConfigError::new("replicas", "cannot be waited for on a cluster"));
        }
        self.replicas = Some(Replicas {
            count,
            connections: client.into(),
        });
        Ok(self)
    }

    /// Runs a `script` that revokes, and answers how many tokens it removed.
    pub(crate) async fn revoke(
        &self,
        limit: Limit,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<String>,
    ) -> Result<u64, StoreError> {
        let Some(replicas) = &self.replicas else {
            return self.run(limit, script, keys, args).await;
        };
        let mark = self.keys.written();
        let revoked = call(&replicas.connections, limit, |attempt| {
            let (mark, keys, args) = (mark.clone(), keys.clone(), args.clone());
            async move { revoke_and_wait(&attempt, replicas.count, mark, script, keys, args).await }
        });
        let (removed, reached) = revoked.await?;
        if reached < replicas.count.get() {
            let problem = format!("the revocation reached {reached} of {} replicas", replicas.count);
            return Err(StoreError::unreachable(STORE, problem));
        }
        Ok(removed)
    }
}

async fn revoke_and_wait(
    attempt: &Attempt,
    count: NonZeroU32,
    mark: String,
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<String>,
) -> Result<(u64, u32), Error> {
    let left = attempt.client.options().timeout.unwrap_or_default();
    // Zero would be for ever, and the server refuses what its clock cannot hold.
    let patience = u32::try_from((left / 2).as_millis()).unwrap_or(u32::MAX).max(1);
    // One after the other on one connection, as the server waits for what was written on the very connection.
    let pipeline = attempt.client.pipeline();
    let commands = pipeline.with_options(attempt.client.options());
    let _queued: () = attempt.run_on(&commands, script, keys, args).await?;
    // A second revocation of the same finds nothing to write, and would wait for nothing. Out of memory this is refused.
    let _kept: () = commands
        .set(mark, "", Some(Expiration::PX(1)), None, false)
        .await?;
    let _queued: () = commands.wait(i64::from(count.get()), i64::from(patience)).await?;
    let answers: [Result<Value, Error>; 3] = pipeline
        .try_all()
        .await
        .try_into()
        .map_err(|answers: Vec<Result<Value, Error>>| first_error(answers))?;
    let [removed, _marked, reached] = answers;
    Ok((removed?.convert()?, reached?.convert()?))
}

/// Where a pipeline is not answered in full, an error says why.
fn first_error(answers: Vec<Result<Value, Error>>) -> Error {
    answers
        .into_iter()
        .find_map(Result::err)
        .unwrap_or_else(|| Error::new(ErrorKind::Protocol, "a pipeline was answered in part"))
}
