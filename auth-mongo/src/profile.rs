//! The application's own fields, at the top level beside the library's.

use std::marker::PhantomData;

use auth_core::{ConfigError, Profile, ProfileShape, sample_profile, written_fields};
use mongodb::bson::{self, Bson, Document, RawDocument, RawDocumentBuf};
use serde::de::{self, value::UnitDeserializer};

use crate::user::is_own_field;

/// The names of a profile's fields, as Serde knows them.
pub(crate) struct ProfileFields<P> {
    /// `None` for `()`.
    names: Option<&'static [&'static str]>,
    profile: PhantomData<fn() -> P>,
}

impl<P> Clone for ProfileFields<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for ProfileFields<P> {}

/// A profile that cannot be written to a document, or read from one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// A document cannot hold a value: a key with a NUL, or a number above 63 bits.
    #[error("the profile cannot be written")]
    Unwritable { field: Option<String> },
    #[error("the profile writes a field that it does not read")]
    UnknownField,
    #[error("the stored profile cannot be read")]
    Unreadable,
}

impl<P: Profile> ProfileFields<P> {
    /// Asks Serde for the names.
    ///
    /// # Errors
    /// [`ConfigError`] naming `profile` if Serde has no names, if a name is one of the library's fields or not valid in
    /// MongoDB, or if a field is read and never written.
    pub(crate) fn new() -> Result<Self, ConfigError> {
        let names = match ProfileShape::of::<P>() {
            ProfileShape::Unit => None,
            ProfileShape::Struct(names) => Some(names),
            ProfileShape::Other => {
                let problem = "is not a struct of named fields; `#[serde(flatten)]` in it hides their names";
                return Err(ConfigError::new("profile", problem));
            }
        };
        for name in names.unwrap_or_default() {
            if is_own_field(name) {
                let problem = format_args!("has a field `{name}`, which every user has");
                return Err(ConfigError::new("profile", problem));
            }
            if name.is_empty() || name.starts_with('$') || name.contains(['.', '\0']) {
                let problem = format_args!("has a field `{name}`, which MongoDB cannot search for");
                return Err(ConfigError::new("profile", problem));
            }
        }
        if let Some(written) = sample_profile::<P>().and_then(|sample| written_fields(&sample)) {
            let is_written = |names: &Vec<_>| names.iter().any(|name| written.contains(name));
            if let Some(names) = ProfileShape::fields::<P>()
                .iter()
                .find(|names| !is_written(names))
            {
                let problem = format_args!(
                    "does not write its field `{}`, so that no document would ever hold it: let Serde write it",
                    names.join("` or `")
                );
                return Err(ConfigError::new("profile", problem));
            }
        }
        Ok(Self {
            names,
            profile: PhantomData,
        })
    }

    /// The fields of `profile`, as the driver writes a struct.
    pub(crate) fn encode(self, profile: &P) -> Result<Document, ProfileError> {
        let Some(names) = self.names else {
            return Ok(Document::new());
        };
        // By way of bytes: only there does Serde report a format that is not human-readable.
        let fields = bson::serialize_to_raw_document_buf(profile)
            .and_then(|fields| Document::try_from(&fields))
            .map_err(|error| ProfileError::Unwritable {
                field: error.key.filter(|key| names.contains(&key.as_str())),
            })?;
        if fields.keys().all(|name| names.contains(&name.as_str())) {
            Ok(fields)
        } else {
            Err(ProfileError::UnknownField)
        }
    }

    /// The field that `refusal` names: the server's details about a document that it refused.
    pub(crate) fn named_in(self, refusal: &Document) -> Option<String> {
        let names = self.names.unwrap_or_default();
        let is_field = |name: &str| names.contains(&name).then(|| name.to_owned());
        let named = refusal.get_str("propertyName").ok().and_then(is_field);
        named.or_else(|| {
            refusal.iter().find_map(|(key, value)| match value {
                Bson::Document(inner) if key == "specifiedAs" => inner.keys().find_map(|name| is_field(name)),
                Bson::Document(inner) => self.named_in(inner),
                Bson::Array(inner) => inner
                    .iter()
                    .filter_map(Bson::as_document)
                    .find_map(|inner| self.named_in(inner)),
                _ => None,
            })
        })
    }

    /// The names that are not in `fields`, because the profile leaves out absent values.
    pub(crate) fn missing(self, fields: &Document) -> impl Iterator<Item = &'static str> {
        let names = self.names.unwrap_or_default().iter().copied();
        names.filter(|name| !fields.contains_key(name))
    }

    /// The profile in `document`. It sees no other fields.
    pub(crate) fn decode(self, document: &RawDocument) -> Result<P, ProfileError> {
        let Some(names) = self.names else {
            return P::deserialize(UnitDeserializer::<de::value::Error>::new())
                .map_err(|_error| ProfileError::Unreadable);
        };
        let mut fields = RawDocumentBuf::new();
        for element in document {
            let (name, value) = element.map_err(|_error| ProfileError::Unreadable)?;
            if names.contains(&name.as_str()) {
                fields.append(name, value);
            }
        }
        bson::deserialize_from_slice(fields.as_bytes()).map_err(|_error| ProfileError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mongodb::bson::{doc, rawdoc};
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Member {
        #[serde(rename = "firstName", alias = "first_name")]
        first_name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        shelf: Option<i32>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapped(Member);

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Nothing;

    fn ada(shelf: Option<i32>) -> Member {
        Member {
            first_name: "Ada".to_owned(),
            shelf,
        }
    }

    #[test]
    fn a_profile_sees_its_own_fields_alone() {
        let document =
            rawdoc! { "_id": 1, "email": "ada@example.com", "firstName": "Ada", "shelf": 3, "other": true };
        let fields = ProfileFields::<Member>::new().expect("fields");
        assert_eq!(fields.decode(&document).expect("a profile"), ada(Some(3)));
        let wrapped = ProfileFields::<Wrapped>::new().expect("fields");
        assert_eq!(
            wrapped.decode(&document).expect("a profile"),
            Wrapped(ada(Some(3)))
        );
        ProfileFields::<()>::new()
            .expect("no fields")
            .decode(&document)
            .expect("no profile");
        let nothing = ProfileFields::<Nothing>::new().expect("no fields");
        assert_eq!(nothing.decode(&document).expect("no profile"), Nothing);
        fields.decode(&rawdoc! { "firstName": 7 }).expect_err("no name");
    }

    #[test]
    fn a_field_without_a_value_is_known_to_be_missing() {
        let fields = ProfileFields::<Member>::new().expect("fields");
        let encoded = fields.encode(&ada(None)).expect("a document");
        assert_eq!(encoded, doc! { "firstName": "Ada" });
        assert_eq!(
            fields.missing(&encoded).collect::<Vec<_>>(),
            ["first_name", "shelf"]
        );
        let nothing = ProfileFields::<Nothing>::new()
            .expect("no fields")
            .encode(&Nothing);
        assert_eq!(nothing.expect("a document"), doc! {});
    }

    /// With answers from MongoDB's manual.
    #[test]
    fn u1_the_field_that_a_validator_refuses_is_known_by_the_servers_answer() {
        let fields = ProfileFields::<Member>::new().expect("fields");
        let schema = doc! { "failingDocumentId": 1, "details": {
            "operatorName": "$jsonSchema",
            "schemaRulesNotSatisfied": [{
                "operatorName": "properties",
                "propertiesNotSatisfied": [{
                    "propertyName": "shelf",
                    "details": [{ "operatorName": "maximum", "specifiedAs": { "maximum": 99 }, "consideredValue": 100 }],
                }],
            }],
        } };
        assert_eq!(fields.named_in(&schema).as_deref(), Some("shelf"));
        let query = doc! { "details": {
            "operatorName": "$regex", "specifiedAs": { "firstName": { "$regex": "^.{1,8}$" } },
        } };
        assert_eq!(fields.named_in(&query).as_deref(), Some("firstName"));
        let another = doc! { "details": { "operatorName": "$expr", "specifiedAs": { "$expr": false } } };
        assert_eq!(fields.named_in(&another), None);
    }

    #[test]
    fn a_profile_whose_fields_cannot_stand_beside_ours_is_refused() {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Taken {
            revision: i32,
        }

        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Operator {
            #[serde(rename = "$set")]
            set: i32,
        }

        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Path {
            #[serde(rename = "a.b")]
            path: i32,
        }

        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Flat {
            #[serde(flatten)]
            member: Member,
        }

        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        enum Kind {
            Reader { shelf: i32 },
        }

        fn refused<P: Profile>() {
            let error = ProfileFields::<P>::new().err().expect("is refused");
            assert_eq!(error.setting(), "profile");
        }
        refused::<Taken>();
        refused::<Operator>();
        refused::<Path>();
        refused::<Flat>();
        refused::<Kind>();
        refused::<BTreeMap<String, i32>>();
        refused::<Option<Member>>();
        refused::<String>();
    }

    #[test]
    fn u2_a_field_that_is_read_and_never_written_is_refused() {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Renamed {
            #[serde(rename(serialize = "is_superuser", deserialize = "is_friend"))]
            is_friend: bool,
        }

        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[allow(dead_code, reason = "only its type is looked at")]
        struct Hidden {
            name: String,
            #[serde(skip_serializing, default, alias = "stripe")]
            stripe_id: Option<String>,
        }

        for refused in [
            ProfileFields::<Renamed>::new().err(),
            ProfileFields::<Hidden>::new().err(),
        ] {
            let error = refused.expect("is refused");
            assert_eq!(error.setting(), "profile");
            assert!(error.to_string().contains("does not write"), "{error}");
        }
        ProfileFields::<Member>::new().expect("it leaves out absent values");
    }

    #[test]
    fn a_profile_that_writes_what_it_does_not_read_is_refused_when_it_is_written() {
        #[derive(Clone, Debug, Deserialize)]
        struct Tagged {
            is_friend: bool,
        }

        impl Serialize for Tagged {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map([("is_friend", self.is_friend), ("is_superuser", true)])
            }
        }

        let fields = ProfileFields::<Tagged>::new().expect("fields");
        let encoded = fields.encode(&Tagged { is_friend: true });
        assert!(matches!(encoded, Err(ProfileError::UnknownField)), "{encoded:?}");
    }
}
