//! An access token as a document.

use std::fmt;

use auth_core::{
    AccessToken, Advance, Generation, StoreError, Subject, TokenDigest, TokenId, TokenKind, TokenLookup,
};
use mongodb::bson::{self, Bson, DateTime, Document, doc};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    DocumentId,
    digest::digest,
    failure::unreadable,
    instant::{date, instant},
};

/// A token as Serde reads it, directly from the server's answer.
#[derive(Deserialize)]
pub(super) struct TokenDocument {
    id: bson::Uuid,
    digest: DigestField,
    backend: Option<String>,
    user_id: Bson,
    epoch: i64,
    created_at: DateTime,
    expires_at: Option<DateTime>,
    absolute_expires_at: Option<DateTime>,
    last_used_at: DateTime,
    access_generation: Option<i64>,
    access_rotated_at: Option<DateTime>,
    refresh_generation: Option<i64>,
    refresh_rotated_at: Option<DateTime>,
    actor: Option<String>,
    user_agent: Option<String>,
    address: Option<String>,
    label: Option<String>,
}

impl TokenDocument {
    /// True if a write with the filter of the `step` finds the document: this looks at the same values.
    pub(super) fn allows(&self, step: &Advance) -> bool {
        let number = match step.kind {
            TokenKind::Access => self.access_generation,
            TokenKind::Refresh => self.refresh_generation,
        };
        let at = date(step.at);
        let mut ends = [self.expires_at, self.absolute_expires_at].into_iter().flatten();
        number == number_of(step.from) && ends.all(|end| at < end)
    }

    /// # Errors
    /// [`StoreError`] if the user's id has another type, or a date is out of range.
    pub(super) fn token<Id: DocumentId>(self) -> Result<AccessToken<Id>, StoreError> {
        Ok({
            let mut token = AccessToken::new(
                TokenId(Uuid::from_bytes(self.id.bytes())),
                self.digest.0,
                Subject::new(Id::from_bson(self.user_id).ok_or_else(unreadable)?, self.epoch),
                instant(self.created_at)?,
            );
            token.backend = self.backend.unwrap_or_default();
            token.absolute_expires_at = self.absolute_expires_at.map(instant).transpose()?;
            // An advance may have moved it past the absolute limit.
            let end = self.expires_at.map(instant).transpose()?;
            token.expires_at = end.map(|end| token.bounded(end));
            token.last_used_at = instant(self.last_used_at)?;
            token.access_generation = generation(self.access_generation, self.access_rotated_at)?;
            token.refresh_generation = generation(self.refresh_generation, self.refresh_rotated_at)?;
            token.actor = self.actor;
            token.client.user_agent = self.user_agent;
            token.client.address = self.address;
            token.client.label = self.label;
            token
        })
    }
}

/// The field of a generation's number, which the first one does not have.
pub(super) fn number_of(generation: i64) -> Option<i64> {
    (generation != 0).then_some(generation)
}

fn generation(number: Option<i64>, since: Option<DateTime>) -> Result<Generation, StoreError> {
    Ok(Generation::new(
        number.unwrap_or_default(),
        since.map(instant).transpose()?,
    ))
}

/// The document of `token` without its `place`. Absent values have no field.
pub(super) fn document<Id: DocumentId>(token: &AccessToken<Id>) -> Document {
    let mut document = doc! {
        "digest": digest(&token.digest),
        "user_id": token.user_id.to_bson(),
        "id": public_id(token.id),
        "epoch": token.epoch,
        "created_at": date(token.created_at),
        "last_used_at": date(token.last_used_at),
    };
    let at = |instant: Option<OffsetDateTime>| instant.map(|at| date(at).into());
    let text = |text: &Option<String>| text.clone().map(Bson::String);
    let number = |generation: Generation| number_of(generation.number).map(Bson::Int64);
    let (access, refresh) = (token.access_generation, token.refresh_generation);
    let backend = (!token.backend.is_empty()).then(|| token.backend.clone());
    let optional = [
        ("backend", backend.map(Bson::String)),
        ("expires_at", at(token.expires_at)),
        ("absolute_expires_at", at(token.absolute_expires_at)),
        ("access_generation", number(access)),
        ("access_rotated_at", at(access.since)),
        ("refresh_generation", number(refresh)),
        ("refresh_rotated_at", at(refresh.since)),
        ("actor", text(&token.actor)),
        ("user_agent", text(&token.client.user_agent)),
        ("address", text(&token.client.address)),
        ("label", text(&token.client.label)),
    ];
    document.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    document
}

/// The filter that finds the token of `key`.
pub(super) fn of_key(key: &TokenLookup) -> Document {
    doc! { "digest": digest(&key.digest) }
}

/// The filter that finds the token of `key` unless it has expired at `at`.
pub(super) fn of_live_key(key: &TokenLookup, at: OffsetDateTime) -> Document {
    doc! { "digest": digest(&key.digest), "$nor": expired(at) }
}

/// The filters one of which matches a token that has expired at `at`.
pub(super) fn expired(at: OffsetDateTime) -> Vec<Document> {
    let at = date(at);
    vec![
        doc! { "expires_at": { "$lte": at } },
        doc! { "absolute_expires_at": { "$lte": at } },
    ]
}

/// The filter that finds the tokens of the user.
pub(super) fn of_user(user_id: &impl DocumentId) -> Document {
    doc! { "user_id": user_id.to_bson() }
}

pub(super) fn public_id(id: TokenId) -> Bson {
    bson::Uuid::from_bytes(*id.0.as_bytes()).into()
}

/// The 32 bytes of a stored digest.
pub(super) struct DigestField(pub(super) TokenDigest);

impl<'de> Deserialize<'de> for DigestField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = DigestField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<DigestField, E> {
                let bytes = bytes
                    .try_into()
                    .map_err(|_error| E::invalid_length(bytes.len(), &self))?;
                Ok(DigestField(TokenDigest::from_bytes(bytes)))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}
