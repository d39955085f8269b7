//! The compact form of a signed token (RFC 7515 §7.1), read strictly and without a key.

use std::borrow::Cow;

use auth_core::Rejection;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{KeyId, token::encode, unique_names::UniqueNames};

/// A longer token is rejected unread. Common servers allow 8 KiB for a header.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The header of a token, with the members that this crate writes. Others are ignored (RFC 7515 §4).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) typ: Option<String>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) kid: Option<String>,
    /// A token is rejected if it asks for an extension (`crit`, `b64`), brings its own key (`jku`, `jwk`, `x5u`,
    /// `x5c`), or is encrypted or compressed (`enc`, `zip`).
    #[serde(
        rename(deserialize = "crit"),
        alias = "b64",
        alias = "jku",
        alias = "jwk",
        alias = "x5u",
        alias = "x5c",
        alias = "enc",
        alias = "zip",
        default,
        deserialize_with = "refuse",
        skip_serializing
    )]
    #[expect(dead_code, reason = "reading it rejects the token")]
    pub(crate) refused: (),
}

/// The header of the tokens that a strategy issues. It is known by its text, so it is not read again with each token.
pub(crate) struct OwnHeader {
    /// In base64url.
    pub(crate) text: String,
    header: Header,
}

impl OwnHeader {
    pub(crate) fn new(header: Header) -> Result<Self, serde_json::Error> {
        let text = encode(&header)?;
        Ok(Self { text, header })
    }
}

/// A token of the right form, whose signature is not verified yet.
pub(crate) struct Compact<'a> {
    pub(crate) header: Cow<'a, Header>,
    /// The signed part.
    pub(crate) signing_input: &'a str,
    /// The raw signature.
    pub(crate) signature: Vec<u8>,
    payload: &'a str,
}

impl<'a> Compact<'a> {
    /// Reads the form of a `presented` token.
    pub(crate) fn parse(presented: &'a str, own: &'a OwnHeader) -> Result<Self, Rejection> {
        Self::parse_parts(presented, own).ok_or(Rejection::Malformed)
    }

    fn parse_parts(presented: &'a str, own: &'a OwnHeader) -> Option<Self> {
        if presented.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signing_input, signature) = presented.rsplit_once('.')?;
        // With a dot too many, the header contains a dot, which is not base64url.
        let (header, payload) = signing_input.rsplit_once('.')?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return None;
        }
        let header = if header == own.text {
            Cow::Borrowed(&own.header)
        } else {
            Cow::Owned(Header::read(header)?)
        };
        Some(Self {
            header,
            signing_input,
            signature: bytes(signature)?,
            payload,
        })
    }

    /// The text of the payload. Use it only after verifying the signature.
    pub(crate) fn payload(&self) -> Result<String, Rejection> {
        text(self.payload).and_then(object).ok_or(Rejection::Malformed)
    }
}

impl Header {
    fn read(part: &str) -> Option<Self> {
        let json = object(text(part)?)?;
        serde_json::from_str::<UniqueNames>(&json).ok()?;
        let header: Self = serde_json::from_str(&json).ok()?;
        let is_jwt = header
            .typ
            .as_ref()
            .is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        let is_kid = header.kid.as_ref().is_none_or(|kid| KeyId::is_valid(kid));
        (is_jwt && is_kid).then_some(header)
    }
}

/// A member that may be absent. If it is present, it must have its type; `null` is not accepted.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A member that must be absent, whatever its value.
fn refuse<'de, D: Deserializer<'de>>(_deserializer: D) -> Result<(), D::Error> {
    Err(D::Error::custom("a member that no token here can have"))
}

/// The engine refuses padding, white space, other alphabets and trailing bits.
fn bytes(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

fn text(part: &str) -> Option<String> {
    String::from_utf8(bytes(part)?).ok()
}

/// Checked here, because Serde would also accept an array with the members in order.
fn object(json: String) -> Option<String> {
    json.trim_start().starts_with('{').then_some(json)
}
