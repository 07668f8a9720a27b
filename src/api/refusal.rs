//! Reads the server's refusals and the culprits that they name.
//!
//! The shape of an error is documented only roughly (`error`, `description`, an optional `data`), so everything is
//! optional: a code, a message, and the culprit by its index in the batch or by its id. A wrong guess would reject another
//! row, so an index counts only if the answer gives it plainly: `data.index`, `data.indexes[0]`, or a path such as
//! `contacts[3].name`.

use std::fmt;

use serde_json::Value;

use super::foreign_text::{is_markup, page_title, plain};

/// Depth to which an error's `data` is searched for a path.
const DEPTH_MAX: usize = 8;

/// Keys of culprits' ids.
const ID_KEYS: [&str; 6] = [
    "ids",
    "id",
    "contact_ids",
    "contact_id",
    "contactIds",
    "contactId",
];

/// A refused request (400, 404, 409, 413, 422, or a firewall's 403), which was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The server's error code as spelt; compare with [`Refusal::has_code`].
    pub code: Option<String>,
    /// The server's message, safe to show; never empty.
    pub description: String,
    /// The culprit's index in the batch, if the answer names a valid one.
    pub index: Option<usize>,
    /// Ids that the answer names.
    pub ids: Vec<String>,
    /// True for a web page, written by a firewall or a proxy.
    pub is_page: bool,
}

impl Refusal {
    /// Reads the answer to a request with this number of `entities`.
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

    /// True if this is the code, however it is spelt (`TOO_MANY_ENTITIES`, `tooManyEntities`).
    pub(crate) fn has_code(&self, code: &str) -> bool {
        let letters = |text: &str| {
            let kept = text.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
            kept.flat_map(char::to_lowercase).collect::<String>()
        };
        self.code
            .as_deref()
            .is_some_and(|own| letters(own) == letters(code))
    }

    /// True if it says that the contact exists already.
    pub(crate) fn says_exists(&self) -> bool {
        self.status == 409
            || ["ALREADY_EXISTS", "CONTACT_ALREADY_EXISTS", "DUPLICATE"]
                .iter()
                .any(|code| self.has_code(code))
    }

    /// True if it says that a contact does not exist. A 404 alone does not: a router, a proxy or a load balancer may have
    /// answered, which know nothing about contacts.
    pub(crate) fn says_missing(&self) -> bool {
        ["CONTACT_NOT_FOUND", "CONTACTS_NOT_FOUND"]
            .iter()
            .any(|code| self.has_code(code))
            || (self.status == 404 && !self.is_page && denies_a_contact(&self.description))
    }

    /// True for a router's own 404 (`Cannot POST /v2/contacts`): the path does not lead to the API.
    pub(crate) fn is_of_a_router(&self) -> bool {
        self.status == 404 && self.description.starts_with("Cannot ")
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

/// The server's message, or a description if it sent none.
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

/// True if one sentence of a text says that a contact does not exist: `no such contact`, but not `Cannot GET /v2/contacts/1`
/// and not `Page not found. Please contact support`.
fn denies_a_contact(text: &str) -> bool {
    const DENIALS: [&str; 8] = [
        "not found",
        "no contact",
        "no such",
        "exist",
        "unknown",
        "missing",
        "не найден",
        "не существ",
    ];
    let text = text.to_lowercase();
    text.split(['.', ';', '!', '\n']).any(|sentence| {
        let is_named = ["contact", "контакт"].iter().any(|noun| {
            sentence
                .match_indices(noun)
                .any(|(at, _)| is_noun(&sentence[..at], &sentence[at + noun.len()..]))
        });
        is_named && DENIALS.iter().any(|denial| sentence.contains(denial))
    })
}

/// True unless the word between these texts is part of a path or an invitation to contact the support.
fn is_noun(before: &str, after: &str) -> bool {
    const WHOM: [&str; 5] = [" us", " support", " your", " the ", " admin"];
    !before.ends_with('/') && !WHOM.iter().any(|whom| after.starts_with(whom))
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
    fn a_refusal_without_a_valid_culprit_names_none() {
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
    fn a_404_is_about_a_contact_only_if_it_says_so() {
        let says_missing = |body: &str| Refusal::read(404, body, 1).says_missing();
        for about in [
            r#"{"error":"CONTACT_NOT_FOUND"}"#,
            r#"{"error":"contactNotFound","description":"x"}"#,
            r#"{"statusCode":404,"message":"Contact 7 not found","error":"Not Found"}"#,
            r#"{"error":"NOT_FOUND","description":"no such contact"}"#,
            r#"{"error":"NOT_FOUND","description":"The contact does not exist."}"#,
            r#"{"message":"Контакт не найден"}"#,
            r#"{"message":"No contact with id 7"}"#,
        ] {
            assert!(says_missing(about), "{about}");
        }
        for foreign in [
            "",
            "{}",
            "404 page not found",
            "Page not found. Please contact support.",
            "Page not found, contact your administrator",
            r#"{"error":"NOT_FOUND"}"#,
            r#"{"error":"Not Found","path":"/v2/contacts/1"}"#,
            r#"{"message":"Cannot GET /v2/contacts/a/b","error":"Not Found"}"#,
            r#"{"message":"The path /v2/contacts/1 was not found"}"#,
            "<html><title>Contact not found</title></html>",
        ] {
            assert!(!says_missing(foreign), "{foreign}");
        }
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
