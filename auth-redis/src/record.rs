//! The stored form of a token: JSON, so that `redis-cli GET` shows it.
//!
//! ```json
//! {"last_used_at":1735689600123       ,"order":"01941f297c7b4f3a2b1c","digest":"…","id":"…","user_id":"…",
//!  "epoch":0,"created_at":1735689600123,"expires_at":1735693200123,"user_agent":"…","address":"…","label":"…"}
//! ```
//!
//! Instants are milliseconds since 1970-01-01 UTC. Absent values are left out. `last_used_at` comes first, padded to a
//! fixed width, so that it can be overwritten in place. `digest` is the beginning of the token's digest. If a reply
//! ever went to the wrong caller, the mismatch would be an error, not somebody else's log-in.

use std::{
    borrow::Cow,
    time::{SystemTime, UNIX_EPOCH},
};

use auth_core::{AccessToken, Subject, TokenDigest, TokenId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use time::OffsetDateTime;

use crate::key;

/// The offset of the number of `last_used_at`.
pub(crate) const LAST_USED_AT: usize = LAST_USED_AT_NAME.len();
const LAST_USED_AT_NAME: &str = "{\"last_used_at\":";

/// The characters of [`Record::order`].
const ORDER_CHARS: usize = 20;

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    #[serde(skip_serializing)]
    last_used_at: i64,
    /// The rank of the token by age among its user's: creation, then insertion, in hexadecimal.
    #[serde(borrow)]
    order: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    id: TokenId,
    /// The id as `Display` prints it. Scripts find the user's index by it.
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    epoch: i64,
    created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Cow<'a, str>>,
}

/// The characters of [`Record::digest`]: 66 bits.
const DIGEST_CHARS: usize = 11;

/// A token, ready to be written.
pub(crate) struct Written {
    /// The value of its key.
    pub(crate) value: String,
    /// The first part of its member in the user's index; the digest follows.
    pub(crate) order: String,
}

/// A stored token that cannot be read: this crate did not write it, or somebody edited it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    /// The kind of problem and its column. serde_json's own error would repeat the value.
    #[error("a stored token is not the JSON of one: {0:?} error in column {1}")]
    Json(Category, usize),
    #[error("the stored token is not the one that was asked for")]
    Other,
    #[error("a stored token has an instant out of range")]
    Instant(#[from] time::error::ComponentRange),
    #[error("a stored token has a user id of another type")]
    UserId,
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.classify(), error.column())
    }
}

pub(crate) fn write<Id: UserId>(token: &AccessToken<Id>) -> Result<Written, Malformed> {
    let order = order(token.created_at);
    let record = Record {
        last_used_at: 0,
        order: Cow::Borrowed(&order),
        digest: Cow::Owned(beginning(&token.digest)),
        id: token.id,
        user_id: Cow::Owned(token.user_id.to_string()),
        epoch: token.epoch,
        created_at: milliseconds(token.created_at),
        expires_at: token.expires_at.map(milliseconds),
        user_agent: token.client.user_agent.as_deref().map(Cow::Borrowed),
        address: token.client.address.as_deref().map(Cow::Borrowed),
        label: token.client.label.as_deref().map(Cow::Borrowed),
    };
    let rest = serde_json::to_string(&record)?;
    let value = format!(
        "{LAST_USED_AT_NAME}{},{}",
        last_used_at(token.last_used_at),
        &rest[1..]
    );
    Ok(Written { value, order })
}

/// The number of `last_used_at` in its fixed width.
pub(crate) fn last_used_at(at: OffsetDateTime) -> String {
    // As wide as the longest 64-bit number.
    format!("{:<20}", milliseconds(at))
}

/// The token of `digest` whose key has `value`, and its order.
pub(crate) fn read<Id: UserId>(
    digest: TokenDigest,
    value: &str,
) -> Result<(AccessToken<Id>, String), Malformed> {
    let record: Record<'_> = serde_json::from_str(value)?;
    if record.digest != beginning(&digest) {
        return Err(Malformed::Other);
    }
    let mut token = AccessToken::new(
        record.id,
        digest,
        Subject {
            user_id: record.user_id.parse().map_err(|_| Malformed::UserId)?,
            epoch: record.epoch,
        },
        instant(record.created_at)?,
    );
    token.expires_at = record.expires_at.map(instant).transpose()?;
    token.last_used_at = instant(record.last_used_at)?;
    token.client.user_agent = record.user_agent.map(Cow::into_owned);
    token.client.address = record.address.map(Cow::into_owned);
    token.client.label = record.label.map(Cow::into_owned);
    Ok((token, record.order.into_owned()))
}

fn beginning(digest: &TokenDigest) -> String {
    let mut text = key::encode(digest);
    text.truncate(DIGEST_CHARS);
    text
}

/// Text that only the record with this public id contains: quotes within values are escaped.
pub(crate) fn id_field(id: TokenId) -> String {
    format!("\"id\":\"{id}\"")
}

pub(crate) fn milliseconds(at: OffsetDateTime) -> i64 {
    // Every instant of the type fits.
    (at.unix_timestamp_nanos().div_euclid(1_000_000)) as i64
}

fn instant(milliseconds: i64) -> Result<OffsetDateTime, time::error::ComponentRange> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
}

/// A text whose order is the order of age: 48 bits of milliseconds for the creation, enough for any four-digit year, then
/// 32 bits of microseconds for the present, which order tokens created in the same millisecond.
fn order(created_at: OffsetDateTime) -> String {
    let created_at = milliseconds(created_at).max(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let order = format!("{created_at:012x}{:08x}", now.as_micros() as u32);
    debug_assert_eq!(order.len(), ORDER_CHARS);
    order
}

#[cfg(test)]
mod tests {
    use auth_core::TokenLookup;
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Option<String>> {
        // Any string covers a hostile client. The second case is what a script could trip over.
        proptest::option::of(prop_oneof![
            any::<String>(),
            Just("\"id\":\"\\\0{}\u{1f98a}".to_owned())
        ])
    }

    prop_compose! {
        fn token()(
            id in any::<u128>(), user_id in any::<String>(), epoch in any::<i64>(),
            created_at in -1_000_000_000_000_i64..253_402_300_799_999,
            expires_at in proptest::option::of(-1_000_000_000_000_i64..253_402_300_799_999),
            last_used_at in -1_000_000_000_000_i64..253_402_300_799_999,
            (user_agent, address, label) in (text(), text(), text()),
        ) -> AccessToken<String> {
            let at = |milliseconds| instant(milliseconds).expect("an instant");
            let id = TokenId(uuid::Uuid::from_u128(id));
            let digest = TokenLookup::new("token").digest;
            let mut token = AccessToken::new(id, digest, Subject { user_id, epoch }, at(created_at));
            token.expires_at = expires_at.map(at);
            token.last_used_at = at(last_used_at);
            token.client.user_agent = user_agent;
            token.client.address = address;
            token.client.label = label;
            token
        }
    }

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(token in token()) {
            let written = write(&token).expect("written");
            let (read, order) = read::<String>(token.digest, &written.value).expect("read");
            prop_assert_eq!(&read, &token);
            prop_assert_eq!(order, written.order);
        }

        #[test]
        fn the_record_of_another_token_is_refused(token in token(), other in "[a-z]{1,8}") {
            let written = write(&token).expect("written");
            let other = TokenLookup::new(&other).digest;
            prop_assume!(other != token.digest);
            prop_assert!(matches!(read::<String>(other, &written.value), Err(Malformed::Other)));
        }

        #[test]
        fn the_last_use_is_overwritten_in_place(token in token(), at in -1_000_000_000_000_i64..253_402_300_799_999) {
            let mut written = write(&token).expect("written").value;
            let at = instant(at).expect("an instant");
            let text = last_used_at(at);
            written.replace_range(LAST_USED_AT..LAST_USED_AT + text.len(), &text);
            let (read, _order) = read::<String>(token.digest, &written).expect("read");
            let mut used = token;
            used.last_used_at = at;
            prop_assert_eq!(read, used);
        }

        #[test]
        fn only_its_own_record_contains_the_field_of_an_id(token in token(), other in any::<u128>()) {
            let other = TokenId(uuid::Uuid::from_u128(other));
            let mut hostile = token;
            hostile.user_id = id_field(other);
            hostile.client.user_agent = Some(id_field(other));
            hostile.client.address = Some(format!("x\\\",{},", id_field(other)));
            hostile.client.label = Some(format!("\",{},\"", id_field(other)));
            let value = write(&hostile).expect("written").value;
            prop_assert!(value.contains(&id_field(hostile.id)));
            prop_assert_eq!(value.contains(&id_field(other)), other == hostile.id, "{}", value);
        }

        #[test]
        fn the_order_of_text_is_the_order_of_creation(one in 0..253_402_300_799_999_i64, other in 0..253_402_300_799_999_i64) {
            let of = |at| order(instant(at).expect("an instant"));
            let (first, second) = (of(one), of(other));
            prop_assert_eq!((first.len(), second.len()), (ORDER_CHARS, ORDER_CHARS));
            if one != other {
                prop_assert_eq!(first < second, one < other);
            }
        }
    }
}
