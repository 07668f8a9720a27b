//! Reads a page of the list of contacts.
//!
//! A page is parsed contact by contact, and each is reduced to what the reader needs before the next one is parsed. So
//! the memory of its chats is used for the next contact, and text is only copied once.

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_128;

use super::{attempt::BodyError, secrets::Secrets, wire::Page};
use crate::contact::{BATCH_MAX, Contact, plain::read_contacts, reading::UnreadableContact};

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

/// Reads a page of the list. `keep` is called before the text of a contact is copied, and again if a later
/// contact is unreadable.
pub(super) fn read_list<T>(
    body: Vec<u8>,
    secrets: &Secrets,
    keep: Keep<'_, T>,
) -> Result<Vec<Listed<T>>, BodyError> {
    if let Ok(text) = simdutf8::basic::from_utf8(&body)
        && !secrets.are_in(text)
        && let Some(listed) = read_readable(text, keep)
    {
        return Ok(listed);
    }
    let page = Page::read(body, false)?;
    let contacts = page.contacts(secrets).map(|contact| match contact {
        Ok(contact) => Listed::of(contact, keep),
        Err(unreadable) => Listed {
            id: xxh3_128(unreadable.id.as_deref().unwrap_or_default().as_bytes()),
            contact: Err(unreadable),
        },
    });
    Ok(contacts.collect())
}

/// Reads a page with readable contacts only, as almost every page is.
fn read_readable<T>(page: &str, keep: Keep<'_, T>) -> Option<Vec<Listed<T>>> {
    const LIST: &str = "\"data\":[";
    let start = memmem::find(page.as_bytes(), LIST.as_bytes())? + LIST.len() - 1;
    let (head, list) = page.split_at(start);
    let mut listed = Vec::with_capacity(BATCH_MAX);
    let rest = read_contacts(list, |contact| listed.push(Listed::of(contact, keep)))?;
    // Anything may surround the list, which may also be that of another object.
    let frame = Page::read([head, "[null]", rest].concat().into_bytes(), false);
    let place = start + 1..start + "[null".len();
    frame
        .is_ok_and(|frame| frame.has_only(&place))
        .then_some(listed)
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
        for page in [
            r#"{"meta":{"data":[1]},"data":[{"id":"1","x":[1]}, {"id":"Я"}],"error":null} "#,
            r#"{"meta":{"data":[]},"data":[{"id":"1"},{"id":"Я"}]}"#,
            r#"{"meta":{"data":[{"id":"7"}]},"data":[{"id":"1"},{"id":"Я"}]}"#,
            r#"{"data":[{"id":"1"},{"id":"Я"}],"meta":{"data":[{"id":"7"}]}}"#,
            r#"{"data": [{"id":"1"},{"id":"Я"}]}"#,
            "{\"meta\":\"\",\n\"data\":[{\"id\":\"1\"},{\"id\":\"Я\"}] }",
        ] {
            assert_eq!(read(page).unwrap(), ["1", "Я"], "{page}");
        }
        for empty in [
            r#"{"data":[]}"#,
            r#"{"meta":{"data":[{"id":"7"}]},"data":[]}"#,
            r#"{"meta":{"data":[null]},"data":[]}"#,
        ] {
            assert_eq!(read(empty).unwrap(), [""; 0], "{empty}");
        }
        for not_a_page in [
            "",
            "[]",
            r#"{"data":null}"#,
            r#"{"meta":[]}"#,
            r#"{"data":[],"data":[]}"#,
            r#"{"meta":{"data":[]}}"#,
            r#"{"a\"data":[{"id":"1"}]}"#,
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
