//! Reads a list of contacts, most of which are JSON in its plainest form: without spaces and undocumented members, with
//! only text and `null` as values.
//!
//! Serde, which took a fifth of the instructions of a listing for such contacts, reads only the others.

use std::borrow::Cow;

use memchr::memchr2;

use super::{Chat, ChatType, Contact};

/// Reads the list at the beginning of a JSON text, and returns the rest of the text. `each` receives the contacts.
/// Returns `None` if the list ends early, or a contact has no id or can't be read.
pub(crate) fn read_contacts<'a>(
    text: &'a str,
    mut each: impl FnMut(Contact<'a>),
) -> Option<&'a str> {
    // In a text, they are not valid JSON. Without an early exit, the loop is vectorized.
    let has_controls = text
        .bytes()
        .fold(false, |any, byte| any | matches!(byte, ..b' '));
    let mut json = PlainJson { text, at: 0 };
    json.list(|json| {
        let mut ahead = *json;
        let plain = if has_controls { None } else { ahead.contact() };
        if let Some(contact) = plain {
            *json = ahead;
            each(contact);
        } else {
            each(json.any_contact()?);
        }
        Some(())
    })?;
    Some(json.rest())
}

/// A position in a JSON text.
#[derive(Clone, Copy)]
struct PlainJson<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> PlainJson<'a> {
    #[inline]
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Reads a list. `each` reads an element.
    fn list(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b"[")?;
        self.skip_spaces();
        if self.pass(b"]") {
            return Some(());
        }
        loop {
            each(self)?;
            self.skip_spaces();
            if !self.pass(b",") {
                return self.expect(b"]");
            }
            self.skip_spaces();
        }
    }

    fn skip_spaces(&mut self) {
        while self.pass(b" ") || self.pass(b"\n") || self.pass(b"\r") || self.pass(b"\t") {}
    }

    fn any_contact(&mut self) -> Option<Contact<'a>> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<Contact<'a>>();
        let contact = values.next()?.ok()?;
        self.at += values.byte_offset();
        (!contact.id.is_empty()).then_some(contact)
    }

    fn contact(&mut self) -> Option<Contact<'a>> {
        let mut contact = Contact::default();
        self.object(|json| {
            let text = if json.pass(b"\"id\":") {
                &mut contact.id
            } else if json.pass(b"\"responsible_user_id\":") {
                &mut contact.responsible_user_id
            } else if json.pass(b"\"name\":") {
                &mut contact.name
            } else if json.pass(b"\"uri\":") {
                &mut contact.uri
            } else {
                json.expect(b"\"contact_data\":")?;
                contact.contact_data = json.chats()?;
                return Some(());
            };
            *text = json.text_or_null()?;
            Some(())
        })?;
        (!contact.id.is_empty()).then_some(contact)
    }

    fn chats(&mut self) -> Option<Vec<Chat<'a>>> {
        let mut chats = Vec::new();
        if !self.pass(b"null") {
            self.list(|json| {
                if !json.pass(b"null") {
                    chats.push(json.chat()?);
                }
                Some(())
            })?;
        }
        Some(chats)
    }

    fn chat(&mut self) -> Option<Chat<'a>> {
        let mut chat_type = None;
        let [mut chat_id, mut username, mut phone] = [const { Cow::Borrowed("") }; 3];
        self.object(|json| {
            let text = if json.pass(b"\"chat_id\":") {
                &mut chat_id
            } else if json.pass(b"\"username\":") {
                &mut username
            } else if json.pass(b"\"phone\":") {
                &mut phone
            } else {
                json.expect(b"\"chat_type\":")?;
                chat_type = Some(ChatType::named(&json.string()?)?);
                return Some(());
            };
            *text = json.text_or_null()?;
            Some(())
        })?;
        Some(Chat {
            chat_id,
            username,
            phone,
            ..Chat::empty(chat_type?)
        })
    }

    /// Reads an object with at least one member. `member` reads a member.
    fn object(&mut self, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b"{")?;
        loop {
            member(self)?;
            if !self.pass(b",") {
                return self.expect(b"}");
            }
        }
    }

    fn text_or_null(&mut self) -> Option<Cow<'a, str>> {
        if self.pass(b"null") {
            return Some(Cow::Borrowed(""));
        }
        self.string()
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        self.expect(b"\"")?;
        let text = self.rest();
        let mut end = memchr2(b'"', b'\\', text.as_bytes())?;
        if text.as_bytes()[end] == b'"' {
            self.at += end + 1;
            return Some(Cow::Borrowed(&text[..end]));
        }
        while text.as_bytes().get(end)? != &b'"' {
            // The character after the backslash may be a quote.
            end += 2;
            end += memchr2(b'"', b'\\', text.as_bytes().get(end..)?)?;
        }
        self.at += end + 1;
        let string = serde_json::from_str(&self.text[start..self.at]);
        string.ok().map(Cow::Owned)
    }

    /// Skips these bytes, which must be ASCII. False if others follow.
    #[inline]
    fn pass<const N: usize>(&mut self, bytes: &[u8; N]) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_next = rest.first_chunk() == Some(bytes);
        if is_next {
            self.at += N;
        }
        is_next
    }

    #[inline]
    fn expect<const N: usize>(&mut self, bytes: &[u8; N]) -> Option<()> {
        self.pass(bytes).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Option<Contact<'_>> {
        let mut reader = PlainJson { text: json, at: 0 };
        let contact = reader.contact()?;
        reader.rest().is_empty().then_some(contact)
    }

    #[test]
    fn a_list_is_read_to_its_end() {
        let read = |list: &'static str| {
            let mut ids = Vec::new();
            let rest = read_contacts(list, |contact| {
                ids.push([contact.id, contact.name].concat());
            })?;
            Some((ids.join(" "), rest))
        };
        assert_eq!(read("[] "), Some((String::new(), " ")));
        let list = r#"[{"id":"1"},{"id":2,"x":[1]} , {"id":"3","name":"\"a"}],"data":[]}"#;
        assert_eq!(read(list), Some(("1 2 3\"a".to_owned(), r#","data":[]}"#)));
        assert_eq!(
            read("[ {\"id\":\"1\"},\n{\"id\":\"2\"}\n]"),
            Some(("1 2".to_owned(), ""))
        );
        for broken in [
            "",
            "[",
            r#"[{"id":"1"}"#,
            r#"[{"id":"1"},]"#,
            r#"[{"id":"1"}{"id":"2"}]"#,
            r#"[{"id":""}]"#,
            r#"[{"name":"1"}]"#,
            "[null]",
            "[{\"id\":\"1\n\"}]",
        ] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn only_plain_json_is_read_without_serde() {
        for plain in [
            r#"{"id":"1"}"#,
            r#"{"name":"Я","id":"1","uri":null,"contact_data":null}"#,
            r#"{"id":"1","contact_data":[]}"#,
            r#"{"id":"a\"b\\","name":"\u0031\\\"я\"","uri":"\\"}"#,
            r#"{"id":"1","id":"2","contact_data":[null,{"chat_id":"5","username":null,"chat_type":"vk"}]}"#,
            r#"{"id":"1","contact_data":[{"chat_type":"tiktok"},{"chat_type":"max","phone":"7"}]}"#,
        ] {
            let read = read(plain);
            assert!(read.is_some(), "{plain}");
            assert_eq!(read, serde_json::from_str(plain).ok(), "{plain}");
        }
        for other in [
            "",
            "{}",
            "null",
            r#"{"id":"1""#,
            r#"{"id":"1"}}"#,
            r#"{"id":"1",}"#,
            r#"{"id": "1"}"#,
            r#"{"id":1}"#,
            r#"{"id":""}"#,
            r#"{"id":"\x"}"#,
            r#"{"id":"\"}"#,
            r#"{"id":"\ud83d"}"#,
            r#"{"id":"1\"#,
            r#"{"id":"1","tags":"a"}"#,
            r#"{"id":"1","contact_data":[{"chat_id":"5"}]}"#,
            r#"{"id":"1","contact_data":[{"chat_type":null}]}"#,
            r#"{"id":"1","contact_data":[{"chat_type":"vk","nick":"5"}]}"#,
            r#"{"id":"1","contact_data":[{"chat_type":"vk"},]}"#,
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn it_is_read_as_serde_reads_it(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "null", "\"", "\"\"", "\"я\"", "\"id\"", "\"name\"",
                    "\"contact_data\"", "\"chat_type\"", "\"chat_id\"", "\"vk\"", "\"id\":\"1\"",
                    "\"contact_data\":[", "{\"chat_type\":\"vk\"}", "\\", "\\\"", "\\\\\"", "\"\\u0031", " ", "7",
                ]),
                0..12,
            ),
        ) {
            let text = format!("{{\"id\":\"1\"{}", parts.concat());
            if let Some(contact) = read(&text) {
                prop_assert_eq!(Some(contact), serde_json::from_str(&text).ok());
            }
        }
    }
}
