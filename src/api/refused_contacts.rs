//! Finds the contacts that a refusal names, with the invalid fields and the server's messages.
//!
//! | shape | example |
//! |---|---|
//! | one contact | `{"error":"X","description":"…","data":{"index":3,"field":"name"}}` |
//! | a list | `{"error":"X","data":[{"index":3,"fields":["name"]},{"index":7,"message":"…"}]}`, `{"data":{"indexes":[3,7]}}` |
//! | messages | `{"message":["contacts.3.name is too long","contacts[7].uri is missing"]}` |
//! | a path as a field or a key | `{"field":"contacts[3].uri","message":"…"}`, `{"errors":{"contacts[3].name":["too long"]}}` |
//! | ids | `{"data":{"ids":["a","b"]}}`, `{"data":[{"id":"a"}]}` |
//!
//! Each of them may be nested in others. An answer in any other form names no contact, so these are found by halving
//! the batch.
//!
//! A wrong guess would reject another row. So an index counts only if the answer states it explicitly: with the
//! key `index` or in a path below `contacts`. Numbers elsewhere and positions in lists don't count.

use serde_json::{Map, Value};

use super::field_path::{known_field, paths_in, without_paths};
use crate::characters::plain;

/// Maximum depth to which an answer is searched.
pub(super) const DEPTH_MAX: usize = 12;

/// Maximum number of errors about one contact.
const ERRORS_MAX: usize = 10;

/// Keys of the ids of refused contacts.
const ID_KEYS: [&str; 6] = [
    "ids",
    "id",
    "contact_ids",
    "contact_id",
    "contactIds",
    "contactId",
];

/// Keys below which an id is a contact's.
const DATA_KEYS: [&str; 5] = ["data", "errors", "details", "contacts", "message"];

/// Keys of messages, the most specific first.
pub(super) const MESSAGE_KEYS: [&str; 7] = [
    "description",
    "message",
    "error_description",
    "msg",
    "reason",
    "detail",
    "messages",
];

/// Keys of the invalid field, or of its path.
const FIELD_KEYS: [&str; 4] = ["fields", "field", "property", "path"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RefusedContact {
    /// Its index in the batch; absent if it was sent alone and the answer states another index.
    pub index: Option<usize>,
    pub id: Option<String>,
    pub errors: Vec<FieldError>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The path of the field within the contact, if the field is known: `contact_data.0.chat_id`.
    pub field: Option<String>,
    /// The server's message about this contact, if there is one.
    pub message: Option<String>,
}

impl RefusedContact {
    /// Adds an error, unless another one about the same field says as much.
    fn add(&mut self, error: FieldError) {
        let says_as_much = |it: &FieldError| {
            let messages = [&it.message, &error.message];
            it.field == error.field && (messages.contains(&&None) || it.message == error.message)
        };
        match self.errors.iter().position(says_as_much) {
            _ if error == FieldError::default() => {}
            Some(at) => {
                let message = &mut self.errors[at].message;
                *message = message.take().or(error.message);
            }
            None if self.errors.len() < ERRORS_MAX => self.errors.push(error),
            None => {}
        }
    }
}

/// The distinct contacts named by an answer to a request with this number of `entities`.
pub(super) fn named(answer: &Value, entities: usize) -> Vec<RefusedContact> {
    let mut reader = RefusalReader {
        entities,
        contacts: Vec::new(),
    };
    reader.value(answer, false, DEPTH_MAX);
    reader.contacts
}

/// Collects the contacts that an answer names.
struct RefusalReader {
    entities: usize,
    contacts: Vec<RefusedContact>,
}

impl RefusalReader {
    /// `may_hold_ids`: whether an id in it is a contact's.
    fn value(&mut self, value: &Value, may_hold_ids: bool, depth: usize) {
        if depth == 0 {
            return;
        }
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                for item in items {
                    self.value(item, may_hold_ids, depth - 1);
                }
            }
            Value::Object(entries) => self.object(entries, may_hold_ids, depth),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let named = paths_in(text);
        let mut messages = Vec::with_capacity(named.len());
        let (mut end, mut message) = (text.len(), without_paths(text));
        for found in named.iter().rev() {
            // In a list (`contacts.3.name, contacts.7.name are too long`), the message follows the last path.
            message = found.message(text, end).or(message);
            messages.push(message.clone());
            end = found.start;
        }
        for (found, message) in named.iter().zip(messages.into_iter().rev()) {
            self.add(found.index, &found.tail, message);
        }
    }

    fn object(&mut self, entries: &Map<String, Value>, may_hold_ids: bool, depth: usize) {
        let messages = own_messages(entries);
        let values = |keys: &[&str]| -> Vec<String> {
            let values = keys.iter().filter_map(|key| entries.get(*key));
            values.flat_map(texts_of).collect()
        };
        let index = entries.get("index").and_then(as_index);
        let ids = if may_hold_ids && index.is_none() {
            values(&ID_KEYS)
        } else {
            Vec::new()
        };
        if (index.is_some() || !ids.is_empty()) && is_success(entries) {
            return;
        }
        let fields = values(&FIELD_KEYS);
        let mut is_named = index.is_some() || !ids.is_empty();
        for (at, field) in fields.iter().enumerate() {
            let message = if messages.len() == fields.len() {
                Some(messages[at].clone())
            } else {
                joined(&messages)
            };
            if let Some(found) = paths_in(field).first() {
                is_named = true;
                self.add(found.index, &found.tail, message);
            } else if index.is_some() {
                self.add(index, field, message);
            } else {
                self.add_ids(&ids, field, message.as_ref());
            }
        }
        if fields.is_empty() && index.is_some() {
            self.add(index, "", joined(&messages));
        } else if fields.is_empty() {
            self.add_ids(&ids, "", joined(&messages).as_ref());
        }
        for list in ["indexes", "indices"].map(|key| entries.get(key)) {
            let indexes = list.and_then(Value::as_array).into_iter().flatten();
            indexes.for_each(|index| self.add(as_index(index), "", None));
        }
        self.members(entries, is_named, depth - 1);
    }

    /// Reads the members of an object other than its fields, and its messages if they were added.
    fn members(&mut self, entries: &Map<String, Value>, is_named: bool, depth: usize) {
        for (key, value) in entries {
            let is_message = is_named && MESSAGE_KEYS.contains(&key.as_str());
            if is_message || FIELD_KEYS.contains(&key.as_str()) || key == "meta" {
                continue;
            }
            for found in paths_in(key) {
                for message in texts_of(value) {
                    self.add(found.index, &found.tail, Some(message));
                }
            }
            self.value(value, DATA_KEYS.contains(&key.as_str()), depth);
        }
    }

    fn add(&mut self, index: Option<usize>, path: &str, message: Option<String>) {
        let index = index.filter(|index| *index < self.entities);
        // A contact that was sent alone is the refused one, whatever the index.
        if index.is_some() || self.entities == 1 {
            self.add_error(index, None, path, message);
        }
    }

    fn add_ids(&mut self, ids: &[String], path: &str, message: Option<&String>) {
        // An answer can't be right that names more contacts than were sent.
        for id in ids.iter().take(2 * self.entities) {
            self.add_error(None, Some(id), path, message.cloned());
        }
    }

    fn add_error(
        &mut self,
        index: Option<usize>,
        id: Option<&String>,
        path: &str,
        message: Option<String>,
    ) {
        let same = |it: &RefusedContact| (it.index, it.id.as_ref()) == (index, id);
        let place = self.contacts.iter().position(same);
        let place = place.unwrap_or_else(|| {
            self.contacts.push(RefusedContact {
                index,
                id: id.cloned(),
                errors: Vec::new(),
            });
            self.contacts.len() - 1
        });
        self.contacts[place].add(FieldError {
            field: known_field(path),
            message: message.map(|text| plain(&text)).filter(|it| !it.is_empty()),
        });
    }
}

fn joined(messages: &[String]) -> Option<String> {
    Some(messages.join("; ")).filter(|text| !text.is_empty())
}

/// True for an entry about a contact without errors, in an answer that lists the state of each.
fn is_success(entries: &Map<String, Value>) -> bool {
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

/// The messages of an object about a contact.
fn own_messages(entries: &Map<String, Value>) -> Vec<String> {
    let mut keys = MESSAGE_KEYS.iter().chain(&["error"]);
    let found = keys.find_map(|key| entries.get(*key).map(texts_of).filter(|it| !it.is_empty()));
    let texts = found.unwrap_or_default();
    let messages = texts.iter().filter(|text| !is_json(text));
    messages.filter_map(|text| without_paths(text)).collect()
}

/// A text or a number, or those in a list.
fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().flat_map(texts_of).collect(),
        _ => Vec::new(),
    }
}

fn as_index(value: &Value) -> Option<usize> {
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    usize::try_from(number).ok()
}

/// True for text that looks like JSON, which is never shown.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each contact as `index or id: field|message, …`.
    fn read(body: &str) -> Vec<String> {
        let answer = serde_json::from_str(body).unwrap_or_default();
        let shown = |text: &Option<String>| text.clone().unwrap_or_default();
        let contact = |it: RefusedContact| {
            let errors = it.errors.iter();
            let errors: Vec<_> = errors
                .map(|it| format!("{}|{}", shown(&it.field), shown(&it.message)))
                .collect();
            let place = it.index.map(|index| index.to_string()).or(it.id);
            format!("{}: {}", place.unwrap_or_default(), errors.join(", "))
        };
        named(&answer, 100).into_iter().map(contact).collect()
    }

    #[test]
    fn contacts_fields_and_messages_are_found_in_every_shape() {
        let table: &[(&str, &[&str])] = &[
            // One contact.
            (
                r#"{"error":"X","description":"odd","data":{"index":3,"field":"name"}}"#,
                &["3: name|"],
            ),
            (r#"{"error":"X","data":{"index":"3"}}"#, &["3: "]),
            // Lists.
            (r#"{"error":"X","data":{"indexes":[3,7]}}"#, &["3: ", "7: "]),
            (
                r#"{"error":"X","description":"odd","data":[{"index":3,"fields":["name"]},{"index":7,"fields":["contact_data"]}]}"#,
                &["3: name|", "7: contact_data|"],
            ),
            (
                r#"{"data":[{"index":1,"fields":["name","uri"],"messages":["name is long","uri is bad"]}]}"#,
                &["1: name|name is long, uri|uri is bad"],
            ),
            (
                r#"{"data":[{"index":1,"code":"bad","error":"name is odd"}]}"#,
                &["1: |name is odd"],
            ),
            // Sentences.
            (
                r#"{"statusCode":400,"message":["contacts.37.name must be shorter","contacts.37.property foo should not exist","contacts.4.contact_data.0.chat_id should not be empty"],"error":"Bad Request"}"#,
                &[
                    "37: name|name must be shorter, |property foo should not exist",
                    "4: contact_data.0.chat_id|chat_id should not be empty",
                ],
            ),
            (
                r#"{"message":"contacts[3].name is too long; contacts[7].uri is missing"}"#,
                &["3: name|name is too long", "7: uri|uri is missing"],
            ),
            (
                r#"{"message":"contacts.3.name, contacts.7.name are too long"}"#,
                &["3: name|name are too long", "7: name|name are too long"],
            ),
            (
                r#"{"message":"contacts.3: the contact is odd"}"#,
                &["3: |the contact is odd"],
            ),
            (
                r#"{"description":"the contacts: \"contacts.3.name\" is too long"}"#,
                &["3: name|name is too long"],
            ),
            (
                r#"{"message":"Validation failed for contacts[3].name: too long"}"#,
                &["3: name|name: too long"],
            ),
            (
                r#"{"message":"Invalid fields: contacts[2].uri"}"#,
                &["2: uri|Invalid fields: uri"],
            ),
            (
                r#"{"message":["contact_ids.2 must be a string"]}"#,
                &["2: |the contact must be a string"],
            ),
            // Nested.
            (
                r#"{"status":400,"requestId":"5","error":{"code":"X","message":"odd","data":[{"index":3,"field":"contact_data.0.chat_id","message":"chat_id should not be empty"}]}}"#,
                &["3: contact_data.0.chat_id|chat_id should not be empty"],
            ),
            (
                r#"{"error":{"message":["contacts[3].name is too long"]}}"#,
                &["3: name|name is too long"],
            ),
            (
                r#"{"error":"X","data":{"contacts[3].name":["too long"]}}"#,
                &["3: name|too long"],
            ),
            (
                r#"{"errors":["contacts.1.name is bad","contacts.2.name is bad"]}"#,
                &["1: name|name is bad", "2: name|name is bad"],
            ),
            // Paths.
            (
                r#"{"errors":[{"field":"contacts[2].uri","code":"invalid","message":"uri must be a link"}]}"#,
                &["2: uri|uri must be a link"],
            ),
            (
                r#"{"error":"X","data":{"fields":["contacts[3].uri"]}}"#,
                &["3: uri|"],
            ),
            // Ids.
            (r#"{"error":"X","data":{"ids":["a","b"]}}"#, &["a: ", "b: "]),
            (r#"{"error":"X","data":{"contactId":7}}"#, &["7: "]),
            (
                r#"{"error":"X","data":[{"id":"q","fields":["name"],"message":"name is odd"}]}"#,
                &["q: name|name is odd"],
            ),
            (
                r#"{"error":"X","data":{"contacts":[{"id":"a"},{"name":"x"}]}}"#,
                &["a: "],
            ),
        ];
        for (body, expected) in table {
            assert_eq!(read(body), *expected, "{body}");
        }
    }

    #[test]
    fn an_answer_without_a_plain_name_names_none() {
        for body in [
            "",
            "{}",
            r#"{"error":"FORBIDDEN"}"#,
            r#"{"error":"X","description":"3 contacts are bad"}"#,
            r#"{"error":"X","description":"contacts[x] and contacts[] and contacts"}"#,
            r#"{"error":"X","description":"contacts: at most 100"}"#,
            r#"{"message":"The path /v2/contacts/1 was not found"}"#,
            r#"{"error":"X","data":{"index":100}}"#,
            r#"{"error":"X","data":{"index":-1}}"#,
            r#"{"error":"X","description":"contacts[99999999999999999999999]"}"#,
            r#"{"id":"request-1","error":{"id":"x","code":"X"}}"#,
            r#"{"errors":{"contacts":[{},{"name":["bad"]}]}}"#,
            r#"{"data":[{"index":1,"status":"ok"},{"id":"a","success":true},{"index":2,"error":null}]}"#,
            r#"{"message":[{"property":"contacts","children":[{"property":"37","constraints":{"a":"b"}}]}]}"#,
            r#"{"detail":[{"loc":["body","contacts",3,"name"],"msg":"field required"}]}"#,
        ] {
            assert!(read(body).is_empty(), "{body}");
        }
    }

    #[test]
    fn an_error_about_a_contact_that_was_sent_alone_counts_whatever_its_index() {
        let answer = r#"{"data":[{"index":1,"field":"name"}]}"#;
        let contacts = named(&serde_json::from_str(answer).unwrap_or_default(), 1);
        assert_eq!(contacts[0].index, None);
        assert_eq!(contacts[0].errors[0].field.as_deref(), Some("name"));
    }

    #[test]
    fn a_huge_answer_takes_neither_long_nor_much_memory() {
        let started = std::time::Instant::now();
        let ids = "\"x\",".repeat(200_000);
        assert!(read(&format!(r#"{{"data":{{"ids":[{ids}"y"]}}}}"#)).len() <= 2);
        let ids: Vec<u32> = (0..200_000).collect();
        assert!(read(&format!(r#"{{"data":{{"ids":{ids:?}}}}}"#)).len() <= 200);
        let paths = "contacts.1 ".repeat(200_000);
        assert_eq!(read(&format!(r#"{{"message":"{paths}"}}"#)).len(), 1);
        assert!(started.elapsed().as_secs() < 20);
    }

    #[test]
    fn nested_data_without_end_is_not_followed_for_ever() {
        let (open, close) = ("[".repeat(100), "]".repeat(100));
        let deep = format!(r#"{{"error":"X","data":{open}"contacts[3]"{close}}}"#);
        assert!(read(&deep).is_empty());
    }
}
