//! What the server says about a request that it refuses, and whom it blames.
//!
//! The shape of an error is known only roughly (`error`, `description`, an optional `data`), so everything
//! here is optional: a code, words for people, and the culprit by its place in the batch or by its id. A wrong
//! guess would reject somebody else's row, so an index counts only where the answer gives one plainly: `data.index`,
//! `data.indexes[0]`, or a path such as `contacts[3].name`.

use std::fmt;

use serde_json::Value;

use super::foreign_text::{is_markup, page_title, plain};

/// How deep an error's `data` is searched for a path.
const DEPTH_MAX: usize = 8;

/// Keys under which ids of culprits stand.
const ID_KEYS: [&str; 6] = [
    "ids",
    "id",
    "contact_ids",
    "contact_id",
    "contactIds",
    "contactId",
];

/// A request that was refused: 400, 404, 409, 413, 422, and 403 of a firewall. It was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The server's code as it spells it; compare with [`Refusal::has_code`].
    pub code: Option<String>,
    /// The server's words, made fit to be shown; never empty.
    pub description: String,
    /// The culprit's place in the batch, where the answer names one within it.
    pub index: Option<usize>,
    /// Ids that the answer names.
    pub ids: Vec<String>,
    /// Is it a web page, which a firewall or a proxy in between has written?
    pub is_page: bool,
}

impl Refusal {
    /// Reads the answer to a request about so many `entities`.
    pub(crate) fn read(status: u16, body: &str, entities: usize) -> Self {
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        let data = value.get("data").unwrap_or(&Value::Null);
        Self {
            status,
            code: text_of(&value, &["error", "code"]).map(plain),
            description: describe(status, &value, body),
            index: culprit(&value, data).filter(|index| *index < entities),
            ids: ids_in(data),
            is_page: is_markup(body.as_bytes()),
        }
    }

    /// Is this the code, however it is spelt (`TOO_MANY_ENTITIES`, `tooManyEntities`)?
    #[must_use]
    pub(crate) fn has_code(&self, code: &str) -> bool {
        let letters = |text: &str| {
            let kept = text.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
            kept.flat_map(char::to_lowercase).collect::<String>()
        };
        self.code
            .as_deref()
            .is_some_and(|own| letters(own) == letters(code))
    }

    /// Does it say that the contact is there already?
    #[must_use]
    pub(crate) fn says_exists(&self) -> bool {
        self.status == 409
            || ["ALREADY_EXISTS", "CONTACT_ALREADY_EXISTS", "DUPLICATE"]
                .iter()
                .any(|code| self.has_code(code))
    }

    /// Does it say that one contact is not there? (An update's or a deletion's 404.)
    #[must_use]
    pub(crate) fn says_missing(&self) -> bool {
        self.status == 404
            || ["NOT_FOUND", "CONTACT_NOT_FOUND"]
                .iter()
                .any(|code| self.has_code(code))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        write!(f, ": {}", self.description)
    }
}

/// The server's words, or what can be said without them.
pub(crate) fn describe_body(status: u16, body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    describe(status, &value, body)
}

fn describe(status: u16, value: &Value, body: &str) -> String {
    text_of(value, &["description", "message", "error_description"])
        .or_else(|| text_of(value, &["error", "code"]))
        .map(plain)
        .filter(|words| !words.is_empty())
        .unwrap_or_else(|| describe_foreign(status, body))
}

fn describe_foreign(status: u16, body: &str) -> String {
    let reason = reqwest::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("no explanation");
    if is_markup(body.as_bytes()) {
        let title = page_title(body).unwrap_or_else(|| reason.to_owned());
        return format!("{title} (a web page, not the API)");
    }
    match plain(body) {
        words if words.is_empty() || words == "null" => reason.to_owned(),
        words => words,
    }
}

fn text_of<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v str> {
    keys.iter()
        .filter_map(|key| value.get(key))
        .find_map(Value::as_str)
}

fn culprit(error: &Value, data: &Value) -> Option<usize> {
    let named = data
        .get("index")
        .or_else(|| data.get("indexes").and_then(|list| list.get(0)))
        .and_then(as_index);
    named
        .or_else(|| index_in_path(text_of(error, &["description", "message"]).unwrap_or_default()))
        .or_else(|| index_anywhere(data, DEPTH_MAX))
}

fn as_index(value: &Value) -> Option<usize> {
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    usize::try_from(number).ok()
}

/// The first path of the form `contacts[3]`, `contacts.3` or `contacts/3` in a text.
fn index_in_path(text: &str) -> Option<usize> {
    text.match_indices("contacts").find_map(|(at, word)| {
        let rest = text[at + word.len()..].strip_prefix(['[', '.', '/'])?;
        let digits = rest.find(|c: char| !c.is_ascii_digit());
        rest[..digits.unwrap_or(rest.len())].parse().ok()
    })
}

fn index_anywhere(value: &Value, depth: usize) -> Option<usize> {
    if depth == 0 {
        return None;
    }
    match value {
        Value::String(text) => index_in_path(text),
        Value::Array(items) => items
            .iter()
            .find_map(|item| index_anywhere(item, depth - 1)),
        Value::Object(entries) => entries
            .iter()
            .find_map(|(key, item)| index_in_path(key).or_else(|| index_anywhere(item, depth - 1))),
        _ => None,
    }
}

fn ids_in(data: &Value) -> Vec<String> {
    let named = ID_KEYS.iter().filter_map(|key| data.get(key));
    let listed = [data, data.get("contacts").unwrap_or(&Value::Null)]
        .into_iter()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|item| item.get("id"));
    named.chain(listed).flat_map(ids_of).collect()
}

fn ids_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(id) => vec![id.clone()],
        Value::Number(id) => vec![id.to_string()],
        Value::Array(items) => items.iter().flat_map(ids_of).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Refusal {
        Refusal::read(400, body, 100)
    }

    #[test]
    fn the_codes_spelling_does_not_matter() {
        for code in ["TOO_MANY_ENTITIES", "tooManyEntities", "Too-Many-Entities"] {
            let refusal = read(&format!(
                r#"{{"error":"{code}","description":"at most 100"}}"#
            ));
            assert!(refusal.has_code("TOO_MANY_ENTITIES"), "{code}");
            assert_eq!(refusal.description, "at most 100");
        }
    }

    #[test]
    fn the_culprit_is_found_wherever_it_is_named_plainly() {
        for body in [
            r#"{"error":"X","data":{"index":3}}"#,
            r#"{"error":"X","data":{"index":"3"}}"#,
            r#"{"error":"X","data":{"indexes":[3,7]}}"#,
            r#"{"error":"X","description":"contacts[3].name is too long"}"#,
            r#"{"error":"X","description":"the contacts: \"contacts.3.name\" is too long"}"#,
            r#"{"error":"X","data":{"contacts[3].name":["too long"]}}"#,
            r#"{"error":"X","data":[{"path":"/contacts/3/name"}]}"#,
            r#"{"error":"X","data":{"fields":["contacts[3].uri"]}}"#,
        ] {
            assert_eq!(read(body).index, Some(3), "{body}");
        }
    }

    #[test]
    fn what_names_nobody_or_somebody_else_blames_nobody() {
        for body in [
            "",
            "{}",
            r#"{"error":"X","description":"3 contacts are bad"}"#,
            r#"{"error":"X","description":"contacts[x] and contacts[] and contacts"}"#,
            r#"{"error":"X","data":{"index":100}}"#,
            r#"{"error":"X","data":{"index":-1}}"#,
            r#"{"error":"X","description":"contacts[99999999999999999999999]"}"#,
        ] {
            assert_eq!(read(body).index, None, "{body}");
        }
    }

    #[test]
    fn ids_are_collected_from_data() {
        let ids = |data: &str| read(&format!(r#"{{"error":"X","data":{data}}}"#)).ids;
        assert_eq!(ids(r#"{"ids":["a","b"]}"#), ["a", "b"]);
        assert_eq!(ids(r#"{"contactId":7}"#), ["7"]);
        assert_eq!(ids(r#"{"contacts":[{"id":"a"},{"name":"x"}]}"#), ["a"]);
        assert_eq!(ids(r#"[{"id":"q"}]"#), ["q"]);
        assert!(ids("null").is_empty());
    }

    #[test]
    fn empty_bodies_and_web_pages_still_make_a_sentence() {
        assert_eq!(read("").description, "Bad Request");
        assert_eq!(read("  ").to_string(), "400: Bad Request");
        assert_eq!(
            Refusal::read(
                413,
                "<html><title>413 Request Entity Too Large</title>",
                100
            )
            .description,
            "413 Request Entity Too Large (a web page, not the API)"
        );
        assert_eq!(read("oops\u{7}").description, "oops");
    }

    #[test]
    fn nested_data_without_end_is_not_followed_for_ever() {
        let deep = format!(
            r#"{{"error":"X","data":{}"contacts[3]"{}}}"#,
            "[".repeat(100),
            "]".repeat(100)
        );
        assert_eq!(read(&deep).index, None);
    }
}
