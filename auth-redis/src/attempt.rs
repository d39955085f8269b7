//! One attempt of a call.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use fred::{
    clients::{Client, WithOptions},
    error::{Error, ErrorKind},
    interfaces::{ClientLike, ClusterInterface as _, KeysInterface as _},
    types::{CustomCommand, Key, Value, config::Server},
    util::redis_keyslot,
};

use crate::{connection::Connection, script::Script};

/// The error of a script that did nothing because it was carried out too late. It begins as those of a server do.
pub(crate) const LATE: &str = "LATE the server carried it out after the deadline, and did nothing";

/// The result of an attempt. A plain function makes it: fred's futures are large, and a future without a box is compiled
/// again in each crate that awaits it.
pub(crate) type Reply<T = Value> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A client for one attempt of a call.
pub(crate) struct Attempt {
    pub(crate) client: WithOptions<Client>,
    /// An earlier attempt may have been carried out.
    pub(crate) repeated: bool,
    /// The server lacks the script, so it is sent the whole text.
    pub(crate) whole_script: bool,
    pub(crate) connection: Arc<Connection>,
    pub(crate) start: Instant,
    /// How long after `start` the caller waits.
    pub(crate) left: Duration,
}

impl Attempt {
    /// Runs `script` on the client.
    pub(crate) fn run(self, script: &'static Script, keys: Vec<String>, mut args: Vec<Value>) -> Reply {
        Box::pin(async move {
            if !script.is_in_time {
                return self.run_on(&self.client, script, keys, args).await;
            }
            let server = keys.first().and_then(|key| self.node(key));
            args.extend(self.timing(server.as_ref()));
            let reply = self.run_on(&self.client, script, keys, args).await?;
            self.timely(server, reply)
        })
    }

    /// The node of a cluster that has `key`, as far as fred knows.
    fn node(&self, key: &String) -> Option<Server> {
        let client = &self.connection.client;
        let nodes = client
            .is_clustered()
            .then(|| client.cached_cluster_state())
            .flatten()?;
        nodes.get_server(slot(key)).cloned()
    }

    /// The last two arguments of a script that does nothing once its caller has given up: `1` on a second attempt, else nothing, so
    /// it can find out whether the first one was carried out; and until when its caller waits.
    pub(crate) fn timing(&self, server: Option<&Server>) -> [Value; 2] {
        let repeated = Value::from_static_str(if self.repeated { "1" } else { "" });
        [repeated, self.end(server).into()]
    }

    /// Until when the caller waits, by the clock of `server`.
    pub(crate) fn end(&self, server: Option<&Server>) -> i64 {
        self.connection.clocks.end(server, self.start, self.left)
    }

    /// The answer in the `reply` of a script, which is behind the time of `server`.
    ///
    /// # Errors
    /// [`LATE`] if there is none.
    pub(crate) fn timely(&self, server: Option<Server>, reply: Value) -> Result<Value, Error> {
        let mut reply = reply.into_array().into_iter();
        let now = reply.next().and_then(|now| now.as_i64());
        let now = now.ok_or_else(|| Error::new(ErrorKind::Parse, "a script did not tell the time"))?;
        self.connection
            .clocks
            .heard(server, now, self.start, Instant::now());
        reply.next().ok_or_else(|| Error::new(ErrorKind::Unknown, LATE))
    }

    /// Reads the value of `key`.
    pub(crate) fn get(self, key: Key) -> Reply {
        Box::pin(async move { self.client.get(key).await })
    }

    /// Runs `script` on a `client` derived from that of the attempt.
    pub(crate) async fn run_on(
        &self,
        client: &impl ClientLike,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<Value>,
    ) -> Result<Value, Error> {
        let (command, script) = match self.whole_script {
            true => ("EVAL", script.text),
            false => ("EVALSHA", &*script.sha1),
        };
        // fred's own interface for scripts ignores the options.
        let command = CustomCommand::new_static(command, keys.first().map(slot), false);
        let mut words = Vec::with_capacity(2 + keys.len() + args.len());
        words.extend([
            Value::from_static_str(script),
            Value::from(keys.len().to_string()),
        ]);
        words.extend(keys.into_iter().map(Value::from).chain(args));
        client.custom(command, words).await
    }
}

fn slot(key: &String) -> u16 {
    redis_keyslot(key.as_bytes())
}
