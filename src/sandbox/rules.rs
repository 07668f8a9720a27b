//! Validates a contact like the API: field by field, reporting the first problem.
//!
//! The sandbox has its own types for received contacts, because it must distinguish absent from empty fields and
//! answer an unknown chat type.

use std::borrow::Cow;

use serde::Deserialize;

use super::options::{Options, RequiredField};
use crate::contact::{
    Chat, ChatType, Contact, ContactField, ID_CHARS_MAX, NAME_CHARS_MAX, RESPONSIBLE_CHARS_MAX,
    URI_CHARS_MAX,
};

/// Text borrowed from the request if it has no escapes, also inside an `Option`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct JsonText<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The body of POST and PATCH.
#[derive(Debug, Deserialize)]
pub(super) struct ContactsBody<'a> {
    #[serde(borrow)]
    pub(super) contacts: Vec<Incoming<'a>>,
}

/// The body of DELETE.
#[derive(Debug, Deserialize)]
pub(super) struct ContactIdsBody<'a> {
    #[serde(borrow)]
    pub(super) contact_ids: Vec<JsonText<'a>>,
}

/// A contact as a client sent it.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming<'a> {
    #[serde(borrow)]
    id: Option<JsonText<'a>>,
    #[serde(borrow)]
    responsible_user_id: Option<JsonText<'a>>,
    #[serde(borrow)]
    name: Option<JsonText<'a>>,
    #[serde(borrow)]
    contact_data: Option<Vec<IncomingChat<'a>>>,
    #[serde(borrow)]
    uri: Option<JsonText<'a>>,
}

#[derive(Debug, Deserialize)]
struct IncomingChat<'a> {
    #[serde(borrow)]
    chat_type: Option<JsonText<'a>>,
    #[serde(borrow)]
    chat_id: Option<JsonText<'a>>,
    #[serde(borrow)]
    username: Option<JsonText<'a>>,
    #[serde(borrow)]
    phone: Option<JsonText<'a>>,
}

/// The reason to refuse a contact.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The invalid field, named as in the API; empty for the contact as a whole.
    pub(super) field: &'static str,
    /// The invalid chat's index in `contact_data`.
    pub(super) chat: Option<usize>,
    /// A sentence without the contact's id or index, which the [`ErrorShape`](super::ErrorShape) adds or leaves
    /// out.
    pub(super) text: String,
}

impl Violation {
    fn new(field: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            field,
            chat: None,
            text,
        }
    }

    pub(super) fn missing(field: &'static str) -> Self {
        Self::new(field, format!("{field} is missing"))
    }

    /// A violation of the contact as a whole.
    pub(super) fn of_contact(text: impl Into<String>) -> Self {
        Self::new("", text)
    }

    /// The path of the field within the contact: `contact_data.0.chat_id`.
    pub(super) fn path(&self) -> String {
        match self.chat {
            Some(place) => format!("contact_data.{place}.{}", self.field),
            None => self.field.to_owned(),
        }
    }
}

/// Whether all required fields must be present, or only those to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completeness {
    Whole,
    Part,
}

impl<'a> Incoming<'a> {
    /// The id as it was sent, empty if there was none.
    pub(super) fn id(&self) -> &str {
        self.id.as_ref().map_or("", |id| &id.0)
    }

    /// Returns the contact if it is valid. In a partial contact, a blank field keeps its stored value.
    pub(super) fn check(
        self,
        completeness: Completeness,
        options: &Options,
    ) -> Result<Contact<'a>, Violation> {
        let contact = Contact {
            id: given("id", self.id, ID_CHARS_MAX)?,
            responsible_user_id: given(
                "responsible_user_id",
                self.responsible_user_id,
                RESPONSIBLE_CHARS_MAX,
            )?,
            name: given("name", self.name, NAME_CHARS_MAX)?,
            contact_data: match self.contact_data {
                Some(chats) if chats.is_empty() => {
                    return Err(Violation::new("contact_data", "contact_data has no entry"));
                }
                Some(chats) => (0..)
                    .zip(chats)
                    .map(|(place, chat)| {
                        let chat_is_at = |violation| Violation {
                            chat: Some(place),
                            ..violation
                        };
                        chat.check(options).map_err(chat_is_at)
                    })
                    .collect::<Result<_, _>>()?,
                None => Vec::new(),
            },
            uri: given("uri", self.uri, URI_CHARS_MAX)?,
            ..Contact::default()
        };
        let needed = |field: &ContactField| {
            completeness == Completeness::Whole || *field == ContactField::Id
        };
        if let Some(field) = contact.missing().find(needed) {
            return Err(Violation::missing(field.as_str()));
        }
        if options.required.contains(&RequiredField::Uri) && contact.uri_is_unknown() {
            return Err(Violation::new("uri", "uri must be a link"));
        }
        Ok(contact)
    }
}

/// A required field: blank if absent, an error if empty or too long.
fn given<'a>(
    field: &'static str,
    text: Option<JsonText<'a>>,
    chars_max: usize,
) -> Result<Cow<'a, str>, Violation> {
    let Some(JsonText(text)) = text else {
        return Ok(Cow::Borrowed(""));
    };
    if text.is_empty() {
        return Err(Violation::new(field, format!("{field} is empty")));
    }
    // A fast path: characters are counted only if the bytes exceed the limit.
    if text.len() > chars_max && text.chars().count() > chars_max {
        let problem = format!("{field} is longer than {chars_max} characters");
        return Err(Violation::new(field, problem));
    }
    Ok(text)
}

impl<'a> IncomingChat<'a> {
    fn check(self, options: &Options) -> Result<Chat<'a>, Violation> {
        let word = optional(self.chat_type);
        if word.is_empty() {
            return Err(Violation::missing("chat_type"));
        }
        let chat_type = ChatType::named(&word)
            .ok_or_else(|| Violation::new("chat_type", format!("chat_type {word} is not known")))?;
        let chat = Chat {
            chat_type,
            chat_id: optional(self.chat_id),
            username: optional(self.username),
            phone: optional(self.phone),
            ..Chat::empty(chat_type)
        };
        check_chat(&chat)?;
        if options.required.contains(&RequiredField::ChatId) && chat.chat_id.is_empty() {
            return Err(Violation::new("chat_id", "chat_id should not be empty"));
        }
        Ok(chat)
    }
}

fn optional(text: Option<JsonText<'_>>) -> Cow<'_, str> {
    text.map_or(Cow::Borrowed(""), |text| text.0)
}

fn check_chat(chat: &Chat<'_>) -> Result<(), Violation> {
    let kind = chat.chat_type;
    let refuse = |field, problem: &str| Err(Violation::new(field, format!("{field} {problem}")));
    if !chat.username.is_empty() && !kind.takes_username() {
        return refuse("username", "is for telegram only");
    }
    if chat.username.starts_with('@') {
        return refuse("username", "begins with @");
    }
    if !chat.phone.is_empty() && !kind.takes_phone() {
        return refuse("phone", "is for telegram and max only");
    }
    if !digits_only(&chat.phone) {
        return refuse("phone", "holds more than digits");
    }
    if !chat.is_identified() {
        return Err(Violation::missing("chat_id"));
    }
    if kind.id_is_phone() && !digits_only(&chat.chat_id) {
        return refuse("chat_id", "holds more than digits");
    }
    if kind == ChatType::Instagram && chat.chat_id.starts_with('@') {
        return refuse("chat_id", "begins with @");
    }
    Ok(())
}

fn digits_only(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn invalid_field(json: &str, completeness: Completeness) -> Option<&'static str> {
        let incoming: Incoming<'_> = serde_json::from_str(json).unwrap();
        incoming
            .check(completeness, &Options::default())
            .err()
            .map(|violation| violation.field)
    }

    fn invalid_field_of_chat(chat: &str) -> Option<&'static str> {
        let json = format!(r#"{{"id":"1","contact_data":[{chat}]}}"#);
        invalid_field(&json, Completeness::Part)
    }

    #[test]
    fn each_required_field_is_missed_in_a_whole_contact_only() {
        let whole = r#"{"id":"1","responsible_user_id":"2","name":"A","uri":"u",
            "contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233"}]}"#;
        assert_eq!(invalid_field(whole, Completeness::Whole), None);
        for field in ["id", "responsible_user_id", "name", "uri", "contact_data"] {
            let mut part: serde_json::Value = serde_json::from_str(whole).unwrap();
            part.as_object_mut().unwrap().remove(field);
            let part = part.to_string();
            assert_eq!(invalid_field(&part, Completeness::Whole), Some(field));
            let of_a_part = (field == "id").then_some("id");
            assert_eq!(invalid_field(&part, Completeness::Part), of_a_part);
        }
    }

    #[test]
    fn lengths_count_characters() {
        let named = |name: String| {
            invalid_field(
                &format!(r#"{{"id":"1","name":"{name}"}}"#),
                Completeness::Part,
            )
        };
        assert_eq!(named("ю".repeat(200)), None);
        assert_eq!(named("ю".repeat(201)), Some("name"));
        assert_eq!(named(String::new()), Some("name"));
    }

    #[test]
    fn chats_keep_the_rules_of_their_messenger() {
        let cases = [
            (r#"{"chat_type":"viber","chat_id":"79991112233"}"#, None),
            (
                r#"{"chat_type":"viber","chat_id":"+79991112233"}"#,
                Some("chat_id"),
            ),
            (r#"{"chat_type":"unheard of","chat_id":"x"}"#, None),
            (r#"{"chat_id":"7"}"#, Some("chat_type")),
            (
                r#"{"chat_type":"instagram","chat_id":"@ann"}"#,
                Some("chat_id"),
            ),
            (
                r#"{"chat_type":"telegram","username":"ann","phone":""}"#,
                None,
            ),
            (
                r#"{"chat_type":"telegram","username":"@ann"}"#,
                Some("username"),
            ),
            (r#"{"chat_type":"telegram","phone":"+7"}"#, Some("phone")),
            (r#"{"chat_type":"telegram"}"#, Some("chat_id")),
            (
                r#"{"chat_type":"max","phone":"79991112233","username":null}"#,
                None,
            ),
            (
                r#"{"chat_type":"max","chat_id":"1","username":"ann"}"#,
                Some("username"),
            ),
            (
                r#"{"chat_type":"vk","chat_id":"1","phone":"7"}"#,
                Some("phone"),
            ),
            (r#"{"chat_type":"vk","chat_id":"any thing"}"#, None),
        ];
        for (chat, field) in cases {
            assert_eq!(invalid_field_of_chat(chat), field, "{chat}");
        }
        assert_eq!(
            invalid_field(r#"{"id":"1","contact_data":[]}"#, Completeness::Part),
            Some("contact_data")
        );
    }
}
