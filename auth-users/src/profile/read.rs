//! A profile from JSON, with errors that never repeat the input.
//!
//! The errors of `serde_json` are texts that quote the input. Serde also reports each error by a call to the error
//! type, so this module has its own error type.

#[cfg(test)]
mod tests;

use std::fmt;

use auth_core::Profile;
use serde::{
    Deserializer,
    de::{
        self, Error as _, Expected, IntoDeserializer, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StringDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Number, Value};

use super::{PathStep, ProfileError};

pub(super) fn read<P: Profile>(fields: Map<String, Value>) -> Result<P, ProfileError> {
    let reader = Reader {
        value: Value::Object(fields),
        step: None,
        is_profile: true,
    };
    P::deserialize(reader).map_err(|mut problem| {
        problem.path.reverse();
        ProfileError::new(problem.path, problem.kind, problem.message)
    })
}

/// The part of an error that a client may see.
#[derive(Debug)]
struct Problem {
    /// From the inside out.
    path: Vec<PathStep>,
    kind: &'static str,
    message: String,
}

impl Problem {
    fn new(message: String) -> Self {
        Self {
            path: Vec::new(),
            kind: "value_error",
            message,
        }
    }

    fn expected(expected: impl fmt::Display) -> Self {
        Self::new(format!("Input should be {expected}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self::new("Input is not valid".to_owned())
    }

    fn invalid_type(_unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_value(_unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_length(_length: usize, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            [] => Self::custom(""),
            [one] => Self::expected(format_args!("`{one}`")),
            [one, other] => Self::expected(format_args!("`{one}` or `{other}`")),
            all => Self::expected(format_args!("one of `{}`", all.join("`, `"))),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: vec![PathStep::Key(field.to_owned())],
            kind: "missing",
            message: "Field required".to_owned(),
        }
    }
}

/// Reads one value.
struct Reader {
    value: Value,
    /// The place of this value in the enclosing one.
    step: Option<PathStep>,
    /// True for the whole profile, which can be `()`: that has no fields, and ignores all of them.
    is_profile: bool,
}

impl Reader {
    fn at(step: PathStep, value: Value) -> Self {
        Self {
            value,
            step: Some(step),
            is_profile: false,
        }
    }

    /// Reads by `read`, and adds the place of this value to an error.
    fn locate<T>(mut self, read: impl FnOnce(Self) -> Result<T, Problem>) -> Result<T, Problem> {
        let step = self.step.take();
        read(self).map_err(|mut problem| {
            problem.path.extend(step);
            problem
        })
    }
}

impl IntoDeserializer<'_, Problem> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

type Entries<I> = MapDeserializer<'static, I, Problem>;

fn entries(fields: Map<String, Value>) -> Entries<impl Iterator<Item = (Name, Reader)>> {
    MapDeserializer::new(fields.into_iter().map(|(name, value)| {
        let step = PathStep::Key(name.clone());
        (Name(name), Reader::at(step, value))
    }))
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.locate(|reader| match reader.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(number) => visit_number(&number, visitor),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                let readers = items.map(|(index, item)| Reader::at(PathStep::Index(index), item));
                SeqDeserializer::new(readers).deserialize_any(visitor)
            }
            Value::Object(fields) => entries(fields).deserialize_any(visitor),
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.is_profile {
            return visitor.visit_unit();
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.locate(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.locate(|reader| match reader.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(reader),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.locate(|reader| match reader.value {
            Value::String(variant) => Name(variant).deserialize_enum(name, variants, visitor),
            Value::Object(fields) if fields.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(entries(fields)))
            }
            Value::Object(_) => Err(Problem::expected("map with a single key")),
            _ => Err(Problem::expected("string or map")),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, Problem> {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(number), ..) => visitor.visit_u64(number),
        (_, Some(number), _) => visitor.visit_i64(number),
        (.., Some(number)) => visitor.visit_f64(number),
        _ => Err(Problem::custom("")),
    }
}

/// The name of a variant, or of an entry, which is a number or a flag if the type has such keys.
struct Name(String);

impl IntoDeserializer<'_, Problem> for Name {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! written_as_text {
    ($($deserialize:ident)+) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            match (self.0.parse::<Number>(), self.0.parse()) {
                (Ok(number), _) => visit_number(&number, visitor),
                (_, Ok(flag)) => visitor.visit_bool(flag),
                _ => visitor.visit_string(self.0),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Name {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_string(self.0)
    }

    written_as_text! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let variant: StringDeserializer<Problem> = self.0.into_deserializer();
        variant.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
