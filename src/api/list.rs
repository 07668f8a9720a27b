//! Reads a page of the list of contacts.
//!
//! A page is parsed contact by contact, and each is reduced to what the reader needs before the next one is parsed. So
//! the memory of its chats is used for the next contact, and text is only copied once.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use xxhash_rust::xxh3::xxh3_128;

use super::{attempt::BodyError, secrets::Secrets, wire::Page};
use crate::contact::{BATCH_MAX, Contact, reading::UnreadableContact};

/// An entry of the list: the value that the reader keeps of a contact, or the reason why it can't be read.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    /// The hash of the id, which may be empty for an unreadable contact.
    pub(crate) id: u128,
    pub(crate) contact: Result<T, UnreadableContact>,
}

impl<T> Listed<T> {
    fn of(contact: Contact<'_>, keep: Keep<'_, T>) -> Self {
        Self {
            id: xxh3_128(contact.id.as_bytes()),
            contact: Ok(keep(contact)),
        }
    }
}

/// Reduces a contact to what the reader needs.
type Keep<'k, T> = &'k dyn Fn(Contact<'_>) -> T;

/// Reads a page of the list. `keep` is called before the text of a contact is copied, and maybe again if an entry of
/// the page is unreadable.
pub(super) fn read_list<T>(
    body: Vec<u8>,
    secrets: &Secrets,
    keep: Keep<'_, T>,
) -> Result<Vec<Listed<T>>, BodyError> {
    if let Ok(text) = simdutf8::basic::from_utf8(&body)
        && !secrets.are_in(text)
        && let Ok(listed) = read_readable(text, keep)
    {
        return Ok(listed);
    }
    let page = Page::read(body)?;
    let contacts = page.contacts(secrets).map(|contact| match contact {
        Ok(contact) => Listed::of(contact, keep),
        Err(unreadable) => Listed {
            id: xxh3_128(unreadable.id.as_deref().unwrap_or_default().as_bytes()),
            contact: Err(unreadable),
        },
    });
    Ok(contacts.collect())
}

/// Reads a page, `{"data":[…]}`, whose contacts are all readable, as almost always.
fn read_readable<T>(text: &str, keep: Keep<'_, T>) -> serde_json::Result<Vec<Listed<T>>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let listed = json.deserialize_map(Envelope(keep))?;
    json.end()?;
    Ok(listed)
}

struct Envelope<'k, T>(Keep<'k, T>);

impl<'de, T> Visitor<'de> for Envelope<'_, T> {
    type Value = Vec<Listed<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut listed = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "data" {
                map.next_value::<IgnoredAny>()?;
            } else if listed
                .replace(map.next_value_seed(Entries(self.0))?)
                .is_some()
            {
                return Err(de::Error::duplicate_field("data"));
            }
        }
        listed.ok_or_else(|| de::Error::missing_field("data"))
    }
}

struct Entries<'k, T>(Keep<'k, T>);

impl<'de, T> DeserializeSeed<'de> for Entries<'_, T> {
    type Value = Vec<Listed<T>>;

    fn deserialize<D: Deserializer<'de>>(self, list: D) -> Result<Self::Value, D::Error> {
        list.deserialize_seq(self)
    }
}

impl<'de, T> Visitor<'de> for Entries<'_, T> {
    type Value = Vec<Listed<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of contacts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut listed = Vec::with_capacity(BATCH_MAX);
        while let Some(contact) = list.next_element::<Contact<'_>>()? {
            if contact.id.is_empty() {
                return Err(de::Error::custom("the id is empty"));
            }
            listed.push(Listed::of(contact, self.0));
        }
        Ok(listed)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// The ids of a page, or the reasons why its contacts are unreadable.
    fn read(body: &str) -> Result<Vec<String>, BodyError> {
        let page = read_list(body.into(), &Secrets::default(), &|contact| {
            contact.id.into_owned()
        })?;
        let text = |entry: Listed<String>| entry.contact.unwrap_or_else(|error| error.reason);
        Ok(page.into_iter().map(text).collect())
    }

    #[test]
    fn a_page_is_read_whatever_stands_around_its_list() {
        let text = r#"{"meta":{"data":[1]},"data":[{"id":"1","x":[1]}, {"id":"Я"}],"error":null} "#;
        assert_eq!(read(text).unwrap(), ["1", "Я"]);
        assert_eq!(read(r#"{"data":[]}"#).unwrap(), [""; 0]);
        for not_a_page in [
            "",
            "[]",
            r#"{"data":null}"#,
            r#"{"meta":[]}"#,
            r#"{"data":[],"data":[]}"#,
            r#"{"data":[{"id":"1"}]"#,
            r#"{"data":[{"id":"1"}]}}"#,
        ] {
            assert!(read(not_a_page).is_err(), "{not_a_page}");
        }
    }

    #[test]
    fn an_unreadable_contact_does_not_affect_the_others() {
        let text = r#"{"data":[{"id":"1"},{"id":""},7,{"id":"2"}]}"#;
        let read = read(text).unwrap();
        assert_eq!(read[1], "the id is empty");
        assert!(read[2].starts_with("invalid type"), "{read:?}");
        assert_eq!([&*read[0], &*read[3]], ["1", "2"]);
    }
}
