//! The chats of one type as the text of a cell: `79991112233; 5 @ann +79991112233`.
//!
//! A chat is written as its id, `@` and its username, `+` and its phone, as far as it has them. A chat that this
//! would make ambiguous, such as one with a space in its id, is written as a JSON object: `{"chat_id":"a b"}`. No
//! chat contains an unescaped `;`, so chats are split before they are parsed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Chat, ChatType, chat::is_blank};

/// The identifiers of a chat.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Identifiers<'a> {
    #[serde(skip_serializing_if = "is_blank")]
    chat_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_blank")]
    username: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_blank")]
    phone: Cow<'a, str>,
}

/// The text of these chats, which must have the same type.
pub(crate) fn written<'c>(chats: impl Iterator<Item = &'c Chat<'c>>) -> String {
    let mut cell = String::new();
    for chat in chats {
        if !cell.is_empty() {
            cell.push_str("; ");
        }
        cell.push_str(&written_chat(chat));
    }
    cell
}

fn written_chat(chat: &Chat<'_>) -> String {
    let parts = [
        ("", &*chat.chat_id),
        ("@", &*chat.username),
        ("+", &*chat.phone),
    ];
    let given = parts.into_iter().filter(|(_, part)| !part.is_empty());
    let plain: Vec<_> = given.map(|(mark, part)| format!("{mark}{part}")).collect();
    let plain = plain.join(" ");
    let is_readable = !plain.contains(|c: char| c == ';' || c.is_control());
    if is_readable && read_chat(chat.chat_type, plain.trim()).is_some_and(|read| read == *chat) {
        return plain;
    }
    let identifiers = Identifiers {
        chat_id: (&*chat.chat_id).into(),
        username: (&*chat.username).into(),
        phone: (&*chat.phone).into(),
    };
    // Writing text fields into memory can't fail.
    let object = serde_json::to_string(&identifiers).unwrap_or_default();
    object.replace(';', "\\u003b")
}

/// The chats of a cell, or the text of the first invalid one.
pub(crate) fn read(chat_type: ChatType, cell: &str) -> Result<Vec<Chat<'static>>, String> {
    let pieces = cell.split(';').map(str::trim);
    let pieces = pieces.filter(|piece| !piece.is_empty());
    let read = |piece: &str| read_chat(chat_type, piece).ok_or_else(|| piece.to_owned());
    pieces.map(read).collect()
}

fn read_chat(chat_type: ChatType, piece: &str) -> Option<Chat<'static>> {
    let mut chat = Chat::empty(chat_type);
    if piece.starts_with('{') {
        let given: Identifiers<'_> = serde_json::from_str(piece).ok()?;
        chat.chat_id = given.chat_id.into_owned().into();
        chat.username = given.username.into_owned().into();
        chat.phone = given.phone.into_owned().into();
        return Some(chat);
    }
    for word in piece.split(' ') {
        let (part, value) = match (word.strip_prefix('@'), word.strip_prefix('+')) {
            (Some(username), _) if chat_type.takes_username() => (&mut chat.username, username),
            (_, Some(phone)) if chat_type.takes_phone() => (&mut chat.phone, phone),
            // Only written by hand.
            (Some(rest), _) | (_, Some(rest)) => (&mut chat.chat_id, rest),
            (None, None) => (&mut chat.chat_id, word),
        };
        if value.is_empty() || !part.is_empty() {
            return None;
        }
        *part = value.to_owned().into();
    }
    Some(chat)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(chat_type: ChatType, [chat_id, username, phone]: [&'static str; 3]) -> Chat<'static> {
        Chat {
            chat_id: chat_id.into(),
            username: username.into(),
            phone: phone.into(),
            ..Chat::empty(chat_type)
        }
    }

    #[test]
    fn plain_chats_are_written_for_people_and_others_as_json() {
        for (chat_type, parts, cell) in [
            (ChatType::Whatsapp, ["79991112233", "", ""], "79991112233"),
            (
                ChatType::Telegram,
                ["5", "ann", "79991112233"],
                "5 @ann +79991112233",
            ),
            (ChatType::Telegram, ["", "ann", ""], "@ann"),
            (ChatType::Max, ["", "", "79991112233"], "+79991112233"),
            (
                ChatType::Whatsapp,
                ["+7999", "", ""],
                r#"{"chat_id":"+7999"}"#,
            ),
            (ChatType::Vk, ["a b", "", ""], r#"{"chat_id":"a b"}"#),
            (ChatType::Vk, ["a;b", "", ""], r#"{"chat_id":"a\u003bb"}"#),
            (ChatType::Vk, ["", "", ""], "{}"),
            (ChatType::Vk, ["{}", "", ""], r#"{"chat_id":"{}"}"#),
            (ChatType::Vk, [" ", "", ""], r#"{"chat_id":" "}"#),
            (ChatType::Vk, ["a\0", "", ""], r#"{"chat_id":"a\u0000"}"#),
        ] {
            let chat = chat(chat_type, parts);
            assert_eq!(written([&chat].into_iter()), cell);
            assert_eq!(read(chat_type, cell), Ok(vec![chat]), "{cell}");
        }
    }

    #[test]
    fn several_chats_are_separated_and_what_people_add_is_read() {
        let chats = ["1", "a; b", "2"].map(|id| chat(ChatType::Vk, [id, "", ""]));
        let cell = written(chats.iter());
        assert_eq!(cell, r#"1; {"chat_id":"a\u003b b"}; 2"#);
        assert_eq!(read(ChatType::Vk, &cell), Ok(chats.to_vec()));
        assert_eq!(read(ChatType::Vk, ""), Ok(Vec::new()));
        let added = read(ChatType::Whatsapp, "79991112233;+34600123456 ;");
        let numbers = ["79991112233", "34600123456"];
        let numbers = numbers.map(|id| chat(ChatType::Whatsapp, [id, "", ""]));
        assert_eq!(added, Ok(numbers.to_vec()));
        for cell in ["+34 600 123 456", "a  b", "@", "{\"id\":1}", "{"] {
            assert_eq!(read(ChatType::Telegram, cell), Err(cell.to_owned()));
        }
    }
}
