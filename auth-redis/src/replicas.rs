use std::num::NonZeroU32;

use auth_core::{ConfigError, StoreError};
use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, KeysInterface as _, ServerInterface as _},
    types::{Expiration, FromValue, Value},
};

use crate::{
    Redis,
    attempt::{Attempt, Reply},
    call::{Limit, STORE, call, read},
    connection::Connections,
    script::Script,
};

/// The number of replicas that a revocation waits for, and the connections for it.
#[derive(Clone, Debug)]
pub(crate) struct Replicas {
    count: NonZeroU32,
    connections: Connections,
}

impl Redis {
    /// Makes each revocation wait until `count` replicas have it, so that it survives a failover to one of them. Sentinel
    /// prefers the replicas that have most.
    ///
    /// If too few replicas confirm within half the deadline, the call returns a [`StoreError`], although the master has
    /// already revoked the token or session. It is safe to retry, and the retry waits again. A client that logs out again is
    /// told that it is logged out, since the master no longer has its token.
    ///
    /// Give it a `client` that nothing else uses, connected to the same server: other commands on it would wait behind each
    /// revocation.
    ///
    /// # Errors
    /// [`ConfigError`] naming `replicas` if `client` is of a cluster, where fred can't send the wait to the node of the
    /// revocation. On a cluster, `min-replicas-to-write` limits what a failover loses.
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

    /// Runs a `script` that revokes, and returns its answer.
    pub(crate) async fn revoke<T: FromValue>(
        &self,
        limit: Limit,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<Value>,
    ) -> Result<T, StoreError> {
        let Some(replicas) = &self.replicas else {
            return self.run(limit, script, keys, args).await;
        };
        let mark = self.keys.replicated();
        let (answer, reached) = call(&replicas.connections, limit, &|attempt| {
            let (mark, keys, args) = (mark.clone(), keys.clone(), args.clone());
            revoke_and_wait(attempt, replicas.count, mark, script, keys, args)
        })
        .await?;
        if reached < replicas.count.get() {
            let problem = format!("the revocation reached {reached} of {} replicas", replicas.count);
            return Err(StoreError::unreachable(STORE, problem));
        }
        read(answer)
    }
}

fn revoke_and_wait(
    attempt: Attempt,
    count: NonZeroU32,
    mark: String,
    script: &'static Script,
    keys: Vec<String>,
    mut args: Vec<Value>,
) -> Reply<(Value, u32)> {
    Box::pin(async move {
        if script.is_in_time {
            // Nobody waits for the replicas of a cluster.
            args.extend(attempt.timing(None));
        }
        let left = attempt.client.options().timeout.unwrap_or_default();
        // Zero would wait without a limit, and the server refuses a number too large for its clock.
        let wait_ms = u32::try_from((left / 2).as_millis()).unwrap_or(u32::MAX).max(1);
        // On one connection, because `WAIT` waits for the writes of its own connection.
        let pipeline = attempt.client.pipeline();
        let commands = pipeline.with_options(attempt.client.options());
        let _queued = attempt.run_on(&commands, script, keys, args).await?;
        // A second revocation of the same token writes nothing, and its `WAIT` would return at once. Hence one write more, which
        // the server refuses if it is out of memory.
        let _kept: () = commands
            .set(mark, "", Some(Expiration::PX(1)), None, false)
            .await?;
        let _queued: () = commands.wait(i64::from(count.get()), i64::from(wait_ms)).await?;
        let answers: [Result<Value, Error>; 3] = pipeline
            .try_all()
            .await
            .try_into()
            .map_err(|answers: Vec<Result<Value, Error>>| first_error(answers))?;
        let [answer, _marked, reached] = answers;
        let answer = match script.is_in_time {
            true => attempt.timely(None, answer?)?,
            false => answer?,
        };
        Ok((answer, reached?.convert()?))
    })
}

/// The reason that a pipeline has fewer replies than commands.
fn first_error(answers: Vec<Result<Value, Error>>) -> Error {
    answers
        .into_iter()
        .find_map(Result::err)
        .unwrap_or_else(|| Error::new(ErrorKind::Protocol, "a pipeline was answered in part"))
}
