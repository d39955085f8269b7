//! The ids of users in documents.

use std::{fmt, str::FromStr};

use auth_core::UserId;
use mongodb::bson::{self, Bson, spec::BinarySubtype};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// A user's id as a value in documents: as `_id` of the user, and as `user_id` of the user's tokens and
/// sessions.
///
/// | id | in BSON | made by |
/// |---|---|---|
/// | [`Uuid`] | binary of subtype 4 | this library, version 7 |
/// | [`ObjectId`] | ObjectId | this library |
/// | [`String`] | string | this library, a UUID as text |
/// | [`i64`], [`i32`] | 64-bit, 32-bit integer | the application: see [`MongoUserStoreBuilder::ids`] |
///
/// Your own type needs two functions beside those of a [`UserId`]:
///
/// ```
/// # use std::{fmt, num::ParseIntError, str::FromStr};
/// use portcullis::{UserId, mongo::DocumentId};
/// use mongodb::bson::Bson;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
/// struct MemberId(i64);
/// #
/// # impl fmt::Display for MemberId {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
/// #         self.0.fmt(f)
/// #     }
/// # }
/// #
/// # impl FromStr for MemberId {
/// #     type Err = ParseIntError;
/// #
/// #     fn from_str(text: &str) -> Result<Self, ParseIntError> {
/// #         text.parse().map(Self)
/// #     }
/// # }
/// # fn next_unused_number() -> i64 { 7 }
///
/// impl UserId for MemberId {
///     fn generate() -> Option<Self> {
///         Some(Self(next_unused_number()))
///     }
/// }
///
/// impl DocumentId for MemberId {
///     fn to_bson(&self) -> Bson {
///         Bson::Int64(self.0)
///     }
///
///     fn from_bson(value: Bson) -> Option<Self> {
///         value.as_i64().map(Self)
///     }
/// }
/// ```
///
/// [`MongoUserStoreBuilder::ids`]: crate::MongoUserStoreBuilder::ids
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no id of users in a document",
    label = "no id that BSON can hold",
    note = "`Uuid`, `ObjectId`, `String`, `i64` and `i32` are; for a type of your own, write `impl DocumentId for {Self}` with its two functions, `to_bson` and `from_bson`"
)]
pub trait DocumentId: UserId {
    /// The value to store and to search for. It must have the same BSON type for all ids.
    fn to_bson(&self) -> Bson;

    /// The id of a stored `value`, or `None` if it is not one.
    fn from_bson(value: Bson) -> Option<Self>;
}

impl DocumentId for Uuid {
    fn to_bson(&self) -> Bson {
        bson::Uuid::from_bytes(*self.as_bytes()).into()
    }

    fn from_bson(value: Bson) -> Option<Self> {
        match value {
            Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
                Self::from_slice(&binary.bytes).ok()
            }
            _ => None,
        }
    }
}

impl DocumentId for String {
    fn to_bson(&self) -> Bson {
        Bson::String(self.clone())
    }

    fn from_bson(value: Bson) -> Option<Self> {
        match value {
            Bson::String(text) => Some(text),
            _ => None,
        }
    }
}

impl DocumentId for i64 {
    fn to_bson(&self) -> Bson {
        Bson::Int64(*self)
    }

    fn from_bson(value: Bson) -> Option<Self> {
        value.as_i64()
    }
}

impl DocumentId for i32 {
    fn to_bson(&self) -> Bson {
        Bson::Int32(*self)
    }

    fn from_bson(value: Bson) -> Option<Self> {
        value.as_i32()
    }
}

/// MongoDB's own kind of id: 12 bytes, written as 24 hexadecimal digits in URLs, JSON and tokens.
///
/// ```
/// use portcullis::mongo::ObjectId;
///
/// let id: ObjectId = "65f0c0ffee65f0c0ffee65f0".parse()?;
/// assert_eq!(id.to_string(), "65f0c0ffee65f0c0ffee65f0");
/// assert_eq!(serde_json::to_string(&id)?, r#""65f0c0ffee65f0c0ffee65f0""#);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub bson::oid::ObjectId);

/// The error for a string that is not an [`ObjectId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not 24 hexadecimal digits")]
pub struct InvalidObjectId;

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, InvalidObjectId> {
        bson::oid::ObjectId::parse_str(text)
            .map(Self)
            .map_err(|_error| InvalidObjectId)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl UserId for ObjectId {
    fn generate() -> Option<Self> {
        Some(Self(bson::oid::ObjectId::new()))
    }
}

impl DocumentId for ObjectId {
    fn to_bson(&self) -> Bson {
        Bson::ObjectId(self.0)
    }

    fn from_bson(value: Bson) -> Option<Self> {
        value.as_object_id().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_what_is_stored_and_from_no_other_kind() {
        fn check<Id: DocumentId>(id: &Id, others: &[Bson]) {
            assert_eq!(Id::from_bson(id.to_bson()).as_ref(), Some(id));
            for other in others {
                assert_eq!(Id::from_bson(other.clone()), None, "{other:?}");
            }
        }
        let uuid = Uuid::now_v7();
        let object_id = ObjectId(bson::oid::ObjectId::new());
        let generic = Bson::Binary(bson::Binary {
            subtype: BinarySubtype::Generic,
            bytes: uuid.as_bytes().to_vec(),
        });
        check(&uuid, &[generic.clone(), uuid.to_string().into(), Bson::Null]);
        check(&object_id, &[object_id.to_string().into(), Bson::Null]);
        check(&"ada".to_owned(), &[Bson::Int64(1), Bson::Null]);
        check(&7_i64, &[Bson::String("7".into()), Bson::Int32(7)]);
        check(&7_i32, &[Bson::String("7".into()), Bson::Int64(7)]);
        let Bson::Binary(binary) = uuid.to_bson() else {
            panic!("a UUID is binary")
        };
        assert_eq!(binary.subtype, BinarySubtype::Uuid);
    }

    #[test]
    fn an_object_id_is_24_hexadecimal_digits() {
        for text in [
            "",
            "65f0c0ffee65f0c0ffee65f",
            "65f0c0ffee65f0c0ffee65f00",
            "65f0c0ffee65f0c0ffee65fg",
        ] {
            assert_eq!(text.parse::<ObjectId>(), Err(InvalidObjectId), "{text}");
        }
        let id = ObjectId::generate().expect("an id");
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).expect("JSON");
        assert_eq!(serde_json::from_str::<ObjectId>(&json).expect("an id"), id);
    }
}
