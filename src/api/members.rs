//! Reads the members of an error answer, under the names that servers use.

use serde_json::{Map, Value};

use super::field_path::{paths_in, without_paths};

/// Keys of the ids of refused contacts.
pub(super) const ID_KEYS: [&str; 6] = [
    "ids",
    "id",
    "contact_ids",
    "contact_id",
    "contactIds",
    "contactId",
];

/// Keys below which an id is a contact's.
pub(super) const DATA_KEYS: [&str; 5] = ["data", "errors", "details", "contacts", "message"];

pub(super) const MESSAGE_KEYS: [&str; 8] = [
    "description",
    "message",
    "error_description",
    "msg",
    "reason",
    "detail",
    "messages",
    "constraints",
];

/// Keys of the invalid field, or of its path.
pub(super) const FIELD_KEYS: [&str; 8] = [
    "fields",
    "field",
    "property",
    "path",
    "instancePath",
    "loc",
    "key",
    "param",
];

/// True for an entry about a contact without errors.
pub(super) fn is_success(entries: &Map<String, Value>) -> bool {
    let says = |key: &str, is_good: &dyn Fn(&Value) -> bool| entries.get(key).is_some_and(is_good);
    let is_true = |value: &Value| value == true;
    let is_good_status = |value: &Value| match value {
        Value::String(word) => {
            ["ok", "success", "created", "updated"].contains(&&*word.to_lowercase())
        }
        value => value
            .as_u64()
            .is_some_and(|status| (200..300).contains(&status)),
    };
    says("success", &is_true)
        || says("ok", &is_true)
        || says("status", &is_good_status)
        || says("error", &Value::is_null)
}

/// The path to the value of this key.
pub(super) fn extended(path: &str, key: &str) -> String {
    let is_neutral = [
        "children",
        "constraints",
        "errors",
        "error",
        "data",
        "details",
    ]
    .contains(&key);
    if key == "contacts" || !paths_in(key).is_empty() {
        key.to_owned()
    } else if path.is_empty() || is_neutral || MESSAGE_KEYS.contains(&key) {
        path.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The fields or paths in the value of one of [`FIELD_KEYS`].
fn fields_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(field) => vec![field.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().flat_map(fields_of).collect();
            match parts.iter().position(|part| part == "contacts") {
                // `["body","contacts",3,"name"]` is one path.
                Some(start) => vec![parts[start..].join(".")],
                None => parts,
            }
        }
        Value::Object(entries) => entries.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The fields or paths that an object names.
pub(super) fn own_fields(entries: &Map<String, Value>) -> Vec<String> {
    let values = FIELD_KEYS.iter().filter_map(|key| entries.get(*key));
    values.flat_map(fields_of).collect()
}

/// The messages of an object about a contact.
pub(super) fn own_messages(entries: &Map<String, Value>) -> Vec<String> {
    let mut values = MESSAGE_KEYS.iter().filter_map(|key| entries.get(*key));
    let mut found = values.find_map(|value| {
        let leaves = leaves(value);
        (!leaves.is_empty()).then_some(leaves)
    });
    // `"fields":{"name":"too long"}`
    if found.is_none()
        && let Some(fields @ Value::Object(_)) = entries.get("fields")
    {
        found = Some(leaves(fields));
    }
    found.unwrap_or_default()
}

/// The texts in a value, without those in nested parts.
fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if !is_json(text) => without_paths(text).into_iter().collect(),
        Value::Array(items) => items
            .iter()
            .filter(|it| it.is_string())
            .flat_map(leaves)
            .collect(),
        Value::Object(entries) => entries
            .values()
            .filter(|it| !it.is_object())
            .flat_map(leaves)
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn as_index(value: &Value) -> Option<usize> {
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    usize::try_from(number).ok()
}

pub(super) fn ids_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(id) => vec![id.clone()],
        Value::Number(id) => vec![id.to_string()],
        Value::Array(items) => items.iter().flat_map(ids_of).collect(),
        _ => Vec::new(),
    }
}

/// True for text that looks like JSON, which is never shown.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}
