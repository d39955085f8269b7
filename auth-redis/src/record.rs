//! The stored form of a token.
//!
//! It is binary, because it stands in memory once for each log-in. [`Record`] has the fields in their order, in the wire
//! format of [postcard]: arrays have no length in front, an absent value is one zero byte. So the first 48 bytes have fixed
//! places, by which `script/row.lua` reads and replaces them.
//!
//! Earlier versions wrote JSON: see [`old`]. Such a row is written anew before it is changed.
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

mod old;
mod packed;
pub(crate) mod session;

use std::time::{SystemTime, UNIX_EPOCH};

use auth_core::{
    AccessToken, Generation, Subject, TokenDigest, TokenId, UserId, from_unix_milliseconds, unix_milliseconds,
};
use fred::types::Value;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use time::OffsetDateTime;
use uuid::Uuid;

/// The first byte of a row. A `{` begins one in JSON. A session begins with another byte.
const FORM: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    form: u8,
    last_used_at: Instant,
    expires_at: Instant,
    absolute_expires_at: Instant,
    created_at: Instant,
    delay: [u8; 3],
    /// The beginning of the token's digest. If a reply ever went to the wrong caller, the mismatch would be an error, not
    /// somebody else's log-in.
    digest: [u8; 4],
    id: [u8; 16],
    access_generation: Option<StoredGeneration>,
    refresh_generation: Option<StoredGeneration>,
    /// Packed as an id. Scripts find the user's index by it.
    user_id: &'a [u8],
    backend: &'a str,
    epoch: i64,
    /// Packed as an id.
    #[serde(borrow)]
    actor: Option<&'a [u8]>,
    /// Packed as a user agent.
    #[serde(borrow)]
    user_agent: Option<&'a [u8]>,
    /// Packed as an address.
    #[serde(borrow)]
    address: Option<&'a [u8]>,
    #[serde(borrow)]
    label: Option<&'a str>,
}

/// Milliseconds since 1970-01-01 UTC, the highest byte first. All bits are set for "never". An earlier instant is
/// stored as 1970.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Instant([u8; 6]);

/// A number, the highest byte first, and the instant since when it is the present one.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct StoredGeneration([u8; 8], Instant);

/// A row that was read.
#[derive(Debug)]
pub(crate) struct Row<Id> {
    pub(crate) token: AccessToken<Id>,
    /// Microseconds from the creation to the insertion, at most those of three bytes. They order tokens that were created in
    /// the same millisecond.
    pub(crate) delay: u32,
    /// The first part of the token's member in the index, if the row is in JSON.
    pub(crate) old_order: Option<String>,
}

/// A stored token or session that cannot be read: this crate did not write it, or somebody edited it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error(
        "a stored value has a form that this version does not know: a later version wrote it, or another program"
    )]
    Form,
    #[error("a stored value cannot be read: {0}")]
    Binary(#[from] postcard::Error),
    /// The kind of problem and its column. serde_json's own error would repeat the value.
    #[error("a stored token is not the JSON of one: {0:?} error in column {1}")]
    Json(Category, usize),
    #[error("the stored value is not the one that was asked for")]
    Other,
    #[error("a stored value has an instant out of range")]
    Instant,
    #[error("a stored value has a text that is not UTF-8")]
    Text,
    #[error("a stored value has a user id of another type")]
    UserId,
}

/// The value of a token's key. `delay` is that of [`Row`].
pub(crate) fn write<Id: UserId>(token: &AccessToken<Id>, delay: u32) -> Result<Vec<u8>, postcard::Error> {
    let user_id = token.user_id.to_string();
    let user_id = packed::id(&user_id);
    let actor = token.actor.as_deref().map(packed::id);
    let user_agent = token.client.user_agent.as_deref().map(packed::user_agent);
    let address = token.client.address.as_deref().map(packed::address);
    let [_, delay @ ..] = delay.min(MAX_DELAY).to_be_bytes();
    postcard::to_allocvec(&Record {
        form: FORM,
        last_used_at: Instant::at(token.last_used_at),
        expires_at: Instant::of(token.expires_at),
        absolute_expires_at: Instant::of(token.absolute_expires_at),
        created_at: Instant::at(token.created_at),
        delay,
        digest: beginning(&token.digest),
        id: token.id.0.into_bytes(),
        access_generation: StoredGeneration::of(token.access_generation),
        refresh_generation: StoredGeneration::of(token.refresh_generation),
        user_id: &user_id,
        backend: &token.backend,
        epoch: token.epoch,
        actor: actor.as_deref(),
        user_agent: user_agent.as_deref(),
        address: address.as_deref(),
        label: token.client.label.as_deref(),
    })
}

/// The token of `digest` whose key has `value`.
pub(crate) fn read<Id: UserId>(digest: TokenDigest, value: &[u8]) -> Result<Row<Id>, Malformed> {
    match value.first() {
        Some(&FORM) => {}
        Some(b'{') => return old::read(digest, value),
        _ => return Err(Malformed::Form),
    }
    let (record, rest) = postcard::take_from_bytes::<Record<'_>>(value)?;
    if !rest.is_empty() {
        return Err(Malformed::Form);
    }
    if record.digest != beginning(&digest) {
        return Err(Malformed::Other);
    }
    let subject = Subject::new(user_id(record.user_id)?, record.epoch);
    let id = TokenId(Uuid::from_bytes(record.id));
    let mut token = AccessToken::new(id, digest, subject, record.created_at.read()?);
    token.backend = record.backend.to_owned();
    token.expires_at = record.expires_at.read_option()?;
    token.absolute_expires_at = record.absolute_expires_at.read_option()?;
    token.last_used_at = record.last_used_at.read()?;
    token.access_generation = StoredGeneration::read(record.access_generation)?;
    token.refresh_generation = StoredGeneration::read(record.refresh_generation)?;
    token.actor = record.actor.map(packed::id_from).transpose()?;
    token.client.user_agent = record.user_agent.map(packed::user_agent_from).transpose()?;
    token.client.address = record.address.map(packed::address_from).transpose()?;
    token.client.label = record.label.map(str::to_owned);
    let [high, middle, low] = record.delay;
    Ok(Row {
        token,
        delay: u32::from_be_bytes([0, high, middle, low]),
        old_order: None,
    })
}

fn user_id<Id: UserId>(packed: &[u8]) -> Result<Id, Malformed> {
    packed::with_id(packed, str::parse)?.map_err(|_| Malformed::UserId)
}

fn beginning(digest: &TokenDigest) -> [u8; 4] {
    let [a, b, c, d, ..] = *digest.as_bytes();
    [a, b, c, d]
}

/// 16.7 seconds.
const MAX_DELAY: u32 = 0x00ff_ffff;

/// The [delay](Row::delay) of a token that is inserted now.
pub(crate) fn delay(created_at: OffsetDateTime) -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let created_at = created_at.unix_timestamp_nanos().div_euclid(1000);
    let delay = i128::try_from(now.as_micros()).unwrap_or_default() - created_at;
    // The clamp fits.
    delay.clamp(0, MAX_DELAY.into()) as u32
}

impl Instant {
    const NEVER: Self = Self([0xff; 6]);

    pub(crate) fn at(at: OffsetDateTime) -> Self {
        let [_, _, bytes @ ..] = unix_milliseconds(at).max(0).to_be_bytes();
        Self(bytes)
    }

    pub(crate) fn of(at: Option<OffsetDateTime>) -> Self {
        at.map_or(Self::NEVER, Self::at)
    }

    fn read(self) -> Result<OffsetDateTime, Malformed> {
        let [a, b, c, d, e, f] = self.0;
        instant(i64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    fn read_option(self) -> Result<Option<OffsetDateTime>, Malformed> {
        (self.0 != Self::NEVER.0).then(|| self.read()).transpose()
    }
}

impl From<Instant> for Value {
    fn from(instant: Instant) -> Self {
        Self::from(instant.0.as_slice())
    }
}

impl StoredGeneration {
    /// The first generation needs no room.
    fn of(generation: Generation) -> Option<Self> {
        (generation != Generation::FIRST).then(|| {
            let number = generation.number.to_be_bytes();
            Self(number, Instant::of(generation.since))
        })
    }

    fn read(stored: Option<Self>) -> Result<Generation, Malformed> {
        Ok(match stored {
            None => Generation::FIRST,
            Some(Self(number, since)) => Generation::new(i64::from_be_bytes(number), since.read_option()?),
        })
    }
}

fn instant(milliseconds: i64) -> Result<OffsetDateTime, Malformed> {
    from_unix_milliseconds(milliseconds).ok_or(Malformed::Instant)
}

#[cfg(test)]
mod tests;
