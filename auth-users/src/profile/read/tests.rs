use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(default)]
    by_number: BTreeMap<i16, f32>,
    #[serde(default)]
    by_flag: BTreeMap<bool, Option<char>>,
    #[serde(default)]
    by_kind: BTreeMap<Option<Kind>, ()>,
    #[serde(default)]
    kinds: Vec<Kind>,
    #[serde(default)]
    pair: Option<(u8, Wrapped)>,
    #[serde(default)]
    id: Option<uuid::Uuid>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Page,
    Squire(Wrapped),
    Knight(u8, i64),
    King { of: String },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Wrapped(String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Rest {
    A { age: u8 },
    B(BTreeMap<String, Value>),
}

/// True if both read it, and read the same.
fn agrees<P: Profile + DeserializeOwned + PartialEq>(value: &Value) -> bool {
    let fields = value.as_object().cloned().expect("object");
    let (ours, theirs) = (read::<P>(fields), serde_json::from_value::<P>(value.clone()));
    assert_eq!(
        ours.as_ref().ok(),
        theirs.as_ref().ok(),
        "{value}: {ours:?} {theirs:?}"
    );
    ours.is_ok()
}

#[test]
fn what_serde_json_reads_is_read_and_nothing_else() {
    for good in [
        json!({}),
        json!({"by_number": {"-7": 1, "300": 2.5}, "by_flag": {"true": "x", "false": null}}),
        json!({"by_kind": {"page": null}}),
        json!({"kinds": ["page", {"page": null}, {"squire": "Tor"}, {"knight": [1, -2]}, {"king": {"of": "Orkney"}}]}),
        json!({"pair": [255, "x"], "id": "01980000-0000-7000-8000-000000000000"}),
    ] {
        assert!(agrees::<Whole>(&good), "{good}");
    }
    for bad in [
        json!({"unknown": 1}),
        json!({"by_number": {"seven": 1}}),
        json!({"by_number": {"1.5": 1}}),
        json!({"by_number": {"70000": 1}}),
        json!({"by_number": {" 7": 1}}),
        json!({"by_flag": {"1": "x"}}),
        json!({"by_flag": {"true": "xy"}}),
        json!({"by_kind": {"squire": null}}),
        json!({"kinds": {"page": null}}),
        json!({"kinds": ["squire"]}),
        json!({"kinds": [{"page": 1}]}),
        json!({"kinds": [{"page": null, "squire": "Tor"}]}),
        json!({"kinds": [{}]}),
        json!({"kinds": [7]}),
        json!({"kinds": [{"knight": [1]}]}),
        json!({"kinds": [{"knight": [1, 2, 3]}]}),
        json!({"pair": [1, "x", 2]}),
        json!({"pair": [-1, "x"]}),
        json!({"pair": [1.0, "x"]}),
        json!({"id": "s3cret"}),
    ] {
        assert!(!agrees::<Whole>(&bad), "{bad}");
    }
    assert!(agrees::<Flat>(&json!({"name": "Tor", "kind": "A", "age": 7})));
    assert!(agrees::<Flat>(
        &json!({"name": "Tor", "kind": "B", "x": [1, {"y": null}]})
    ));
    assert!(!agrees::<Flat>(&json!({"name": "Tor", "kind": "A", "age": 256})));
    assert!(!agrees::<Flat>(&json!({"name": "Tor", "age": 7})));
}

#[test]
fn an_error_names_the_way_and_what_was_expected_and_not_what_was_there() {
    for (value, field, message) in [
        (
            json!({"kinds": ["page", {"king": {"of": ["s3cret"]}}]}),
            "kinds.1.king.of",
            "Input should be a string",
        ),
        (
            json!({"kinds": [{"king": {}}]}),
            "kinds.0.king.of",
            "Field required",
        ),
        (
            json!({"kinds": ["s3cret"]}),
            "kinds.0",
            "Input should be one of `page`, `squire`, `knight`, `king`",
        ),
        (
            json!({"by_number": {"7": "s3cret"}}),
            "by_number.7",
            "Input should be f32",
        ),
        (json!({"pair": ["s3cret", "x"]}), "pair.0", "Input should be u8"),
        (json!({"id": "s3cret"}), "id", "Input is not valid"),
    ] {
        let fields = value.as_object().cloned().expect("object");
        let error = read::<Whole>(fields).expect_err(field);
        assert_eq!((error.field(), error.message()), (Some(field), message));
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    let fields = json!({"s3cret": 1}).as_object().cloned().expect("object");
    let error = read::<Whole>(fields).expect_err("unknown");
    assert_eq!((error.field(), error.message()), (None, "Input is not valid"));
    let fields = json!({"name": "Tor", "kind": "A"})
        .as_object()
        .cloned()
        .expect("object");
    let error = read::<Flat>(fields).expect_err("no age");
    assert_eq!((error.field(), error.message()), (Some("age"), "Field required"));
}
