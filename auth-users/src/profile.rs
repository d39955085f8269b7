//! The conversion of the application's own fields from and to JSON.

mod error;
mod hidden;
mod protected;
mod read;

use auth_core::Profile;
use serde_json::{Map, Value};

use read::read;

pub use error::{PathStep, ProfileError};
pub(crate) use hidden::{HiddenFields, MergeError};
pub use protected::{ProtectedFields, check_profile_names};

/// The names that never belong to a profile.
const RESERVED: [&str; 7] = [
    "id",
    "email",
    "password",
    "is_active",
    "is_superuser",
    "is_verified",
    "roles",
];

/// Makes a profile of `fields`. It ignores those that never belong to a profile: `id`, `email`, `password`,
/// the flags and `roles`.
///
/// # Errors
/// [`ProfileError`] naming the field that is missing or of the wrong type.
pub(crate) fn new_profile<P: Profile>(fields: Map<String, Value>) -> Result<P, ProfileError> {
    read(strip(fields))
}

/// Applies the JSON merge patch `patch` (RFC 7396) to `profile`. A field that it does not name stays the same. `null`
/// removes a field.
///
/// A field that `P` does not write is lost, unless the patch is empty. To keep it, use a
/// [`UserManager`](crate::UserManager) with [`hidden_field`](crate::UserManagerBuilder::hidden_field).
///
/// # Errors
/// [`ProfileError`] naming the field that is missing or of the wrong type after the patch.
pub fn merge_profile<P: Profile>(profile: &P, patch: &Map<String, Value>) -> Result<P, ProfileError> {
    let patch = strip(patch.clone());
    if patch.is_empty() {
        return Ok(profile.clone());
    }
    let mut fields = fields_of(profile)?;
    merge(&mut fields, patch);
    read(fields)
}

/// The fields of `profile` as JSON.
pub(crate) fn fields_of<P: Profile>(profile: &P) -> Result<Map<String, Value>, ProfileError> {
    match serde_json::to_value(profile) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) | Err(_) => {
            let message = "The profile is not an object";
            Err(ProfileError::new(Vec::new(), "value_error", message))
        }
    }
}

/// The part of a name that is usually the same in Rust and in JSON.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|character| character.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn strip(mut fields: Map<String, Value>) -> Map<String, Value> {
    for name in RESERVED {
        fields.remove(name);
    }
    fields
}

/// RFC 7396 §2.
fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, change) in patch {
        match change {
            Value::Null => {
                target.remove(&name);
            }
            Value::Object(change) => {
                let slot = target.entry(name).or_insert(Value::Null);
                let mut inner = match slot.take() {
                    Value::Object(inner) => inner,
                    _ => Map::new(),
                };
                merge(&mut inner, change);
                *slot = Value::Object(inner);
            }
            change => {
                target.insert(name, change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Person {
        first_name: String,
        #[serde(default)]
        nickname: Option<String>,
        age: u8,
        address: Address,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Address {
        city: String,
        #[serde(default)]
        tags: BTreeMap<String, Color>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Color {
        Red,
        Green,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Nothing;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("object")
    }

    fn grace() -> Person {
        let fields =
            json!({"first_name": "Grace", "age": 85, "address": {"city": "Arlington", "tags": {"a": "red"}}});
        new_profile(map(fields)).expect("person")
    }

    fn patched(patch: Value) -> Result<Person, ProfileError> {
        merge_profile(&grace(), &map(patch))
    }

    #[test]
    fn a_merge_patch_changes_what_it_names_and_null_removes() {
        assert_eq!(patched(json!({})).expect("unchanged"), grace());
        let person =
            patched(json!({"nickname": "Amazing", "address": {"tags": {"b": "green"}}})).expect("person");
        assert_eq!(person.nickname.as_deref(), Some("Amazing"));
        assert_eq!(person.first_name, "Grace");
        assert_eq!(person.address.city, "Arlington");
        let tags = BTreeMap::from([("a".to_owned(), Color::Red), ("b".to_owned(), Color::Green)]);
        assert_eq!(person.address.tags, tags);
        let back = merge_profile(
            &person,
            &map(json!({"nickname": null, "address": {"tags": {"b": null}}})),
        );
        assert_eq!(back.expect("person"), grace());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (patch, field, kind, message) in [
            (
                json!({"first_name": null}),
                "first_name",
                "missing",
                "Field required",
            ),
            (
                json!({"address": {"city": null}}),
                "address.city",
                "missing",
                "Field required",
            ),
            (
                json!({"first_name": 7}),
                "first_name",
                "value_error",
                "Input should be a string",
            ),
            (json!({"age": 256}), "age", "value_error", "Input should be u8"),
            (
                json!({"address": {"city": ["x"]}}),
                "address.city",
                "value_error",
                "Input should be a string",
            ),
            (
                json!({"address": {"tags": {"a": "blue"}}}),
                "address.tags.a",
                "value_error",
                "Input should be `red` or `green`",
            ),
        ] {
            let error = patched(patch).expect_err(field);
            assert_eq!(
                (error.field(), error.kind(), error.message()),
                (Some(field), kind, message)
            );
        }
        let error = patched(json!({"address": {"city": null}})).expect_err("no city");
        let path = ["address", "city"].map(|key| PathStep::Key(key.to_owned()));
        assert_eq!(error.path(), path);
        let error = new_profile::<Person>(Map::new()).expect_err("nothing is there");
        assert_eq!((error.field(), error.kind()), (Some("first_name"), "missing"));
    }

    #[test]
    fn deviation_7_an_error_does_not_repeat_the_value() {
        for value in [
            json!("s3cret"),
            json!(["s3cret"]),
            json!({"s3cret": 1}),
            json!("s3cret, expected s3cret"),
        ] {
            let error = patched(json!({"age": value})).expect_err("no number");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
        let error = patched(json!({"address": {"tags": {"a": "s3cret"}}})).expect_err("no color");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }

    #[test]
    fn v2_a_profile_takes_no_flag_id_email_or_password() {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct All(Map<String, Value>);

        let fields = json!({
            "id": 1, "email": "a@b.example", "password": "x", "is_active": true, "is_superuser": true,
            "is_verified": true, "x": 1,
        });
        let all: All = new_profile(map(fields.clone())).expect("any fields");
        assert_eq!(Value::Object(all.0.clone()), json!({"x": 1}));
        let merged = merge_profile(&all, &map(fields)).expect("any fields");
        assert_eq!(merged.0, all.0);
    }

    #[test]
    fn the_profile_without_fields_passes_over_every_field() {
        let fields = map(json!({"first_name": "Grace", "is_superuser": true}));
        new_profile::<()>(fields.clone()).expect("unit");
        merge_profile(&(), &fields).expect("unit");
        assert_eq!(
            new_profile::<Nothing>(fields.clone()).expect("unit struct"),
            Nothing
        );
        merge_profile(&Nothing, &fields).expect("unit struct");
        assert_eq!(
            new_profile::<Option<Nothing>>(fields).expect("option"),
            Some(Nothing)
        );
    }

    #[test]
    fn u1_a_refused_field_has_its_name_in_json() {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Smith {
            first_name: String,
            anvils: i32,
            #[serde(rename = "anVils")]
            others: i32,
        }

        let smith = Smith {
            first_name: String::new(),
            anvils: 1,
            others: 2,
        };
        for (field, name) in [
            (Some("first_name"), Some("firstName")),
            (Some("firstName"), Some("firstName")),
            (Some("anvils"), Some("anvils")),
            (Some("AN_VILS"), None),
            (Some("others"), None),
            (None, None),
        ] {
            assert_eq!(ProfileError::refused(&smith, field).field(), name, "{field:?}");
        }
    }
}
