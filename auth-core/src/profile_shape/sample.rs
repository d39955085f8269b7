//! A sample of a type that is only known by its `Deserialize`.

use std::{cell::RefCell, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess, VariantAccess,
        Visitor,
        value::{StrDeserializer, U32Deserializer},
    },
};

/// The texts to try for a string. Most fields accept the first.
const TEXTS: [&str; 11] = [
    "a",
    "2026-01-02T03:04:05Z",
    "2026-01-02",
    "03:04:05",
    "01980000-0000-7000-8000-000000000000",
    "a@example.com",
    "https://example.com/",
    "127.0.0.1",
    "1",
    "+4930123456",
    "en",
];
/// The number of other forms to try for a field of any type: a number, a flag and a list.
const FORMS: usize = 3;
const MAX_TRIES: usize = 200;
const MAX_DEPTH: usize = 8;

/// A value of `P` in which nothing is absent, empty or zero. `None` if a part accepts none of the guesses.
pub(super) fn sample<'de, P: Deserialize<'de>>() -> Option<P> {
    let choices = RefCell::new(Choices::default());
    for _ in 0..MAX_TRIES {
        choices.borrow_mut().read = 0;
        let sampler = Sampler {
            choices: &choices,
            depth: 0,
        };
        match P::deserialize(sampler) {
            Ok(sample) => return Some(sample),
            Err(problem) => choices.borrow_mut().revise(&problem)?,
        }
    }
    None
}

/// The choices of the current try.
#[derive(Default)]
struct Choices {
    /// The index of the text for each place that reads one.
    texts: Vec<usize>,
    /// The number of places that this try has reached.
    read: usize,
    /// The name of the field that was read last, with the address of its list of names.
    name: (usize, &'static str),
    /// Other names of fields.
    aliases: HashSet<(usize, &'static str)>,
    /// The keys that a map must have. `#[serde(flatten)]` reads a struct from a map.
    keys: Vec<&'static str>,
}

impl Choices {
    fn next(&mut self) -> usize {
        self.texts.resize(self.texts.len().max(self.read + 1), 0);
        self.read += 1;
        self.texts[self.read - 1]
    }

    fn text(&mut self) -> Result<&'static str, Problem> {
        TEXTS.get(self.next()).copied().ok_or(Problem::Refused)
    }

    /// `None` if nothing else can be tried.
    fn revise(&mut self, problem: &Problem) -> Option<()> {
        match problem {
            Problem::Duplicate => self.aliases.insert(self.name).then_some(()),
            Problem::Refused => {
                let last = self.read.checked_sub(1)?;
                self.texts.truncate(self.read);
                self.texts[last] += 1;
                (self.texts[last] < TEXTS.len() + FORMS).then_some(())
            }
            Problem::Missing(field) => {
                let is_new = !self.keys.contains(field);
                self.keys.push(field);
                is_new.then_some(())
            }
        }
    }
}

#[derive(Debug)]
enum Problem {
    Duplicate,
    Missing(&'static str),
    Refused,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self::Refused
    }

    fn duplicate_field(_field: &'static str) -> Self {
        Self::Duplicate
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

#[derive(Clone, Copy)]
struct Sampler<'c> {
    choices: &'c RefCell<Choices>,
    depth: usize,
}

impl Sampler<'_> {
    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

macro_rules! scalars {
    ($($deserialize:ident $visit:ident $value:expr;)+) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            visitor.$visit($value)
        })+
    };
}

macro_rules! texts {
    ($($deserialize:ident)+) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            let text = self.choices.borrow_mut().text()?;
            visitor.visit_str(text)
        })+
    };
}

impl<'de> Deserializer<'de> for Sampler<'_> {
    type Error = Problem;

    scalars! {
        deserialize_bool visit_bool true;
        deserialize_i8 visit_i8 1;
        deserialize_i16 visit_i16 1;
        deserialize_i32 visit_i32 1;
        deserialize_i64 visit_i64 1;
        deserialize_i128 visit_i64 1;
        deserialize_u8 visit_u8 1;
        deserialize_u16 visit_u16 1;
        deserialize_u32 visit_u32 1;
        deserialize_u64 visit_u64 1;
        deserialize_u128 visit_u64 1;
        deserialize_f32 visit_f32 1.5;
        deserialize_f64 visit_f64 1.5;
        deserialize_char visit_char 'a';
        deserialize_bytes visit_bytes b"a";
        deserialize_byte_buf visit_bytes b"a";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let choice = self.choices.borrow_mut().next();
        match choice.checked_sub(TEXTS.len()) {
            None => visitor.visit_str(TEXTS[choice]),
            Some(0) => visitor.visit_u64(1),
            Some(1) => visitor.visit_bool(true),
            Some(_) => self.deserialize_seq(visitor),
        }
    }

    texts! { deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        // A type can contain itself.
        if self.depth < MAX_DEPTH {
            visitor.visit_some(self.deeper())
        } else {
            visitor.visit_none()
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self.deeper())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_tuple(usize::from(self.depth < MAX_DEPTH), visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_seq(Elements {
            sampler: self.deeper(),
            left: len,
            keys: 0,
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(Elements {
            sampler: self.deeper(),
            left: usize::from(self.depth < MAX_DEPTH),
            keys: 0,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_map(Members {
            sampler: self.deeper(),
            list: fields.as_ptr().addr(),
            fields: fields.iter(),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_enum(self.deeper())
    }
}

/// The elements of a sequence, or the entries of a map.
struct Elements<'c> {
    sampler: Sampler<'c>,
    left: usize,
    /// The number of required keys of a map that were read.
    keys: usize,
}

impl Elements<'_> {
    fn take_one(&mut self) -> bool {
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let is_left = self.take_one();
        is_left.then(|| seed.deserialize(self.sampler)).transpose()
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        if self.take_one() {
            return seed.deserialize(self.sampler).map(Some);
        }
        let key = self.sampler.choices.borrow().keys.get(self.keys).copied();
        self.keys += 1;
        key.map(|key| seed.deserialize(StrDeserializer::new(key)))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        seed.deserialize(self.sampler)
    }
}

/// The fields of a struct, each under one of its names.
struct Members<'c> {
    sampler: Sampler<'c>,
    list: usize,
    fields: std::slice::Iter<'static, &'static str>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let mut choices = self.sampler.choices.borrow_mut();
        let is_alias = |name: &&&'static str| choices.aliases.contains(&(self.list, **name));
        let Some(name) = self.fields.by_ref().find(|name| !is_alias(name)) else {
            return Ok(None);
        };
        choices.name = (self.list, name);
        drop(choices);
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        seed.deserialize(self.sampler)
    }
}

/// Chooses the first variant.
impl<'de> EnumAccess<'de> for Sampler<'_> {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Problem> {
        let first: U32Deserializer<Problem> = 0_u32.into_deserializer();
        Ok((seed.deserialize(first)?, self))
    }
}

impl<'de> VariantAccess<'de> for Sampler<'_> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Problem> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_struct("", fields, visitor)
    }
}
