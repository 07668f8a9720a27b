//! Reads contacts from JSON leniently: `null` is absent, numbers become text, the last of duplicate keys wins, and
//! undocumented members are kept.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{Chat, ChatType, Contact, UnknownFields};

/// JSON text, borrowed if it has no escapes. Also a number, or `null` for no text.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }
}

impl<'de> Deserialize<'de> for Contact<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ContactVisitor)
    }
}

struct ContactVisitor;

impl<'de> Visitor<'de> for ContactVisitor {
    type Value = Contact<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a contact")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut contact, mut unknown) = (Contact::default(), Map::new());
        let mut has_id = false;
        while let Some(Text(key)) = map.next_key()? {
            let text = match &*key {
                "id" => {
                    has_id = true;
                    &mut contact.id
                }
                "responsible_user_id" => &mut contact.responsible_user_id,
                "name" => &mut contact.name,
                "uri" => &mut contact.uri,
                "contact_data" => {
                    // The list may be `null`, and each chat too.
                    let chats: Option<Vec<Option<Chat<'_>>>> = map.next_value()?;
                    contact.contact_data = chats.into_iter().flatten().flatten().collect();
                    continue;
                }
                _ => {
                    unknown.insert(key.into_owned(), map.next_value()?);
                    continue;
                }
            };
            *text = map.next_value::<Text<'_>>()?.0;
        }
        if !has_id {
            return Err(de::Error::missing_field("id"));
        }
        contact.unknown = UnknownFields::new(unknown);
        Ok(contact)
    }
}

impl<'de> Deserialize<'de> for Chat<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ChatVisitor)
    }
}

struct ChatVisitor;

impl<'de> Visitor<'de> for ChatVisitor {
    type Value = Chat<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chat")
    }

    /// Accepts any chat type that an account may have. `normalize` reads files more strictly.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut chat_type, mut unknown) = (None, Map::new());
        let (mut chat_id, mut username, mut phone) =
            <(Cow<'_, str>, Cow<'_, str>, Cow<'_, str>)>::default();
        while let Some(Text(key)) = map.next_key()? {
            let text = match &*key {
                "chat_type" => {
                    let name = map.next_value::<Text<'_>>()?.0;
                    let no_type = || de::Error::custom(format!("`{name}` is not a chat type"));
                    chat_type = Some(ChatType::named(&name).ok_or_else(no_type)?);
                    continue;
                }
                "chat_id" => &mut chat_id,
                "username" => &mut username,
                "phone" => &mut phone,
                _ => {
                    unknown.insert(key.into_owned(), map.next_value()?);
                    continue;
                }
            };
            *text = map.next_value::<Text<'_>>()?.0;
        }
        Ok(Chat {
            chat_type: chat_type.ok_or_else(|| de::Error::missing_field("chat_type"))?,
            chat_id,
            username,
            phone,
            unknown: UnknownFields::new(unknown),
        })
    }
}

/// A contact of the account that can't be read. It is never created, updated or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnreadableContact {
    /// Its id, if that can be read.
    pub id: Option<String>,
    /// Its number in the list, counted from 0.
    pub index: Option<u64>,
    /// The reason, to be passed through `visible` before it is shown.
    pub reason: String,
}

impl fmt::Display for UnreadableContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.id, self.index) {
            (Some(id), _) => write!(f, "contact `{id}`: ")?,
            (None, Some(index)) => write!(f, "the contact at offset {index} of the list: ")?,
            (None, None) => {}
        }
        f.write_str(&self.reason)
    }
}

/// Reads a contact as the server sent it. Lone surrogates, left by servers that cut text in the middle of an
/// emoji, are replaced.
pub(crate) fn read_contact(json: &str) -> Result<Contact<'static>, UnreadableContact> {
    let parse = |json| serde_json::from_str::<Contact<'_>>(json).map(Contact::into_owned);
    let repaired;
    let read = match parse(json) {
        Err(_) => {
            repaired = without_lone_surrogates(json);
            parse(&repaired)
        }
        read => read,
    };
    let error = match read {
        Ok(contact) if contact.id.is_empty() => de::Error::custom("the id is empty"),
        Ok(contact) => return Ok(contact),
        Err(error) => error,
    };
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let reason = error.to_string();
    // The position refers to this contact's JSON, not to the answer.
    let reason = reason.rsplit_once(" at line ").map_or(&*reason, |it| it.0);
    Err(UnreadableContact {
        id: match &value["id"] {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        },
        index: None,
        reason: reason.chars().take(200).collect(),
    })
}

/// JSON text with each escaped lone surrogate replaced by U+FFFD.
pub(crate) fn without_lone_surrogates(json: &str) -> String {
    let unit = |at: usize| {
        let digits = json.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let is_low = |unit: Option<u16>| matches!(unit, Some(0xDC00..=0xDFFF));
    let mut repaired = String::with_capacity(json.len());
    let (mut at, mut kept) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        let length = match unit(at) {
            // An escape other than `\u`, possibly `\\`.
            None => 2,
            Some(0xD800..=0xDBFF) if is_low(unit(at + 6)) => 12,
            Some(0xD800..=0xDFFF) => {
                repaired.push_str(&json[kept..at]);
                repaired.push_str("\\ufffd");
                kept = at + 6;
                6
            }
            Some(_) => 6,
        };
        at = json.len().min(at + length);
        while !json.is_char_boundary(at) {
            at += 1;
        }
    }
    repaired.push_str(&json[kept..]);
    repaired
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(json: &str) -> Contact<'static> {
        read_contact(json).unwrap()
    }

    #[test]
    fn odd_contacts_are_read_leniently() {
        let null = read(r#"{"id":"1","contact_data":[null]}"#);
        assert!(null.contact_data.is_empty());
        let null = read(r#"{"id":"1","name":null,"contact_data":null,"uri":null}"#);
        assert_eq!((&*null.name, null.contact_data.len()), ("", 0));
        let numbers = read(r#"{"id":7,"contact_data":[{"chat_type":"vk","chat_id":79991112233}]}"#);
        assert_eq!(numbers.id, "7");
        assert_eq!(numbers.contact_data[0].chat_id, "79991112233");
        let twice =
            read(r#"{"id":"1","name":"Ann","name":"Anna","contact_data":[],"contact_data":[]}"#);
        assert_eq!(twice.name, "Anna");
        let half = read(r#"{"id":"1","name":"\\ud83d \"a\ud83d\" \ud83d\ude00 \ude00я"}"#);
        assert_eq!(half.name, "\\ud83d \"a\u{fffd}\" 😀 \u{fffd}я");
    }

    #[test]
    fn unknown_members_are_kept() {
        let json = r#"{"id":"1","contact_data":[{"chat_type":"vk","chat_id":"5","nick":"a"}],"tags":["x",1.5]}"#;
        let contact = read(json);
        assert_eq!(serde_json::to_string(&contact).unwrap(), json);
        let names: Vec<_> = contact.unknown_names().into_iter().collect();
        assert_eq!(names, ["contact_data.nick", "tags"]);
    }

    #[test]
    fn a_contact_that_can_not_be_read_is_named_by_its_id_if_it_has_one() {
        for (json, shown) in [
            (
                r#"{"id":"1","name":["x"]}"#,
                "contact `1`: invalid type: sequence, expected text",
            ),
            (
                r#"{"id":2,"name":true}"#,
                "contact `2`: invalid type: boolean `true`, expected text",
            ),
            (
                r#"{"id":"3","contact_data":[{"chat_type":null}]}"#,
                "contact `3`: `` is not a chat type",
            ),
            (
                r#"{"id":"4","contact_data":[{}]}"#,
                "contact `4`: missing field `chat_type`",
            ),
            (r#"{"name":"x"}"#, "missing field `id`"),
            (r#"{"id":{}}"#, "invalid type: map, expected text"),
            (r#"{"id":null}"#, "the id is empty"),
            ("7", "invalid type: integer `7`, expected a contact"),
        ] {
            assert_eq!(read_contact(json).unwrap_err().to_string(), shown);
        }
    }
}
