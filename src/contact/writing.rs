//! Writes the JSON of a contact for each staged row, with the same result as [`Serialize`](serde::Serialize).
//!
//! Serde is slow here because of the flattened unknown members, and because it checks each byte of texts and field
//! names: it took 12 % of the instructions of an import. Here a contact is written as if no text needed an escape, and
//! checked as a whole. The few that need one are written again.

use super::{Chat, Contact};

impl Contact<'_> {
    /// Appends the contact as JSON.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        let has_unknown = |chat: &Chat<'_>| !chat.unknown.is_empty();
        if !self.unknown.is_empty() || self.contact_data.iter().any(has_unknown) {
            // Writing into memory can't fail.
            let _ = serde_json::to_writer(out, self);
            return;
        }
        let start = out.len();
        let quotes = Members::write(self, false, out);
        if needs_escapes(&out[start..], quotes) {
            out.truncate(start);
            Members::write(self, true, out);
        }
    }
}

/// Writes the members of a contact.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    /// True to escape texts.
    escapes: bool,
    /// The number of quotes around names and texts.
    quotes: usize,
}

impl<'a> Members<'a> {
    /// Appends a contact. Returns the number of quotes around names and texts.
    fn write(contact: &Contact<'_>, escapes: bool, out: &'a mut Vec<u8>) -> usize {
        let mut members = Self {
            out,
            escapes,
            quotes: 0,
        };
        members.contact(contact);
        members.quotes
    }

    fn contact(&mut self, contact: &Contact<'_>) {
        self.member(b"{\"id\":", &contact.id);
        self.member_with_text(b",\"responsible_user_id\":", &contact.responsible_user_id);
        self.member_with_text(b",\"name\":", &contact.name);
        for (index, chat) in contact.contact_data.iter().enumerate() {
            if index == 0 {
                self.out.extend_from_slice(b",\"contact_data\":[");
                self.quotes += 2;
            } else {
                self.out.push(b',');
            }
            self.chat(chat);
        }
        if !contact.contact_data.is_empty() {
            self.out.push(b']');
        }
        self.member_with_text(b",\"uri\":", &contact.uri);
        self.out.push(b'}');
    }

    fn chat(&mut self, chat: &Chat<'_>) {
        self.member(b"{\"chat_type\":", chat.chat_type.as_str());
        self.member_with_text(b",\"chat_id\":", &chat.chat_id);
        self.member_with_text(b",\"username\":", &chat.username);
        self.member_with_text(b",\"phone\":", &chat.phone);
        self.out.push(b'}');
    }

    fn member_with_text(&mut self, opening: &[u8], text: &str) {
        if !text.is_empty() {
            self.member(opening, text);
        }
    }

    /// Writes a name and its text. `opening`: everything up to the text.
    fn member(&mut self, opening: &[u8], text: &str) {
        self.out.extend_from_slice(opening);
        self.quotes += 4;
        if self.escapes {
            // Writing into memory can't fail.
            let _ = serde_json::to_writer(&mut *self.out, text);
            return;
        }
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
    }
}

/// True if the texts in this JSON contain a quote, a backslash or a control character.
fn needs_escapes(json: &[u8], quotes: usize) -> bool {
    // Without an early exit, and with counts of one byte, the loops are vectorized.
    let is_escaped = |byte: &u8| matches!(byte, ..b' ' | b'\\');
    let has_escaped = json.iter().fold(false, |any, byte| any | is_escaped(byte));
    let count = |piece: &[u8]| {
        piece
            .iter()
            .fold(0_u8, |sum, &byte| sum + u8::from(byte == b'"'))
    };
    let pieces = json.chunks(u8::MAX.into());
    has_escaped || pieces.map(|piece| usize::from(count(piece))).sum::<usize>() != quotes
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::contact::ChatType;

    fn text() -> impl Strategy<Value = Cow<'static, str>> {
        prop_oneof![Just(String::new()), "[a-zа-я0-9 ]{0,40}", any::<String>()].prop_map(Cow::Owned)
    }

    fn chat() -> impl Strategy<Value = Chat<'static>> {
        let types = prop::sample::select(ChatType::ALL.to_vec());
        (types, text(), text(), text()).prop_map(|(chat_type, chat_id, username, phone)| Chat {
            chat_id,
            username,
            phone,
            ..Chat::empty(chat_type)
        })
    }

    proptest! {
        #[test]
        fn contacts_are_written_as_serde_writes_them(
            texts in [text(), text(), text(), text()],
            contact_data in prop::collection::vec(chat(), 0..3),
            unknown in prop::sample::select(vec!["", r#","tags":["a"],"n":null"#]),
        ) {
            let [id, responsible_user_id, name, uri] = texts;
            let with_unknown = format!("{{\"id\":\"1\"{unknown}}}");
            let read: Contact<'_> = serde_json::from_str(&with_unknown).expect("it is a contact");
            let contact = Contact { id, responsible_user_id, name, contact_data, uri, unknown: read.unknown };
            let mut written = Vec::new();
            contact.write_json(&mut written);
            prop_assert_eq!(written, serde_json::to_vec(&contact).expect("it is JSON"));
        }
    }
}
