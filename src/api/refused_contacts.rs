//! Finds the contacts that a refusal names, with the invalid fields and the server's messages.
//!
//! | shape | example |
//! |---|---|
//! | one contact | `{"error":"X","description":"…","data":{"index":3,"field":"name"}}` |
//! | a list | `{"error":"X","data":[{"index":3,"fields":["name"]},{"index":7,"message":"…"}]}`, `{"data":{"indexes":[3,7]}}` |
//! | messages | `{"message":["contacts.3.name is too long","contacts[7].uri is missing"]}` |
//! | nested | `{"error":{"code":"X","message":"…","data":…}}`, `{"errors":{"contacts[3].name":["too long"]}}` |
//! | a tree | `{"property":"contacts","children":[{"property":"3","constraints":{"isString":"…"}}]}` |
//! | a path of its own | `{"path":["contacts",3,"name"],"message":"…"}`, `{"instancePath":"/contacts/3/name"}` |
//! | ids | `{"data":{"ids":["a","b"]}}`, `{"data":[{"id":"a"}]}` |
//!
//! A wrong guess would reject another row. So an index counts only if the answer states it explicitly: with the
//! key `index` or in a path below `contacts`. Numbers elsewhere and positions in lists don't count.

use serde_json::{Map, Value};

use super::{
    field_path::{joined, known_field, paths_in, whole_path, without_paths},
    members::{
        DATA_KEYS, FIELD_KEYS, ID_KEYS, MESSAGE_KEYS, as_index, extended, ids_of, is_json,
        is_success, own_fields, own_messages,
    },
};
use crate::characters::plain;

/// Maximum depth to which an answer is searched.
pub(super) const DEPTH_MAX: usize = 12;

/// Maximum number of errors about one contact.
const ERRORS_MAX: usize = 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RefusedContact {
    /// Its index in the batch; absent if it was sent alone and the answer states another index.
    pub index: Option<usize>,
    pub id: Option<String>,
    pub errors: Vec<FieldError>,
}

impl RefusedContact {
    /// Joins fields without a message with messages without a field.
    fn join_halves(&mut self) {
        let lone = |it: &mut FieldError| it.field.is_none();
        if self
            .errors
            .iter()
            .all(|it| it.field.is_none() || it.message.is_some())
        {
            return;
        }
        let messages = self.errors.extract_if(.., lone);
        let messages: Vec<String> = messages.filter_map(|it| it.message).collect();
        let message = Some(messages.join("; ")).filter(|text| !text.is_empty());
        for error in &mut self.errors {
            if error.message.is_none() {
                error.message.clone_from(&message);
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The path of the field within the contact, if the field is known: `contact_data.0.chat_id`.
    pub field: Option<String>,
    /// The server's message about this contact, if there is one.
    pub message: Option<String>,
}

/// The distinct contacts named by an answer to a request with this number of `entities`.
pub(super) fn named(answer: &Value, entities: usize) -> Vec<RefusedContact> {
    let mut reader = RefusalReader {
        entities,
        contacts: Vec::new(),
    };
    reader.value(answer, "", false, DEPTH_MAX);
    reader
        .contacts
        .iter_mut()
        .for_each(RefusedContact::join_halves);
    reader.contacts
}

/// Collects the contacts that an answer names.
struct RefusalReader {
    entities: usize,
    contacts: Vec<RefusedContact>,
}

impl RefusalReader {
    /// `path`: the path to this value, from `contacts` on. `may_hold_ids`: whether an id in it is a contact's.
    fn value(&mut self, value: &Value, path: &str, may_hold_ids: bool, depth: usize) {
        if depth == 0 {
            return;
        }
        match value {
            Value::String(text) => self.text(text, path, may_hold_ids, depth),
            Value::Array(items) => {
                for item in items {
                    self.value(item, path, may_hold_ids, depth - 1);
                }
            }
            Value::Object(entries) => self.object(entries, path, may_hold_ids, depth),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, path: &str, may_hold_ids: bool, depth: usize) {
        if is_json(text) {
            if let Ok(value) = serde_json::from_str(text) {
                self.value(&value, path, may_hold_ids, depth - 1);
            }
            return;
        }
        let named = paths_in(text);
        let mut messages = Vec::with_capacity(named.len());
        let (mut end, mut message) = (text.len(), without_paths(text).map(|text| plain(&text)));
        for found in named.iter().rev() {
            // In a list (`contacts.3.name, contacts.7.name are too long`), the message follows the last path.
            let own = found.message(text, end).map(|text| plain(&text));
            message = own.or(message);
            messages.push(message.clone());
            end = found.start;
        }
        for (found, message) in named.iter().zip(messages.into_iter().rev()) {
            self.add(found.index, &found.tail, message);
        }
        if let (true, Some(found)) = (named.is_empty(), whole_path(path)) {
            self.add(found.index, &found.tail, Some(plain(text)));
        }
    }

    fn object(
        &mut self,
        entries: &Map<String, Value>,
        path: &str,
        may_hold_ids: bool,
        depth: usize,
    ) {
        let index = entries.get("index").and_then(as_index);
        let has_id = may_hold_ids && ID_KEYS.iter().any(|key| entries.contains_key(*key));
        if (index.is_some() || has_id) && is_success(entries) {
            return;
        }
        let path = index.map_or_else(|| path.to_owned(), |index| format!("contacts.{index}"));
        let (mut paths, messages) = (own_fields(entries), own_messages(entries));
        for field in &mut paths {
            *field = joined(&path, field);
        }
        let below = match &*paths {
            [only] => only.clone(),
            _ => path.clone(),
        };
        if paths.is_empty() {
            paths.push(path);
        }
        let is_named = paths.iter().any(|path| whole_path(path).is_some());
        if is_named {
            self.paths(&paths, &messages, index.is_some());
        } else if has_id {
            self.ids(entries, &messages);
        }
        for list in ["indexes", "indices", "index"].map(|key| entries.get(key)) {
            let indexes = list.and_then(Value::as_array).into_iter().flatten();
            indexes.for_each(|index| self.add(as_index(index), "", None));
        }
        self.members(entries, &below, is_named, &messages, depth - 1);
    }

    /// Reads the members of an object other than its fields, and its messages if they were added. `path`: the path to
    /// the members.
    fn members(
        &mut self,
        entries: &Map<String, Value>,
        path: &str,
        is_named: bool,
        messages: &[String],
        depth: usize,
    ) {
        let is_read = |key: &str| {
            let is_message = is_named && MESSAGE_KEYS.contains(&key);
            FIELD_KEYS.contains(&key) || is_message || key == "meta"
        };
        for (key, value) in entries.iter().filter(|(key, _)| !is_read(key)) {
            // A text in an object may also be a code or a value of the contact.
            let is_message = known_field(key).is_some()
                || (key == "error" && messages.is_empty())
                || !paths_in(key).is_empty();
            let path = if value.is_string() && !is_message {
                String::new()
            } else {
                extended(path, key)
            };
            self.value(value, &path, DATA_KEYS.contains(&key.as_str()), depth);
        }
    }

    /// Adds the contacts of an object with paths: each path has its own message, or all share one.
    fn paths(&mut self, paths: &[String], messages: &[String], has_index: bool) {
        for (at, path) in paths.iter().enumerate() {
            let Some(found) = whole_path(path) else {
                continue;
            };
            let message = if messages.len() == paths.len() {
                Some(messages[at].clone())
            } else {
                Some(messages.join("; ")).filter(|text| !text.is_empty())
            };
            if message.is_some() || has_index || !found.tail.is_empty() {
                self.add(found.index, &found.tail, message);
            }
        }
    }

    /// Adds the contacts of an object that identifies them by id.
    fn ids(&mut self, entries: &Map<String, Value>, messages: &[String]) {
        let mut fields = own_fields(entries);
        if fields.is_empty() {
            fields.push(String::new());
        }
        let message = Some(messages.join("; ")).filter(|text| !text.is_empty());
        let ids = ID_KEYS
            .iter()
            .filter_map(|key| entries.get(*key))
            .flat_map(ids_of);
        // An answer can't be right that names more contacts than were sent.
        for id in ids.take(2 * self.entities) {
            let contact = RefusedContact {
                id: Some(id),
                ..RefusedContact::default()
            };
            for field in &fields {
                self.add_error(contact.clone(), field, message.clone());
            }
        }
    }

    fn add(&mut self, index: Option<usize>, tail: &str, message: Option<String>) {
        let index = index.filter(|index| *index < self.entities);
        // A contact that was sent alone is the refused one, whatever the index.
        if index.is_some() || self.entities == 1 {
            let contact = RefusedContact {
                index,
                ..RefusedContact::default()
            };
            self.add_error(contact, tail, message);
        }
    }

    /// Adds an error to the contact, unless an earlier one covers it.
    fn add_error(&mut self, contact: RefusedContact, path: &str, message: Option<String>) {
        let same = |it: &RefusedContact| (it.index, &it.id) == (contact.index, &contact.id);
        let place = self.contacts.iter().position(same);
        let place = place.unwrap_or(self.contacts.len());
        if place == self.contacts.len() {
            self.contacts.push(contact);
        }
        let contact = &mut self.contacts[place];
        let error = FieldError {
            field: known_field(path),
            message: message.map(|text| plain(&text)).filter(|it| !it.is_empty()),
        };
        let is_empty = error == FieldError::default();
        let is_room = contact.errors.len() < ERRORS_MAX;
        if !is_empty && is_room && !contact.errors.contains(&error) {
            contact.errors.push(error);
        }
    }
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
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn contacts_fields_and_messages_are_found_in_every_shape() {
        let table: &[(&str, &[&str])] = &[
            // One contact.
            (
                r#"{"error":"X","description":"odd","data":{"index":3,"field":"name"}}"#,
                &["3: name|"],
            ),
            (r#"{"error":"X","data":{"index":"3"}}"#, &["3: "]),
            (
                r#"{"error":"X","description":"contacts[3] is bad","data":{"index":3,"field":"name"}}"#,
                &["3: name|the contact is bad"],
            ),
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
                r#"{"data":[{"index":1,"fields":{"name":"too long","uri":"bad"}}]}"#,
                &["1: name|too long, uri|bad"],
            ),
            (
                r#"{"data":{"errors":[{"index":1,"errors":{"name":"too long"}}]}}"#,
                &["1: name|too long"],
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
                r#"{"message":"{\"errors\":[{\"index\":4,\"message\":\"bad name\"}]}"}"#,
                &["4: |bad name"],
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
                r#"{"errors":{"contacts":{"3":{"name":["too long","odd"]}}}}"#,
                &["3: name|too long, name|odd"],
            ),
            (
                r#"{"errors":["contacts.1.name is bad","contacts.2.name is bad"]}"#,
                &["1: name|name is bad", "2: name|name is bad"],
            ),
            // A tree.
            (
                r#"{"message":[{"property":"contacts","children":[{"property":"37","children":[{"property":"name","constraints":{"isString":"name must be text","maxLength":"name is long"}}]}]}]}"#,
                &["37: name|name must be text; name is long"],
            ),
            // Paths.
            (
                r#"{"detail":[{"loc":["body","contacts",3,"name"],"msg":"field required","type":"value_error"}]}"#,
                &["3: name|field required"],
            ),
            (
                r#"{"errors":[{"path":["contacts",3,"contact_data",0,"chat_id"],"message":"Required"}]}"#,
                &["3: contact_data.0.chat_id|Required"],
            ),
            (
                r#"[{"instancePath":"/contacts/3/name","message":"must be text"}]"#,
                &["3: name|must be text"],
            ),
            (
                r#"{"errors":[{"field":"contacts[2].uri","code":"invalid","message":"uri must be a link"}]}"#,
                &["2: uri|uri must be a link"],
            ),
            (
                r#"{"errors":[{"source":{"pointer":"/contacts/2/uri"},"detail":"odd"}]}"#,
                &["2: uri|"],
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
