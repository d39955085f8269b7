//! JSON whose objects are what they look like.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// The key by which serde_json hands out a number if a crate of the service has turned `arbitrary_precision` on.
const NUMBER: &str = "$serde_json::private::Number";

/// A [`Value`] that is read without the private keys of serde_json.
///
/// [`Value`] itself parses the text behind the key `$serde_json::private::RawValue` once more, if any crate of the service
/// has turned `raw_value` on. A client could then send a text as an object, and nest values deeper than the parser allows.
pub(super) struct Plain(pub(super) Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Plain(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            // A number is handed out as an object of this key alone.
            if object.is_empty() && key == NUMBER {
                let digits: String = entries.next_value()?;
                return digits
                    .parse::<Number>()
                    .map(Value::Number)
                    .map_err(A::Error::custom);
            }
            let Plain(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(json: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(json).map(|Plain(value)| value)
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = r#"{"a":[null,true,-1,18446744073709551615,1.5,"x\u0000",{}],"b":"é","b":2}"#;
        assert_eq!(
            plain(text).expect("JSON"),
            json!({"a": [null, true, -1, u64::MAX, 1.5, "x\0", {}], "b": 2})
        );
    }

    /// `raw_value` is on in these tests: [`Value`] reads a text there.
    #[test]
    fn c13_an_object_with_a_private_key_of_the_parser_is_an_object() {
        let text = r#"{"$serde_json::private::RawValue":"\"text\""}"#;
        assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), json!("text"));
        let expected = json!({"$serde_json::private::RawValue": "\"text\""});
        assert_eq!(plain(text).expect("JSON"), expected);
    }

    #[test]
    fn c13_no_key_lets_values_nest_deeper_than_the_parser_allows() {
        let mut text = "1".to_owned();
        for _ in 0..4 {
            let arrays = format!("{}{text}{}", "[".repeat(100), "]".repeat(100));
            text = json!({"$serde_json::private::RawValue": arrays}).to_string();
        }
        let depth = |mut value: Value| {
            let mut depth = 0;
            loop {
                value = match value {
                    Value::Array(items) => items.into_iter().next().unwrap_or_default(),
                    Value::Object(fields) => fields.into_iter().next().map(|(_, v)| v).unwrap_or_default(),
                    _ => return depth,
                };
                depth += 1;
            }
        };
        assert_eq!(depth(serde_json::from_str(&text).expect("JSON")), 400);
        assert_eq!(depth(plain(&text).expect("JSON")), 1);
    }

    #[test]
    fn a_number_of_arbitrary_precision_is_a_number() {
        assert_eq!(
            plain(r#"{"$serde_json::private::Number":"7"}"#).expect("JSON"),
            json!(7)
        );
        assert!(plain(r#"{"$serde_json::private::Number":"seven"}"#).is_err());
        let later = r#"{"a":1,"$serde_json::private::Number":"7"}"#;
        let expected = json!({"a": 1, "$serde_json::private::Number": "7"});
        assert_eq!(plain(later).expect("JSON"), expected);
        let earlier = r#"{"$serde_json::private::Number":"7","a":1}"#;
        assert!(plain(earlier).is_err());
    }
}
