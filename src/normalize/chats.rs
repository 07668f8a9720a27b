//! Collecting a row's chats: each once, and what several columns say about one account as one chat.

use super::{
    handle::Part,
    notes::{Note, Notes},
};
use crate::contact::{Chat, ChatType};

/// The chats of one contact.
pub(super) type Chats<'r> = Vec<Chat<'r>>;

/// Adds a whole chat, unless it is there already.
pub(super) fn add<'r>(chats: &mut Chats<'r>, chat: Chat<'r>, notes: &mut Notes) {
    if chats.contains(&chat) {
        notes.count(Note::Duplicate, || described(&chat));
    } else {
        chats.push(chat);
    }
}

/// Adds what a messenger's column says. `telegram`, `telegram_username` and `telegram_phone` with one value
/// each speak of one account, so they make one chat; with several values nobody knows which belong together.
pub(super) fn add_part<'r>(
    chats: &mut Chats<'r>,
    chat_type: ChatType,
    part: Part<'r>,
    alone: bool,
    notes: &mut Notes,
) {
    let mut same = chats.iter_mut().filter(|chat| chat.chat_type == chat_type);
    if alone
        && let (Some(only), None) = (same.next(), same.next())
        && place(only, &part).is_empty()
    {
        put(only, part);
        return;
    }
    let mut chat = Chat::empty(chat_type);
    let known = chats
        .iter_mut()
        .any(|known| known.chat_type == chat_type && *place(known, &part) == *text(&part));
    put(&mut chat, part);
    if known {
        notes.count(Note::Duplicate, || described(&chat));
    } else {
        chats.push(chat);
    }
}

fn place<'c, 'r>(chat: &'c mut Chat<'r>, part: &Part<'_>) -> &'c mut std::borrow::Cow<'r, str> {
    match part {
        Part::ChatId(_) => &mut chat.chat_id,
        Part::Username(_) => &mut chat.username,
        Part::Phone(_) => &mut chat.phone,
    }
}

fn text<'p>(part: &'p Part<'_>) -> &'p str {
    match part {
        Part::ChatId(text) | Part::Username(text) | Part::Phone(text) => text,
    }
}

fn put<'r>(chat: &mut Chat<'r>, part: Part<'r>) {
    match part {
        Part::ChatId(text) => chat.chat_id = text,
        Part::Username(text) => chat.username = text,
        Part::Phone(text) => chat.phone = text,
    }
}

fn described(chat: &Chat<'_>) -> String {
    let parts = [&*chat.chat_id, &*chat.username, &*chat.phone];
    let account = parts.into_iter().find(|part| !part.is_empty());
    format!("{} {}", chat.chat_type, account.unwrap_or_default())
}

/// The chat that a telephone number of no messenger becomes.
pub(super) fn of_number(chat_type: ChatType, number: std::borrow::Cow<'_, str>) -> Chat<'_> {
    if chat_type.id_is_phone() {
        Chat::by_id(chat_type, number)
    } else {
        Chat {
            phone: number,
            ..Chat::empty(chat_type)
        }
    }
}
