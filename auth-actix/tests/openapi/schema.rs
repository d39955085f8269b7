//! As much of JSON Schema as the document uses.

use serde_json::Value;

/// What of `value` is not as `schema` says, where `document` holds the schemas that are referred to.
pub(crate) fn problem(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let unlike = |about: &str| Some(format!("{value} is not {about}, as {schema} says"));
    if let Some(reference) = schema["$ref"].as_str() {
        let target = resolve(document, reference)?;
        return problem(document, target, value);
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[keyword].as_array()
            && choices
                .iter()
                .all(|choice| problem(document, choice, value).is_some())
        {
            return unlike("any of these");
        }
    }
    if let Some(parts) = schema["allOf"].as_array()
        && let Some(problem) = parts.iter().find_map(|part| problem(document, part, value))
    {
        return Some(problem);
    }
    let types = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(kind, value)) {
        return unlike("of the type");
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return unlike("one of the values");
    }
    if schema["format"] == "uuid"
        && value
            .as_str()
            .is_none_or(|text| text.parse::<uuid::Uuid>().is_err())
    {
        return unlike("a UUID");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.is_object() && value.get(name.as_str().unwrap_or_default()).is_none() {
            return unlike("complete");
        }
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, field) in fields {
            let Some(schema) = properties.get(name) else {
                return Some(format!("{name} is not described"));
            };
            if let Some(problem) = problem(document, schema, field) {
                return Some(problem);
            }
        }
    }
    let items = value.as_array().into_iter().flatten();
    items
        .filter(|_| schema["items"].is_object())
        .find_map(|item| problem(document, &schema["items"], item))
}

/// What a reference within the document refers to.
pub(crate) fn resolve<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    document.pointer(reference.strip_prefix('#')?)
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}
