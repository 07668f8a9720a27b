//! Writes the JSON of a contact for each staged row, with the same result as [`Serialize`](serde::Serialize).
//!
//! Serde is slow here because of the flattened unknown members, and because it checks each byte of texts and field
//! names. It took 12 % of the instructions of an import; this takes a quarter of that.

use memchr::memchr2;

use super::{Chat, Contact};
use crate::characters::ByteKinds;

/// Appends the contact as JSON.
pub(crate) fn write_contact(contact: &Contact<'_>, out: &mut Vec<u8>) {
    let has_unknown = |chat: &Chat<'_>| !chat.unknown.is_empty();
    if !contact.unknown.is_empty() || contact.contact_data.iter().any(has_unknown) {
        // Writing into memory can't fail.
        let _ = serde_json::to_writer(out, contact);
        return;
    }
    out.extend_from_slice(b"{\"id\":");
    write_text(&contact.id, out);
    write_field(
        b",\"responsible_user_id\":",
        &contact.responsible_user_id,
        out,
    );
    write_field(b",\"name\":", &contact.name, out);
    for (index, chat) in contact.contact_data.iter().enumerate() {
        out.extend_from_slice(match index {
            0 => b",\"contact_data\":[",
            _ => b",",
        });
        write_chat(chat, out);
    }
    if !contact.contact_data.is_empty() {
        out.push(b']');
    }
    write_field(b",\"uri\":", &contact.uri, out);
    out.push(b'}');
}

fn write_chat(chat: &Chat<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"chat_type\":");
    write_text(chat.chat_type.as_str(), out);
    write_field(b",\"chat_id\":", &chat.chat_id, out);
    write_field(b",\"username\":", &chat.username, out);
    write_field(b",\"phone\":", &chat.phone, out);
    out.push(b'}');
}

/// Writes a field that has text.
fn write_field(name: &[u8], text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        out.extend_from_slice(name);
        write_text(text, out);
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    if ByteKinds::of(text).has(ByteKinds::QUOTE | ByteKinds::CONTROL) {
        // Writing into memory can't fail.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// The id at the beginning of a contact, where [`write_contact`] writes it; `None` if it has escapes.
pub(crate) fn leading_id(json: &[u8]) -> Option<&str> {
    let rest = json.strip_prefix(b"{\"id\":\"")?;
    let end = memchr2(b'"', b'\\', rest).filter(|&end| rest[end] == b'"')?;
    str::from_utf8(&rest[..end]).ok()
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
            write_contact(&contact, &mut written);
            prop_assert_eq!(written, serde_json::to_vec(&contact).expect("it is JSON"));
        }
    }

    #[test]
    fn only_an_id_without_escapes_is_read_without_parsing() {
        for (json, id) in [
            (&br#"{"id":"1","name":"A"}"#[..], Some("1")),
            (br#"{"id":"","name":"A"}"#, Some("")),
            (br#"{"id":"a\"b"}"#, None),
            (br#"{"id":"1"#, None),
            (br#"{"name":"A","id":"1"}"#, None),
        ] {
            assert_eq!(leading_id(json), id);
        }
    }
}
