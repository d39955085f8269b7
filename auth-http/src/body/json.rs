use auth_core::{ClosedNetworks, Email, SecretString};
use auth_users::{ProfileError, ProtectedFields};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{MAX_PASSWORD_BYTES, is_too_long, media_type, plain::Plain, wrong_grant};
use crate::{FieldError, HttpError};

/// The byte order mark of UTF-8. Some clients write it, and a parser may ignore it (RFC 8259 §8.1).
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body of a JSON route. It is checked in two steps: malformed JSON before everything else, its fields after the
/// credential.
pub(crate) enum JsonBody {
    Value(Value),
    Empty,
    /// Not `application/json`, for example a form, which another site's page can send without a preflight (Fetch §3.2).
    OtherType,
}

impl JsonBody {
    /// # Errors
    /// [`HttpError::Unprocessable`] if the body is `application/json` and malformed.
    pub(crate) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, HttpError> {
        let is_json = media_type(content_type).is_some_and(|media| {
            media.type_() == mime::APPLICATION
                && (media.subtype() == mime::JSON || media.suffix() == Some(mime::JSON))
        });
        if !is_json {
            return Ok(Self::OtherType);
        }
        if body.is_empty() {
            return Ok(Self::Empty);
        }
        let text = body.strip_prefix(UTF_8_MARK).unwrap_or(body);
        let parsed = serde_json::from_slice(text).map(|Plain(value)| Self::Value(value));
        parsed.map_err(|error| {
            let position = format!("line {} column {}", error.line(), error.column());
            let msg = format!("JSON decode error at {position}");
            HttpError::Unprocessable(vec![FieldError::for_body("json_invalid", msg)])
        })
    }

    /// True if the body is an object with only a text called `field`.
    pub(crate) fn has_only(&self, field: &str) -> bool {
        match self {
            Self::Value(Value::Object(fields)) => {
                fields.len() == 1 && fields.get(field).is_some_and(Value::is_string)
            }
            _ => false,
        }
    }

    /// The fields of the object in the body.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] if there is no object.
    pub(crate) fn into_fields(self) -> Result<Fields, HttpError> {
        let (kind, msg) = match self {
            Self::Value(Value::Object(fields)) => return Ok(Fields::new(fields)),
            Self::Empty => ("missing", "Field required"),
            Self::Value(_) => ("model_attributes_type", "Input should be a valid dictionary"),
            Self::OtherType => (
                "model_attributes_type",
                "The body should be of the type application/json",
            ),
        };
        Err(HttpError::Unprocessable(vec![FieldError::for_body(kind, msg)]))
    }

    /// The items of the array in the body.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] if there is no array.
    pub(crate) fn into_list(self) -> Result<Vec<Value>, HttpError> {
        let (kind, msg) = match self {
            Self::Value(Value::Array(items)) => return Ok(items),
            Self::Empty => ("missing", "Field required"),
            Self::Value(_) => ("list_type", "Input should be a valid list"),
            Self::OtherType => ("list_type", "The body should be of the type application/json"),
        };
        Err(HttpError::Unprocessable(vec![FieldError::for_body(kind, msg)]))
    }

    /// The fields of the object in the body, for a route that requires each by name. Without an object, each is missing.
    pub(crate) fn into_embedded_fields(self) -> Fields {
        match self {
            Self::Value(Value::Object(fields)) => Fields::new(fields),
            Self::Value(_) | Self::Empty | Self::OtherType => Fields::new(Map::new()),
        }
    }
}

/// The fields of a JSON object, which are taken out one by one, and the errors found so far.
pub(crate) struct Fields {
    fields: Map<String, Value>,
    errors: Vec<FieldError>,
    holds_nul: bool,
}

impl Fields {
    fn new(fields: Map<String, Value>) -> Self {
        Self {
            fields,
            errors: Vec::new(),
            holds_nul: false,
        }
    }

    /// A required e-mail.
    pub(crate) fn email(&mut self, closed: &ClosedNetworks) -> Option<Email> {
        let typed = self.string("email")?;
        self.parsed_email(&typed, closed)
    }

    /// An optional e-mail.
    pub(crate) fn optional_email(&mut self, closed: &ClosedNetworks) -> Option<Email> {
        if self.fields.contains_key("email") {
            self.email(closed)
        } else {
            None
        }
    }

    fn parsed_email(&mut self, typed: &str, closed: &ClosedNetworks) -> Option<Email> {
        let email = Email::parse_within(typed, closed);
        if let Err(error) = &email {
            self.errors
                .push(FieldError::new("value_error", "email", format!("{error}")));
        }
        email.ok()
    }

    /// A required password.
    pub(crate) fn password(&mut self) -> Option<SecretString> {
        let password = self.string("password")?;
        if is_too_long(&password) {
            self.errors.push(too_long("password"));
            return None;
        }
        Some(password.into())
    }

    /// An optional password, which may be null.
    pub(crate) fn optional_password(&mut self) -> Option<SecretString> {
        match self.fields.get("password") {
            None | Some(Value::Null) => {
                self.fields.remove("password");
                None
            }
            Some(_) => self.password(),
        }
    }

    /// A required string.
    pub(crate) fn string(&mut self, field: &str) -> Option<String> {
        match self.fields.remove(field) {
            Some(Value::String(value)) => return Some(value),
            Some(_) => self.errors.push(FieldError::new(
                "string_type",
                field,
                "Input should be a valid string",
            )),
            None => self.errors.push(FieldError::missing(field)),
        }
        None
    }

    /// A required string, which is not empty.
    pub(crate) fn filled(&mut self, field: &str) -> Option<String> {
        let value = self.string(field)?;
        if value.is_empty() {
            let msg = "String should have at least 1 character";
            self.errors.push(FieldError::new("string_too_short", field, msg));
            return None;
        }
        Some(value)
    }

    /// Requires `grant_type` to be `expected`, if there is one that is not null.
    pub(crate) fn grant_type(&mut self, expected: &str) {
        let grant = self.fields.remove("grant_type").filter(|grant| !grant.is_null());
        if grant.is_some_and(|grant| grant != expected) {
            self.errors.push(wrong_grant(expected));
        }
    }

    /// An optional flag, in any of the forms that pydantic reads.
    pub(crate) fn flag(&mut self, field: &str) -> Option<bool> {
        let value = self.fields.remove(field)?;
        let flag = boolean(&value);
        if flag.is_none() {
            self.errors.push(match value {
                Value::String(_) | Value::Number(_) => {
                    let msg = "Input should be a valid boolean, unable to interpret input";
                    FieldError::new("bool_parsing", field, msg)
                }
                _ => FieldError::new("bool_type", field, "Input should be a valid boolean"),
            });
        }
        flag
    }

    /// A flag that is checked but not used. It may be null.
    pub(crate) fn ignored_flag(&mut self, field: &str) {
        if self.fields.get(field) == Some(&Value::Null) {
            self.fields.remove(field);
        }
        self.flag(field);
    }

    /// The remaining fields: those of the profile, and unknown ones. `id` is never among them.
    pub(crate) fn take_rest(&mut self) -> Map<String, Value> {
        let mut rest = std::mem::take(&mut self.fields);
        rest.remove("id");
        rest
    }

    /// Removes the fields that the body must not set.
    pub(crate) fn ignore(&mut self, fields: &ProtectedFields) {
        fields.strip(&mut self.fields);
    }

    /// The profile, read from the remaining fields.
    pub(crate) fn profile<P: Serialize>(&mut self, profile: Result<P, ProfileError>) -> Option<P> {
        match &profile {
            Ok(profile) => {
                self.holds_nul = serde_json::to_value(profile).is_ok_and(|profile| holds_nul(&profile))
            }
            Err(error) => self.errors.push(error.into()),
        }
        profile.ok()
    }

    /// The fields that were taken out, if none had an error.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] with all errors. After that, [`HttpError::BadRequest`] if a string of the profile
    /// contains a NUL, which some stores cannot keep.
    pub(crate) fn finish<T>(self, taken: Option<T>) -> Result<T, HttpError> {
        match taken {
            Some(_) if self.errors.is_empty() && self.holds_nul => Err(HttpError::BadRequest),
            Some(taken) if self.errors.is_empty() => Ok(taken),
            _ => Err(HttpError::Unprocessable(self.errors)),
        }
    }
}

pub(super) fn too_long(field: &str) -> FieldError {
    let msg = format!("String should have at most {MAX_PASSWORD_BYTES} bytes");
    FieldError::new("string_too_long", field, msg)
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
            "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use auth_users::PathStep;

    use super::*;

    fn fields(json: &str) -> Fields {
        JsonBody::parse(Some("application/json"), json.as_bytes())
            .expect("json")
            .into_fields()
            .expect("object")
    }

    #[test]
    fn x3_only_json_is_read_as_json() {
        for other in [
            None,
            Some("text/plain"),
            Some("text/plain; application/json"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("nonsense"),
        ] {
            assert!(
                matches!(JsonBody::parse(other, b"{}"), Ok(JsonBody::OtherType)),
                "{other:?}"
            );
        }
        for json in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/merge-patch+json",
        ] {
            assert!(
                matches!(JsonBody::parse(Some(json), b"{}"), Ok(JsonBody::Value(_))),
                "{json}"
            );
        }
    }

    #[test]
    fn c10_json_may_begin_with_the_byte_order_mark_of_utf_8_and_no_other() {
        let parse = |body: &[u8]| JsonBody::parse(Some("application/json"), body);
        assert!(matches!(
            parse(b"\xef\xbb\xbf{\"a\":1}"),
            Ok(JsonBody::Value(Value::Object(fields))) if fields["a"] == 1
        ));
        for body in [
            &b"\xef\xbb\xbf"[..],
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            b" \xef\xbb\xbf{}",
            b"\xef\xbb{}",
            b"\xff\xfe{\0}\0",
            b"\xfe\xff\0{\0}",
            b"\0\0\xfe\xff\0\0\0{\0\0\0}",
            b"+/v8-{}",
        ] {
            assert!(
                matches!(parse(body), Err(HttpError::Unprocessable(_))),
                "{body:?}"
            );
        }
    }

    #[test]
    fn malformed_json_is_a_422_and_never_a_panic() {
        let deep = "[".repeat(16_000);
        for body in [
            "{",
            "{'a':1}",
            "\u{0}",
            "{\"a\":1}x",
            "nul",
            "1e999",
            "\"\u{0}\"",
            &deep,
        ] {
            let parsed = JsonBody::parse(Some("application/json"), body.as_bytes());
            assert!(matches!(parsed, Err(HttpError::Unprocessable(_))), "{body:?}");
        }
        assert!(JsonBody::parse(Some("application/json"), b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let mut fields = fields(r#"{"email":null,"is_active":[],"password":7}"#);
        assert!(
            fields.email(&ClosedNetworks::default()).is_none()
                && fields.password().is_none()
                && fields.flag("is_active").is_none()
        );
        let Err(HttpError::Unprocessable(errors)) = fields.finish(None::<()>) else {
            panic!("no error")
        };
        let named: Vec<_> = errors.iter().map(|error| (error.kind, &*error.loc)).collect();
        let expected = [
            ("string_type", "email"),
            ("string_type", "password"),
            ("bool_type", "is_active"),
        ];
        let expected = expected.map(|(kind, field)| (kind, [PathStep::Key(field.to_owned())]));
        assert_eq!(named, expected.each_ref().map(|(kind, loc)| (*kind, &loc[..])));
    }

    #[test]
    fn a_flag_is_read_as_pydantic_reads_it() {
        for (json, flag) in [
            ("true", Some(true)),
            ("false", Some(false)),
            ("1", Some(true)),
            ("0", Some(false)),
            ("1.0", Some(true)),
            ("\"yes\"", Some(true)),
            ("\"OFF\"", Some(false)),
            ("2", None),
            ("\"\"", None),
            ("{}", None),
            ("null", None),
        ] {
            assert_eq!(fields(&format!("{{\"f\":{json}}}")).flag("f"), flag, "{json}");
        }
    }
}
