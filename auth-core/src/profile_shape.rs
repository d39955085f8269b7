//! The fields of a type, without a value of it.

mod sample;
mod written;

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    mem::discriminant,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, DeserializeSeed, MapAccess, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

/// The shape of a [`Profile`](crate::Profile), found through its `Deserialize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileShape {
    /// It has no fields: `()`, or a unit struct.
    Unit,
    /// A struct that reads fields with these names, which include every `#[serde(alias)]`.
    Struct(&'static [&'static str]),
    /// A type whose fields cannot be found: a map, an enum, or a struct with `#[serde(flatten)]`.
    Other,
}

impl ProfileShape {
    /// The shape of `P`, found with a deserializer that has no data.
    #[must_use]
    pub fn of<'de, P: Deserialize<'de>>() -> Self {
        match P::deserialize(Probe { key: None }) {
            Err(Told::Shape(shape)) => shape,
            Ok(_) | Err(Told::Key(_)) => Self::Other,
        }
    }

    /// For each field that `P` reads, its name and aliases. Empty if they cannot be found.
    #[must_use]
    pub fn fields<'de, P: Deserialize<'de>>() -> Vec<Vec<&'static str>> {
        let Self::Struct(names) = Self::of::<P>() else {
            return Vec::new();
        };
        let mut fields: Vec<(Option<u64>, Vec<&'static str>)> = Vec::new();
        for name in names {
            let key = match P::deserialize(Probe { key: Some(name) }) {
                Err(Told::Key(key)) => Some(key),
                Ok(_) | Err(Told::Shape(_)) => None,
            };
            match fields
                .iter_mut()
                .find(|(known, _)| key.is_some() && *known == key)
            {
                Some((_, names)) => names.push(name),
                None => fields.push((key, vec![name])),
            }
        }
        fields.into_iter().map(|(_, names)| names).collect()
    }
}

/// A sample of `P`, made of values that its fields accept, in which nothing is absent, empty or zero. `None` if a field
/// accepts none of the guesses.
#[must_use]
pub fn sample_profile<'de, P: Deserialize<'de>>() -> Option<P> {
    sample::sample()
}

/// The names under which `profile` writes its fields, including those that it leaves out for this value. `None` if it
/// is not a struct with fixed fields.
#[must_use]
pub fn written_fields(profile: &impl Serialize) -> Option<Vec<&'static str>> {
    written::names(profile)
}

/// The answer. It is an error, because there is nothing to read.
#[derive(Debug)]
enum Told {
    Shape(ProfileShape),
    /// The number of the field that a name belongs to. All names of a field have the same number.
    Key(u64),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Told {}

impl de::Error for Told {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self::Shape(ProfileShape::Other)
    }
}

/// Asks for the shape, or for the field that a name belongs to.
struct Probe {
    key: Option<&'static str>,
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Told;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Told> {
        Err(Told::Shape(ProfileShape::Other))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Told> {
        Err(Told::Shape(ProfileShape::Unit))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _visitor: V,
    ) -> Result<V::Value, Told> {
        Err(Told::Shape(ProfileShape::Unit))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Told> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Told> {
        if self.key.is_some() {
            visitor.visit_map(self)
        } else {
            Err(Told::Shape(ProfileShape::Struct(fields)))
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Probe {
    type Error = Told;

    /// The visitor of a struct turns a name into a variant of a private enum with one variant for each field.
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Told> {
        let name = self.key.unwrap_or_default();
        let key = seed.deserialize(StrDeserializer::<Told>::new(name))?;
        let mut number = DefaultHasher::new();
        discriminant(&key).hash(&mut number);
        Err(Told::Key(number.finish()))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, _seed: V) -> Result<V::Value, Told> {
        Err(Told::Shape(ProfileShape::Other))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is asked for")]
    struct Member {
        #[serde(rename = "firstName", alias = "first_name", alias = "name")]
        first_name: String,
        plan: Option<String>,
        #[serde(skip)]
        cache: u8,
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is asked for")]
    struct Strict(Member);

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is asked for")]
    struct Flat {
        #[serde(flatten)]
        member: Member,
    }

    /// Each part has a form of its own.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Particular {
        #[serde(alias = "nick", alias = "nickname")]
        name: String,
        id: uuid::Uuid,
        #[serde(with = "time::serde::rfc3339")]
        since: time::OffsetDateTime,
        address: std::net::IpAddr,
        kind: Kind,
        tags: BTreeMap<String, Vec<(u8, bool)>>,
        next: Option<Box<Particular>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        shelf: Option<i32>,
        #[serde(skip_serializing)]
        hidden: u8,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Reader { shelf: u8 },
    }

    #[test]
    fn a_sample_is_found_for_parts_of_any_form_and_tells_what_is_written() {
        let sample = sample_profile::<Particular>().expect("a sample");
        assert_eq!((sample.shelf, sample.hidden), (Some(1), 1));
        assert_eq!(sample.tags.len(), 1);
        let written = written_fields(&Particular {
            shelf: None,
            ..sample
        })
        .expect("a struct");
        assert_eq!(
            written,
            ["name", "id", "since", "address", "kind", "tags", "next", "shelf"]
        );
        assert_eq!(written_fields(&BTreeMap::from([("a", 1)])), None);

        #[derive(Deserialize)]
        #[serde(try_from = "String")]
        struct Never;
        impl TryFrom<String> for Never {
            type Error = &'static str;

            fn try_from(_text: String) -> Result<Self, Self::Error> {
                Err("never")
            }
        }
        assert!(sample_profile::<Never>().is_none());
    }

    #[test]
    fn a_sample_is_found_for_a_flattened_struct() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Address {
            city: String,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Inner {
            number: u32,
            flag: bool,
            tags: Vec<String>,
            since: uuid::Uuid,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Outer {
            name: String,
            address: Address,
            #[serde(flatten)]
            inner: Inner,
        }
        let sample = sample_profile::<Outer>().expect("a sample");
        let expected = Outer {
            name: "a".to_owned(),
            address: Address { city: "a".to_owned() },
            inner: Inner {
                number: 1,
                flag: true,
                tags: vec!["a".to_owned()],
                since: uuid::uuid!("01980000-0000-7000-8000-000000000000"),
            },
        };
        assert_eq!(sample, expected);
    }

    #[test]
    fn a_struct_tells_the_names_of_each_field_and_anything_else_none() {
        for mut fields in [ProfileShape::fields::<Member>(), ProfileShape::fields::<Strict>()] {
            fields.iter_mut().for_each(|names| names.sort_unstable());
            assert_eq!(fields, [vec!["firstName", "first_name", "name"], vec!["plan"]]);
        }
        assert_eq!(ProfileShape::of::<()>(), ProfileShape::Unit);
        assert_eq!(ProfileShape::of::<Flat>(), ProfileShape::Other);
        assert_eq!(ProfileShape::of::<BTreeMap<String, u8>>(), ProfileShape::Other);
        assert_eq!(ProfileShape::of::<Option<Member>>(), ProfileShape::Other);
        assert!(ProfileShape::fields::<Flat>().is_empty());
    }
}
