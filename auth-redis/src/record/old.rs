//! The stored form of earlier versions, which is still read, but no longer written:
//!
//! ```json
//! {"last_used_at":1735689600123       ,"order":"01941f297c7b4f3a2b1c","digest":"…","id":"…","user_id":"…",
//!  "epoch":0,"created_at":1735689600123,"expires_at":1735693200123,"user_agent":"…","address":"…","label":"…"}
//! ```
//!
//! Instants are milliseconds since 1970-01-01 UTC. Absent values are left out. `digest` is the beginning of the digest in
//! base64. `order` is the creation, and 32 bits of microseconds of the insertion; the member of the index is `order` and the
//! digest. Such a token never slid, so its expiry is its absolute limit, too.

use std::borrow::Cow;

use auth_core::{AccessToken, Subject, TokenDigest, TokenId, UserId};
use serde::Deserialize;

use super::{Malformed, Row, instant};
use crate::key;

/// The characters of [`Record::digest`]: 66 bits.
const DIGEST_CHARS: usize = 11;

/// The characters of [`Record::order`] that are the creation.
const CREATION_CHARS: usize = 12;

#[derive(Deserialize)]
struct Record<'a> {
    last_used_at: i64,
    #[serde(borrow)]
    order: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    id: TokenId,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    epoch: i64,
    created_at: i64,
    expires_at: Option<i64>,
    user_agent: Option<String>,
    address: Option<String>,
    label: Option<String>,
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.classify(), error.column())
    }
}

pub(super) fn read<Id: UserId>(digest: TokenDigest, value: &[u8]) -> Result<Row<Id>, Malformed> {
    let record: Record<'_> = serde_json::from_slice(value)?;
    if record.digest != key::encode(&digest)[..DIGEST_CHARS] {
        return Err(Malformed::Other);
    }
    let subject = Subject::new(
        record.user_id.parse().map_err(|_| Malformed::UserId)?,
        record.epoch,
    );
    let mut token = AccessToken::new(record.id, digest, subject, instant(record.created_at)?);
    token = token.ending(record.expires_at.map(instant).transpose()?);
    token.last_used_at = instant(record.last_used_at)?;
    token.client.user_agent = record.user_agent;
    token.client.address = record.address;
    token.client.label = record.label;
    let micros = record.order.get(CREATION_CHARS..);
    Ok(Row {
        token,
        delay: micros
            .and_then(|micros| u32::from_str_radix(micros, 16).ok())
            .unwrap_or_default(),
        old_order: Some(record.order.into_owned()),
    })
}
