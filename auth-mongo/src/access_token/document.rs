//! An access token as a document.

use std::fmt;

use auth_core::{AccessToken, StoreError, Subject, TokenDigest, TokenId, TokenLookup};
use mongodb::bson::{self, Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use uuid::Uuid;

use crate::{
    DocumentId,
    failure::unreadable,
    instant::{date, instant},
};

/// A token as Serde reads it, directly from the server's answer.
#[derive(Deserialize)]
pub(super) struct TokenDocument {
    id: bson::Uuid,
    digest: DigestField,
    user_id: Bson,
    epoch: i64,
    created_at: DateTime,
    expires_at: Option<DateTime>,
    last_used_at: DateTime,
    user_agent: Option<String>,
    address: Option<String>,
    label: Option<String>,
}

impl TokenDocument {
    /// # Errors
    /// [`StoreError`] if the user's id has another type, or a date is out of range.
    pub(super) fn token<Id: DocumentId>(self) -> Result<AccessToken<Id>, StoreError> {
        Ok({
            let mut token = AccessToken::new(
                TokenId(Uuid::from_bytes(self.id.bytes())),
                self.digest.0,
                Subject {
                    user_id: Id::from_bson(self.user_id).ok_or_else(unreadable)?,
                    epoch: self.epoch,
                },
                instant(self.created_at)?,
            );
            token.expires_at = self.expires_at.map(instant).transpose()?;
            token.last_used_at = instant(self.last_used_at)?;
            token.client.user_agent = self.user_agent;
            token.client.address = self.address;
            token.client.label = self.label;
            token
        })
    }
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
    let client = &token.client;
    let optional = [
        ("expires_at", token.expires_at.map(|at| date(at).into())),
        ("user_agent", client.user_agent.clone().map(Bson::String)),
        ("address", client.address.clone().map(Bson::String)),
        ("label", client.label.clone().map(Bson::String)),
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

/// The filter that finds the tokens of the user.
pub(super) fn of_user(user_id: &impl DocumentId) -> Document {
    doc! { "user_id": user_id.to_bson() }
}

pub(super) fn digest(digest: &TokenDigest) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Generic,
        bytes: digest.as_bytes().to_vec(),
    })
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
