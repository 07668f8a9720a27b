//! Answer envelopes of the API; contacts themselves are in [`contact`](crate::contact).

use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{attempt::BodyError, refusal::describe_body, secrets::Secrets};
use crate::{
    contact::{
        Contact, Operation,
        reading::{UnreadableContact, read_contact},
        spelling::respelling,
    },
    employees::Employee,
};

/// A contact of an account, or the reason why it can't be read.
pub(super) type ListedContact = Result<Contact<'static>, UnreadableContact>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LookUp {
    /// The account has it.
    Found(Contact<'static>),
    /// The account has it, but it can't be read.
    Unreadable(UnreadableContact),
    /// The API says that the contact does not exist.
    Absent,
    /// The answer does not determine whether the contact exists, for this reason. Only the list can prove that it
    /// is missing.
    Inconclusive(String),
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// A page of contacts or employees, stored as the server's text and parsed on demand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    body: String,
    items: Vec<Range<usize>>,
    /// True if the answer was not UTF-8. Characters were replaced.
    is_repaired: bool,
}

impl Page {
    /// Reads a page of the list, `{"data":[…]}`. Anything else is an error, because an empty page would mean the
    /// end of the account. In the answer about one contact (`is_one`), `data` may also be the contact itself or `null`.
    pub(super) fn read(body: Vec<u8>, is_one: bool) -> Result<Self, BodyError> {
        // A server may cut a text in the middle of a character.
        let (body, is_repaired) = match String::from_utf8(body) {
            Ok(body) => (body, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        // A fast path: almost every answer is a list, which this parses in one pass.
        let list = serde_json::from_str::<Envelope<Vec<&RawValue>>>(&body);
        let raw = if let Ok(list) = list {
            list.data
        } else {
            let envelope: Envelope<&RawValue> = serde_json::from_str(&body)?;
            match envelope.data.get().as_bytes().first() {
                Some(b'{') if is_one => vec![envelope.data],
                Some(b'n') if is_one => Vec::new(),
                _ => {
                    return Err(BodyError::Unreadable("`data` is not a list".to_owned()));
                }
            }
        };
        let items = raw.iter().map(|item| place_of(item.get(), &body)).collect();
        Ok(Self {
            body,
            items,
            is_repaired,
        })
    }

    /// True if the only entry stands in this place.
    pub(super) fn has_only(&self, place: &Range<usize>) -> bool {
        self.items.as_slice() == std::slice::from_ref(place)
    }

    /// Each contact's JSON as sent by the server.
    fn raw(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|place| &self.body[place.clone()])
    }

    /// The contacts. A contact that quotes a secret is unreadable, see [`Secrets::are_in`].
    pub(super) fn contacts(
        &self,
        secrets: &Secrets,
    ) -> impl ExactSizeIterator<Item = ListedContact> {
        self.raw().map(|json| {
            let read = read_contact(json);
            if secrets.are_in(json) {
                return Err(withheld(read, secrets));
            }
            if self.is_repaired && json.contains(char::REPLACEMENT_CHARACTER) {
                return Err(unreadable_text(read));
            }
            read.map_err(|unreadable| UnreadableContact {
                reason: secrets.hide(&unreadable.reason).into_owned(),
                ..unreadable
            })
        })
    }

    /// The employees; `None` for an entry that is unreadable or quotes a secret.
    pub(super) fn employees(&self, secrets: &Secrets) -> Vec<Option<Employee>> {
        let readable = |json: &&str| !secrets.are_in(json);
        let entries = self.raw();
        entries
            .map(|json| Some(json).filter(readable).and_then(Employee::read))
            .collect()
    }
}

/// A contact whose text was changed by decoding: an update or a backup would write the changed text.
fn unreadable_text(contact: ListedContact) -> UnreadableContact {
    let id = contact.map_or_else(|it| it.id, |it| Some(it.id.into_owned()));
    UnreadableContact {
        id: id.filter(|id| !id.contains(char::REPLACEMENT_CHARACTER)),
        index: None,
        reason: "its text is not UTF-8".to_owned(),
    }
}

fn withheld(contact: ListedContact, secrets: &Secrets) -> UnreadableContact {
    let id = contact.map_or_else(|it| it.id, |it| Some(it.id.into_owned()));
    UnreadableContact {
        id: id.filter(|id| !secrets.are_in(id)),
        index: None,
        reason: "it quotes the token or the partner's password".to_owned(),
    }
}

/// The contact in the answer to a look-up. The server may spell its id differently. An answer about another
/// contact proves nothing about this one.
pub(super) fn found(contacts: impl Iterator<Item = ListedContact>, id: &str) -> LookUp {
    let mut is_empty = true;
    for contact in contacts {
        is_empty = false;
        match contact {
            Ok(contact) if contact.id == id || respelling(&contact.id, id).is_some() => {
                return LookUp::Found(contact);
            }
            Err(unreadable) if unreadable.id.as_deref().is_none_or(|it| it == id) => {
                return LookUp::Unreadable(UnreadableContact {
                    id: Some(id.to_owned()),
                    ..unreadable
                });
            }
            _ => {}
        }
    }
    if is_empty {
        return LookUp::Absent;
    }
    LookUp::Inconclusive("the answer is about another contact".to_owned())
}

/// The range of `part` in `whole`, which contains it.
fn place_of(part: &str, whole: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

/// Reads the 2xx answer to a write: on how many contacts it was carried out, if the answer counts them. \[doc\] Creates
/// and updates are answered with the number of contacts `processed`, deletes with `data`, which may be `null`.
pub(super) fn accepted(
    operation: Operation,
    body: &[u8],
    secrets: &Secrets,
) -> Result<Option<u64>, BodyError> {
    let unconfirmed = |reason: String| Err(BodyError::Unconfirmed(reason));
    if body.trim_ascii().is_empty() {
        return unconfirmed("an empty answer".to_owned());
    }
    let answer: Value = serde_json::from_slice(body)?;
    if answer.get("error").is_some_and(|error| !error.is_null()) {
        // The answer may contain the token.
        let text = secrets.hide(&String::from_utf8_lossy(body)).into_owned();
        let words = describe_body(200, &text);
        return unconfirmed(format!("an error in its answer: {words}"));
    }
    let processed = answer.pointer("/data/processed").and_then(Value::as_u64);
    let is_carried_out = match operation {
        Operation::Create | Operation::Update => processed.is_some(),
        Operation::Delete => answer.get("data").is_some(),
    };
    if is_carried_out {
        Ok(processed)
    } else {
        unconfirmed("an answer that does not report the result".to_owned())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn page(body: &str) -> Result<Page, BodyError> {
        Page::read(body.as_bytes().to_vec(), false)
    }

    #[test]
    fn a_page_gives_each_contact_as_it_stands() {
        let read = page(r#"{"meta":{"timestamp":1},"data":[ {"id":"1", "x":1.0}, {"id":"Я"} ]}"#);
        let read = read.unwrap();
        assert_eq!(
            read.raw().collect::<Vec<_>>(),
            [r#"{"id":"1", "x":1.0}"#, r#"{"id":"Я"}"#]
        );
        assert_eq!(
            read.contacts(&Secrets::default())
                .nth(1)
                .unwrap()
                .unwrap()
                .id,
            "Я"
        );
        assert_eq!(read.raw().len(), 2);
    }

    /// The replaced characters would be written back.
    #[test]
    fn a_contact_whose_text_is_not_utf_8_is_unreadable() {
        let body = b"{\"data\":[{\"id\":\"1\",\"name\":\"\xcf\xb8\xf2\xf0\"},{\"id\":\"\xcf\"},{\"id\":\"3\"}]}";
        let read = Page::read(body.to_vec(), false).unwrap();
        let read: Vec<_> = read.contacts(&Secrets::default()).collect();
        let ids = [&read[0], &read[1]].map(|it| it.as_ref().unwrap_err().id.clone());
        assert_eq!(ids, [Some("1".to_owned()), None]);
        assert!(read[2].is_ok());
    }

    #[test]
    fn an_answer_about_one_contact_may_come_without_its_list() {
        let one =
            |body: &str| Page::read(body.as_bytes().to_vec(), true).map(|page| page.raw().len());
        assert_eq!(one(r#"{"data":[]}"#), Ok(0));
        assert_eq!(one(r#"{"data":null}"#), Ok(0));
        assert_eq!(one(r#"{"data":{"id":"1"}}"#), Ok(1));
        assert!(one(r#"{"data":7}"#).is_err());
    }

    #[test]
    fn what_is_not_a_page_is_not_taken_for_an_empty_one() {
        assert!(page(r#"{"data":[]}"#).unwrap().raw().len() == 0);
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"data":7}"#,
            r#"{"data":null}"#,
            r#"{"data":{"id":"1"}}"#,
            r#"{"data":[{"id":"#,
        ] {
            assert!(page(body).is_err(), "{body}");
        }
        assert!(Page::read(vec![b'"', 0xff, b'"'], false).is_err());
    }

    #[test]
    fn only_what_the_api_says_of_a_write_that_was_carried_out_is_believed() {
        use Operation::{Create, Delete, Update};
        let none = Secrets::default();
        let counted = br#"{"data":{"processed":7},"meta":{},"error":null}"#;
        for method in [Create, Update, Delete] {
            assert_eq!(accepted(method, counted, &none), Ok(Some(7)));
        }
        let null = br#"{"data":null,"meta":{}}"#;
        assert_eq!(accepted(Delete, null, &none), Ok(None));
        let is_unconfirmed = |operation, body| {
            matches!(
                accepted(operation, body, &none),
                Err(BodyError::Unconfirmed(_))
            )
        };
        for unconfirmed in [
            &br#"{"error":"INTERNAL","data":{"processed":2}}"#[..],
            b"",
            b" \n",
            b"{}",
            b"[]",
            b"\"ok\"",
        ] {
            for method in [Create, Update, Delete] {
                assert!(is_unconfirmed(method, unconfirmed));
            }
        }
        for uncounted in [
            &null[..],
            br#"{"data":[]}"#,
            br#"{"data":{"processed":"2"}}"#,
        ] {
            assert!(is_unconfirmed(Update, uncounted));
        }
        for foreign in [&b"<html>"[..], b"{\"data\":{\"proc", b"ok"] {
            let read = accepted(Delete, foreign, &none);
            assert!(matches!(read, Err(BodyError::Unreadable(_))));
        }
    }
}
