//! Reads the server's refusals: the code, the message and the contacts that they name.
//!
//! The documented shape is `error`, `description` and an optional `data`, but such servers also send others, so
//! every part is optional and all known places are searched; see [`refused_contacts`].

use std::fmt;

use reqwest::StatusCode;
use serde_json::Value;

use super::{
    field_path::without_paths,
    refused_contacts::{self, DEPTH_MAX, MESSAGE_KEYS, RefusedContact, is_json},
};
use crate::characters::plain;

/// Maximum number of messages that are quoted if none is about a contact.
const MESSAGES_MAX: usize = 3;

/// A refused request (400, 404, 409, 413, 422, or a firewall's 403), which was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    /// The server's error code as spelt. Compare it with [`Refusal::has_code`].
    pub code: Option<String>,
    /// The server's message, safe to show; never empty and never JSON.
    pub description: String,
    /// The distinct contacts that the answer names.
    pub contacts: Vec<RefusedContact>,
    /// True for a web page from a firewall or a proxy.
    pub is_page: bool,
    /// True if an earlier attempt of the request may have been carried out.
    pub follows_unknown: bool,
}

/// The limit that a request exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooLarge {
    Entities,
    Bytes,
}

impl Refusal {
    /// Reads the answer to a request with this number of `entities`.
    pub(super) fn read(status: u16, body: &str, entities: usize) -> Self {
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        Self {
            status,
            code: code_of(status, &value),
            description: describe(status, &value, body),
            contacts: refused_contacts::named(&value, entities),
            is_page: is_markup(body.as_bytes()),
            follows_unknown: false,
        }
    }

    /// True if the API itself forbids the write, which proves that it was not carried out.
    pub(crate) fn is_forbidden_by_api(&self) -> bool {
        self.status == 403 && !self.is_page && !self.follows_unknown
    }

    /// True if this is the code, in any spelling (`TOO_MANY_ENTITIES`, `tooManyEntities`).
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code
            .as_deref()
            .is_some_and(|own| letters(own) == letters(code))
    }

    /// True if it says that the contact already exists.
    pub(crate) fn says_exists(&self) -> bool {
        self.status == 409
            || ["ALREADY_EXISTS", "CONTACT_ALREADY_EXISTS", "DUPLICATE"]
                .iter()
                .any(|code| self.has_code(code))
    }

    /// True if it says that a contact does not exist. A 404 alone does not: it may come from a router, a proxy or
    /// a load balancer.
    pub(crate) fn says_missing(&self) -> bool {
        ["CONTACT_NOT_FOUND", "CONTACTS_NOT_FOUND"]
            .iter()
            .any(|code| self.has_code(code))
            || (self.status == 404 && !self.is_page && denies_a_contact(&self.description))
    }

    /// True if it names the contact with this id, in its list of contacts or as a word of its message.
    pub(crate) fn names(&self, id: &str) -> bool {
        let is_punctuation = |character: char| character.is_ascii_punctuation();
        let mut words = self.description.split_whitespace();
        let mut listed = self.contacts.iter();
        listed.any(|contact| contact.id.as_deref() == Some(id))
            || words.any(|word| word == id || word.trim_matches(is_punctuation) == id)
    }

    /// True for a router's own 404 (`Cannot POST /v2/contacts`): the path does not lead to the API.
    pub(super) fn is_of_a_router(&self) -> bool {
        self.status == 404 && self.description.starts_with("Cannot ")
    }

    /// The server's message, or its code and status without a message.
    pub(crate) fn reason(&self) -> String {
        let words = [self.code.as_deref(), reason_phrase(self.status)];
        if words.contains(&Some(&*self.description)) {
            return self.to_string();
        }
        self.description.clone()
    }

    /// The limit that the request exceeded, if the refusal is about its size.
    pub(crate) fn too_large(&self) -> Option<TooLarge> {
        let words = [self.code.as_deref(), Some(self.description.as_str())];
        let says = |part: &str| words.iter().flatten().any(|it| letters(it).contains(part));
        if says("toomanyentities") || says("toomanycontacts") {
            return Some(TooLarge::Entities);
        }
        let is_size = [
            "entitytoolarge",
            "payloadtoolarge",
            "bodytoolarge",
            "bodyistoolarge",
        ]
        .iter()
        .any(|part| says(part));
        (self.status == 413 || is_size).then_some(TooLarge::Bytes)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, .. } = self;
        match self.code.as_ref().filter(|code| **code != self.description) {
            Some(code) => write!(f, "{status} {code}: {}", self.description),
            None => f.write_str(&with_status(*status, &self.description)),
        }
    }
}

/// The description after its status, unless it begins with it, as the title of a web page often does.
pub(super) fn with_status(status: u16, description: &str) -> String {
    let after = description.strip_prefix(&status.to_string());
    if after.is_some_and(|after| !after.starts_with(char::is_alphanumeric)) {
        description.to_owned()
    } else {
        format!("{status}: {description}")
    }
}

/// The letters of a code, regardless of spelling.
fn letters(text: &str) -> String {
    let kept = text.chars().filter(|c| c.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

/// The server's message, or a description if there is none.
pub(super) fn describe_body(status: u16, body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    describe(status, &value, body)
}

fn describe(status: u16, value: &Value, body: &str) -> String {
    let mut messages = Vec::new();
    collect_messages(value, DEPTH_MAX, &mut messages);
    messages.truncate(MESSAGES_MAX);
    Some(plain(&messages.join("; ")))
        .filter(|words| !words.is_empty())
        .or_else(|| code_of(status, value))
        .unwrap_or_else(|| describe_foreign(status, body))
}

/// Collects the messages that concern the whole answer: `message`, a list of messages, or those of a nested error.
fn collect_messages(value: &Value, depth: usize, messages: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::String(text) if !is_json(text) => messages.extend(without_paths(text)),
        Value::Array(items) => {
            for item in items {
                collect_messages(item, depth - 1, messages);
            }
        }
        Value::Object(entries) => {
            let mut keys = MESSAGE_KEYS.iter();
            let found = keys.find_map(|key| entries.get(*key).filter(|it| holds_words(it)));
            let mut nested = ["error", "errors"]
                .iter()
                .filter_map(|key| entries.get(*key));
            if let Some(value) = found.or_else(|| nested.find(|it| !it.is_string())) {
                collect_messages(value, depth - 1, messages);
            }
        }
        _ => {}
    }
}

fn holds_words(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        _ => false,
    }
}

/// The code of an error. The reason phrase of the status does not count.
fn code_of(status: u16, value: &Value) -> Option<String> {
    let nested = value.get("error").filter(|error| error.is_object());
    let texts = [nested.unwrap_or(value), value].map(|it| text_of(it, &["code", "error"]));
    let code = texts.into_iter().flatten().map(plain).next()?;
    let is_status = letters(&code) == letters(reason_phrase(status).unwrap_or_default());
    (!is_status && !code.is_empty()).then_some(code)
}

fn reason_phrase(status: u16) -> Option<&'static str> {
    StatusCode::from_u16(status).ok()?.canonical_reason()
}

fn describe_foreign(status: u16, body: &str) -> String {
    let reason = reason_phrase(status).unwrap_or("no explanation");
    if is_markup(body.as_bytes()) {
        let title = page_title(body).unwrap_or_else(|| reason.to_owned());
        return format!("{title} (a web page, not the API)");
    }
    match plain(body) {
        words if words.is_empty() || words == "null" || is_json(&words) => reason.to_owned(),
        words => words,
    }
}

/// True if a sentence says that a contact does not exist: `no such contact`, but not `Cannot GET /v2/contacts/1`
/// or `Page not found. Please contact support`.
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

/// True unless the word between these texts is part of a path or of an invitation to contact support.
fn is_noun(before: &str, after: &str) -> bool {
    const WHOM: [&str; 5] = [" us", " support", " your", " the ", " admin"];
    !before.ends_with('/') && !WHOM.iter().any(|whom| after.starts_with(whom))
}

/// True for a web page rather than JSON.
pub(super) fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn page_title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find('<')?;
    Some(plain(&page[start..end])).filter(|title| !title.is_empty())
}

fn text_of<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v str> {
    keys.iter()
        .filter_map(|key| value.get(key))
        .find_map(Value::as_str)
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
            assert_eq!(refusal.too_large(), Some(TooLarge::Entities));
        }
    }

    #[test]
    fn a_404_is_about_a_contact_only_if_it_says_so() {
        let says_missing = |body: &str| Refusal::read(404, body, 1).says_missing();
        for (body, id) in [
            (r#"{"description":"contact A-7 not found"}"#, "A-7"),
            (r#"{"description":"Not found: \"Ж7\", 8."}"#, "8"),
            (r#"{"description":"not found","data":{"id":"7"}}"#, "7"),
        ] {
            let refusal = Refusal::read(404, body, 9);
            assert!(refusal.names(id) && !refusal.names("A"), "{body}");
        }
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
    fn a_refusal_for_the_size_of_the_body_is_recognised() {
        let read = |status, body| Refusal::read(status, body, 100).too_large();
        for (status, body) in [
            (413, ""),
            (
                413,
                "<html><title>413 Request Entity Too Large</title></html>",
            ),
            (400, r#"{"error":"PAYLOAD_TOO_LARGE"}"#),
            (
                400,
                r#"{"statusCode":400,"message":"request entity too large"}"#,
            ),
            (400, r#"{"error":{"code":"BODY_TOO_LARGE"}}"#),
        ] {
            assert_eq!(read(status, body), Some(TooLarge::Bytes), "{body}");
        }
        assert_eq!(read(400, r#"{"message":"name is too large"}"#), None);
    }

    #[test]
    fn the_code_and_the_sentence_are_found_in_every_shape() {
        for (body, shown, reason) in [
            (
                r#"{"error":"X","description":"too long"}"#,
                "400 X: too long",
                "too long",
            ),
            (
                r#"{"error":"FORBIDDEN"}"#,
                "400: FORBIDDEN",
                "400: FORBIDDEN",
            ),
            (
                r#"{"code":"OAUTH_TOKEN_UNKNOWN_OR_REVOKED"}"#,
                "400: OAUTH_TOKEN_UNKNOWN_OR_REVOKED",
                "400: OAUTH_TOKEN_UNKNOWN_OR_REVOKED",
            ),
            (
                r#"{"statusCode":400,"message":["contacts.3.name is odd","b is c"],"error":"Bad Request"}"#,
                "400: name is odd; b is c",
                "name is odd; b is c",
            ),
            (
                r#"{"statusCode":400,"message":"odd","error":"Bad Request"}"#,
                "400: odd",
                "odd",
            ),
            (
                r#"{"status":400,"requestId":"5","error":{"code":"X","message":"odd","data":[]}}"#,
                "400 X: odd",
                "odd",
            ),
            (r#"{"errors":[{"message":"odd"}]}"#, "400: odd", "odd"),
            ("", "400: Bad Request", "400: Bad Request"),
            ("  ", "400: Bad Request", "400: Bad Request"),
            ("null", "400: Bad Request", "400: Bad Request"),
            ("oops\u{7}", "400: oops", "oops"),
            ("\"oops\"", "400: oops", "oops"),
        ] {
            let refusal = read(body);
            assert_eq!(refusal.to_string(), shown, "{body}");
            assert_eq!(refusal.reason(), reason, "{body}");
        }
    }

    #[test]
    fn json_is_never_shown() {
        for body in [
            r#"{"error":{"foo":{"bar":1}}}"#,
            r#"{"message":{"foo":1}}"#,
            r#"{"message":"{\"a\":\"b\"}"}"#,
            r#"{"broken":"#,
            "[1,2]",
            "{}",
        ] {
            assert_eq!(read(body).to_string(), "400: Bad Request", "{body}");
        }
    }

    #[test]
    fn a_web_page_is_known_by_its_title() {
        let page = "<html><title>422 Unprocessable</title>";
        let refusal = Refusal::read(422, page, 100);
        assert_eq!(
            refusal.description,
            "422 Unprocessable (a web page, not the API)"
        );
        assert!(refusal.is_page && refusal.contacts.is_empty());
        assert_eq!(
            refusal.to_string(),
            "422 Unprocessable (a web page, not the API)"
        );
        let error = describe_body(503, "<html><title>503</title>");
        assert_eq!(with_status(503, &error), "503 (a web page, not the API)");
        assert_eq!(with_status(503, "5030 waiting"), "503: 5030 waiting");
    }

    #[test]
    fn a_web_page_is_known_and_named_by_its_title() {
        let page = "\n<html><head><TITLE>502 Bad\nGateway</TITLE></head>";
        assert!(is_markup(page.as_bytes()));
        assert_eq!(page_title(page).as_deref(), Some("502 Bad Gateway"));
        assert_eq!(page_title("<p>no title"), None);
        assert_eq!(page_title("<title>never closed"), None);
    }
}
