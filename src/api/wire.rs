//! The shapes on the wire that are not contacts themselves: requests' methods, answers' envelopes.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::contact::Contact;

/// What is done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// POST `{"contacts":[…]}`.
    Create,
    /// PATCH `{"contacts":[…]}`.
    Update,
    /// DELETE `{"contact_ids":["…"]}`.
    Delete,
}

impl Method {
    /// Method and path as messages name them.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Create => "POST /v2/contacts",
            Self::Update => "PATCH /v2/contacts",
            Self::Delete => "DELETE /v2/contacts",
        }
    }

    pub(crate) const fn http(self) -> reqwest::Method {
        match self {
            Self::Create => reqwest::Method::POST,
            Self::Update => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }

    /// Does sending it twice do no more than sending it once?
    pub(crate) const fn is_repeatable(self) -> bool {
        matches!(self, Self::Update | Self::Delete)
    }
}

/// Contacts as they came: one piece of text each, parsed only where somebody wants to look inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    body: String,
    items: Vec<Range<usize>>,
}

impl Page {
    /// Reads `{"data":[…]}`; `data` may also be one contact or `null`.
    pub(crate) fn read(body: Vec<u8>) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let body = String::from_utf8(body).map_err(|error| error.to_string())?;
        let envelope: Envelope<'_> =
            serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let data = envelope.data.get();
        let raw: Vec<&RawValue> = match data.as_bytes().first() {
            Some(b'[') => serde_json::from_str(data).map_err(|error| error.to_string())?,
            Some(b'{') => vec![envelope.data],
            Some(b'n') => Vec::new(),
            _ => return Err("`data` is not a list".to_owned()),
        };
        let items = raw.iter().map(|item| place_of(item.get(), &body)).collect();
        Ok(Self { body, items })
    }

    /// How many contacts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Is it the page behind the last?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Each contact's JSON as the server wrote it.
    #[must_use]
    pub fn raw(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|place| &self.body[place.clone()])
    }

    /// The contacts, borrowing from the page.
    ///
    /// # Errors
    /// The first that is not a contact ends the reading.
    pub fn contacts(&self) -> Result<Vec<Contact<'_>>, serde_json::Error> {
        self.raw().map(serde_json::from_str).collect()
    }
}

/// Where in `whole` its `part` stands.
fn place_of(part: &str, whole: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

/// How many contacts a write took, where the answer says so. An error says that the answer is not the API's.
pub(crate) fn processed(body: &[u8]) -> Result<Option<u64>, String> {
    #[derive(Deserialize)]
    struct Envelope {
        data: Option<Data>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Data {
        Counted { processed: u64 },
        Other(serde::de::IgnoredAny),
    }
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(match envelope.data {
        Some(Data::Counted { processed }) => Some(processed),
        _ => None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn page(body: &str) -> Result<Page, String> {
        Page::read(body.as_bytes().to_vec())
    }

    #[test]
    fn a_page_gives_each_contact_as_it_stands() {
        let read = page(r#"{"meta":{"timestamp":1},"data":[ {"id":"1", "x":1.0}, {"id":"Я"} ]}"#);
        let read = read.unwrap();
        assert_eq!(
            read.raw().collect::<Vec<_>>(),
            [r#"{"id":"1", "x":1.0}"#, r#"{"id":"Я"}"#]
        );
        assert_eq!(read.contacts().unwrap()[1].id, "Я");
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn no_data_and_one_contact_alone_are_pages_too() {
        assert!(page(r#"{"data":[]}"#).unwrap().is_empty());
        assert!(page(r#"{"data":null}"#).unwrap().is_empty());
        assert_eq!(page(r#"{"data":{"id":"1"}}"#).unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_a_page_is_not_taken_for_an_empty_one() {
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"data":7}"#,
            r#"{"data":[{"id":"#,
        ] {
            assert!(page(body).is_err(), "{body}");
        }
        assert!(Page::read(vec![b'"', 0xff, b'"']).is_err());
    }

    #[test]
    fn the_count_of_a_write_is_read_where_there_is_one() {
        assert_eq!(
            processed(br#"{"data":{"processed":7},"meta":{}}"#),
            Ok(Some(7))
        );
        for uncounted in [
            &br#"{"data":null,"meta":{}}"#[..],
            b"",
            b" \n",
            b"{}",
            br#"{"data":[]}"#,
            br#"{"data":{"processed":"many"}}"#,
        ] {
            assert_eq!(processed(uncounted), Ok(None));
        }
        for foreign in [&b"<html>"[..], b"{\"data\":{\"proc", b"ok"] {
            assert!(processed(foreign).is_err());
        }
    }
}
