//! What a connection that hears of changes is asked again and again.

use std::sync::Arc;

use auth_core::{Clock as _, SystemClock, unix_milliseconds};
use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, KeysInterface as _},
    types::{ClusterHash, CustomCommand, Expiration, Key, SetOptions, Value},
    util::redis_keyslot,
};
use uuid::Uuid;

use crate::key::Keys;

/// A marker goes by itself when no node has asked for it so long. The nodes then drop what they remember and make another.
const MARKER_SECONDS: i64 = 24 * 60 * 60;

/// The length of a marker. One character more is read, so that what is longer shows, and no more than that.
const MARKER_CHARS: usize = 36;

/// The slots of a node, as pairs of the first and the last.
pub(super) type Slots = Arc<[(u16, u16)]>;

/// A random number on the server. If it is gone, the server was emptied. If it is another one, this is another server, or an
/// older state of this one.
pub(super) struct Marker {
    key: String,
    value: String,
}

impl Marker {
    /// That of the server of `client`. All processes share it. It is written only if there is none: a server whose memory is full
    /// refuses that.
    pub(super) async fn on(client: &Client, keys: &Keys, slots: Option<&Slots>) -> Result<Self, Error> {
        let is_here = |key: &String| {
            let slot = redis_keyslot(key.as_bytes());
            let is_within = |(first, last): &(u16, u16)| (*first..=*last).contains(&slot);
            slots.is_none_or(|slots| slots.iter().any(is_within))
        };
        let key = (0..=u16::MAX).map(|tag| keys.marker(tag)).find(is_here);
        let key = key.ok_or_else(|| Error::new(ErrorKind::Cluster, "the node has no slots"))?;
        let mut found = look(client, &key).await?;
        for unless in [Some(SetOptions::NX), None] {
            if found.is_some() {
                break;
            }
            if unless.is_none() {
                tracing::warn!(target: "portcullis::redis", key, "this is the key of a near cache's marker, and something else stood there");
            }
            let (new, life) = (Uuid::new_v4().to_string(), Expiration::EX(MARKER_SECONDS));
            let () = client.set(&key, new, Some(life), unless, false).await?;
            found = look(client, &key).await?;
        }
        match found {
            Some(value) => Ok(Self { key, value }),
            None => {
                let problem = format!("the marker at `{key}` was deleted");
                Err(Error::new(ErrorKind::NotFound, problem))
            }
        }
    }

    /// Lets it live a day from now on. It is not written: somebody may have made another meanwhile.
    pub(super) async fn prolong(&self, client: &Client) -> Result<(), Error> {
        let end = unix_milliseconds(SystemClock.now()).saturating_add(MARKER_SECONDS * 1000);
        let _is_there: bool = client.pexpire_at(&self.key, end, None).await?;
        Ok(())
    }
}

/// The marker at `key`, if one stands there.
async fn look(client: &Client, key: &String) -> Result<Option<String>, Error> {
    let found: Result<Value, Error> = client.getrange(key, 0, MARKER_CHARS).await;
    match found {
        Ok(found) => Ok(found.as_string().filter(|text| is_marker(text))),
        Err(error) if error.details().starts_with("WRONGTYPE") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Anything else was written by somebody else.
fn is_marker(text: &str) -> bool {
    text.len() == MARKER_CHARS && Uuid::try_parse(text).is_ok()
}

/// One look at a server. The replies come behind every invalidation that the server has sent before.
pub(super) struct Beat {
    /// Of the connection, so that a silent reconnection shows.
    id: i64,
    role: String,
    marker: Option<String>,
    /// What the connection is told of.
    tracking: Value,
    slots: Option<Slots>,
}

impl Beat {
    pub(super) async fn of(client: &Client, marker: &Marker, is_node: bool) -> Result<Self, Error> {
        let pipeline = client.pipeline();
        let () = pipeline.custom(command("HELLO"), vec!["3"]).await?;
        let () = pipeline.getrange(&marker.key, 0, MARKER_CHARS).await?;
        let () = pipeline.custom(command("CLIENT"), vec!["TRACKINGINFO"]).await?;
        if is_node {
            let () = pipeline.custom(command("CLUSTER"), vec!["MYID"]).await?;
            let () = pipeline.custom(command("CLUSTER"), vec!["SLOTS"]).await?;
        }
        let mut replies = pipeline.all::<Vec<Value>>().await?.into_iter();
        let mut next = || replies.next().ok_or_else(|| parse("there are too few replies"));
        let hello = next()?;
        let marker = next()?.as_string();
        let tracking = next()?;
        let slots = match is_node {
            true => Some(read_slots(&next()?, &next()?)?),
            false => None,
        };
        Ok(Self {
            id: field(&hello, "id").and_then(Value::as_i64).unwrap_or_default(),
            role: field(&hello, "role")
                .and_then(Value::as_string)
                .unwrap_or_default(),
            marker,
            tracking,
            slots,
        })
    }

    /// # Errors
    /// The reason that nothing that was read from this server may be used any more.
    pub(super) fn check(&self, marker: &Marker, keys: &Keys) -> Result<(), Error> {
        let problem = if self.id == 0 {
            "the server does not tell which connection this is"
        } else if !matches!(&*self.role, "master" | "primary") {
            "the server is a replica"
        } else if self.marker.as_ref() != Some(&marker.value) {
            "the server was emptied, or is another one"
        } else if !names(&self.tracking, "flags", "bcast")
            || !names(&self.tracking, "prefixes", keys.prefix())
        {
            "the server does not tell of changes any more"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Unknown, problem))
    }

    pub(super) fn is_of_the_same_connection_as(&self, first: &Self) -> bool {
        self.id == first.id && self.slots == first.slots
    }
}

/// The slots that the node of `client` has.
pub(super) async fn slots_of(client: &Client) -> Result<Slots, Error> {
    let id: Value = client.custom(command("CLUSTER"), vec!["MYID"]).await?;
    let slots: Value = client.custom(command("CLUSTER"), vec!["SLOTS"]).await?;
    read_slots(&id, &slots)
}

fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, ClusterHash::FirstKey, false)
}

/// The slots whose master is the node `id`, in the reply to `CLUSTER SLOTS`.
fn read_slots(id: &Value, slots: &Value) -> Result<Slots, Error> {
    let id = id.as_string().ok_or_else(|| parse("a node without an id"))?;
    let Value::Array(ranges) = slots else {
        return Err(parse("no slots"));
    };
    let own = ranges.iter().filter_map(|range| match range {
        Value::Array(parts) => match &parts[..] {
            [first, last, Value::Array(master), ..] if master.get(2)?.as_string()? == id => {
                let number = |value: &Value| value.as_i64().and_then(|number| u16::try_from(number).ok());
                Some((number(first)?, number(last)?))
            }
            _ => None,
        },
        _ => None,
    });
    let mut own: Vec<_> = own.collect();
    own.sort_unstable();
    Ok(own.into())
}

/// The field called `name` of a map.
fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    match map {
        Value::Map(map) => map.get(&Key::from(name.to_owned())),
        _ => None,
    }
}

/// True if the list `name` of a map has `item`.
fn names(map: &Value, name: &str, item: &str) -> bool {
    match field(map, name) {
        Some(Value::Array(items)) => items.iter().any(|found| found.as_str().as_deref() == Some(item)),
        _ => false,
    }
}

fn parse(problem: &'static str) -> Error {
    Error::new(ErrorKind::Parse, problem)
}
