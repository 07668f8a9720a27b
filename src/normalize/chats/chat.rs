//! Reads the cells of chats, and collects the chats of a contact without duplicates.

use std::borrow::Cow;

use super::{handle, parts::read_array};
use crate::{
    contact::{Chat, ChatType, spelling::is_respelt_phone},
    mapping::Field,
    normalize::{
        edits::{Edit, Edits},
        phone,
        rules::FileRules,
        text::tidy_code,
    },
    reject::Fault,
};

/// Maximum number of chats in a row, because each is compared with the others. A row with more is rejected.
pub(super) const CHATS_MAX: usize = 1_000;

/// Adds a chat, unless there are too many already.
pub(in crate::normalize) fn add<'r>(chats: &mut Vec<Chat<'r>>, chat: Chat<'r>, edits: &mut Edits) {
    if chats.len() > CHATS_MAX {
        return;
    }
    if chats.contains(&chat) {
        count_duplicate(&chat, edits);
    } else {
        chats.push(chat);
    }
}

pub(super) fn add_phone<'r>(
    chats: &mut Vec<Chat<'r>>,
    types: &[ChatType],
    number: Cow<'r, str>,
    edits: &mut Edits,
) {
    if let Some((last, others)) = types.split_last() {
        for chat_type in others {
            add(chats, Chat::by_phone(*chat_type, number.clone()), edits);
        }
        add(chats, Chat::by_phone(*last, number), edits);
    }
}

/// Counts a `WhatsApp` number that the contact has in both of its spellings.
pub(in crate::normalize) fn inspect(chats: &[Chat<'_>], edits: &mut Edits) {
    // Backups may have more.
    let chats = &chats[..chats.len().min(CHATS_MAX)];
    for (index, chat) in chats.iter().enumerate() {
        let mut earlier = chats[..index].iter();
        let is_same = |other: &&Chat<'_>| {
            other.chat_type == ChatType::Whatsapp && is_respelt_phone(&chat.chat_id, &other.chat_id)
        };
        if chat.chat_type == ChatType::Whatsapp
            && let Some(other) = earlier.find(is_same)
        {
            edits.count(Edit::TwoSpellings, || {
                format!("{} and {}", other.chat_id, chat.chat_id)
            });
        }
    }
}

/// Adds a chat from a column of its type. `telegram`, `telegram_username` and `telegram_phone` with one value each
/// form one chat. If one of them has several values, it is unknown which belong together.
#[inline]
fn add_value<'r>(chats: &mut Vec<Chat<'r>>, chat: Chat<'r>, is_only: bool, edits: &mut Edits) {
    if chats.is_empty() {
        return chats.push(chat);
    }
    if chats.len() > CHATS_MAX {
        return;
    }
    let mut same_type = chats
        .iter_mut()
        .filter(|known| known.chat_type == chat.chat_type);
    if is_only
        && let (Some(known), None) = (same_type.next(), same_type.next())
        && pairs(known, &chat).all(|(known, part)| known.is_empty() || part.is_empty())
    {
        return known.overwrite(chat);
    }
    let has_same = |known: &Chat<'_>| {
        known.chat_type == chat.chat_type
            && pairs(known, &chat).all(|(known, part)| part.is_empty() || known == part)
    };
    if chats.iter().any(has_same) {
        count_duplicate(&chat, edits);
    } else {
        chats.push(chat);
    }
}

fn pairs<'c>(a: &'c Chat<'_>, b: &'c Chat<'_>) -> impl Iterator<Item = (&'c str, &'c str)> {
    [
        (&*a.chat_id, &*b.chat_id),
        (&*a.username, &*b.username),
        (&*a.phone, &*b.phone),
    ]
    .into_iter()
}

fn count_duplicate(chat: &Chat<'_>, edits: &mut Edits) {
    edits.count(Edit::Duplicate, || {
        format!("{} {}", chat.chat_type, chat.identifier())
    });
}

/// Reads the chats of a cell into `chats`. Returns the faults, each with its value.
pub(in crate::normalize) fn read_cell<'r>(
    field: Field,
    cell: &'r str,
    file: &FileRules,
    chats: &mut Vec<Chat<'r>>,
    edits: &mut Edits,
) -> Vec<(Fault, &'r str)> {
    let phones = &file.phones;
    let (chat_type, holds_numbers) = match field {
        Field::ContactData => {
            return match read_array(cell, phones, edits) {
                Ok(found) => {
                    for chat in found {
                        add(chats, chat, edits);
                    }
                    Vec::new()
                }
                Err(faults) => faults.into_iter().map(|fault| (fault, "")).collect(),
            };
        }
        Field::Phone => {
            return match handle::number(cell, phones, edits) {
                Ok(number) => {
                    add_phone(chats, &file.mapping.phone_as, number, edits);
                    Vec::new()
                }
                Err(fault) => vec![(fault, cell)],
            };
        }
        Field::Chat(chat_type) => (chat_type, chat_type.id_is_phone()),
        Field::MaxPhone => (ChatType::Max, true),
        Field::TelegramPhone => (ChatType::Telegram, true),
        _ => (ChatType::Telegram, false),
    };
    if let Some(chat) = unchanged(field, cell, file) {
        if chat_type.id_is_phone() {
            edits.numbers.sent(cell, true);
        }
        add_value(chats, chat, true, edits);
        return Vec::new();
    }
    read_values(field, (chat_type, holds_numbers), cell, file, chats, edits)
}

/// Reads a cell that may hold several values.
fn read_values<'r>(
    field: Field,
    (chat_type, holds_numbers): (ChatType, bool),
    cell: &'r str,
    file: &FileRules,
    chats: &mut Vec<Chat<'r>>,
    edits: &mut Edits,
) -> Vec<(Fault, &'r str)> {
    let phones = &file.phones;
    let values = phone::values(cell, holds_numbers, phones, edits);
    let is_only = values.len() == 1;
    let mut faults = Vec::new();
    for value in values {
        let value = tidy_code(value, edits);
        if value.is_empty() {
            continue;
        }
        let chat = match field {
            _ if holds_numbers => {
                let named = phone::chat_types(value);
                match handle::number(value, phones, edits) {
                    Ok(number) if named.is_empty() => Ok(Chat::by_phone(chat_type, number)),
                    Ok(number) => {
                        edits.count(Edit::MessengerNamed, || value.to_owned());
                        add_phone(chats, &named, number, edits);
                        continue;
                    }
                    Err(fault) => Err(fault),
                }
            }
            Field::TelegramUsername => handle::username(value, phones, edits),
            _ => handle::read(chat_type, value, phones, edits),
        };
        match chat {
            Ok(chat) => add_value(chats, chat, is_only, edits),
            Err(fault) => faults.push((fault, value)),
        }
    }
    faults
}

/// The fast path: a single value that is sent unchanged.
fn unchanged<'r>(field: Field, cell: &'r str, file: &FileRules) -> Option<Chat<'r>> {
    match field {
        Field::Chat(chat_type @ (ChatType::Whatsapp | ChatType::Viber)) => file
            .phones
            .is_international(cell.as_bytes())
            .then(|| Chat::by_id(chat_type, cell)),
        Field::Chat(ChatType::Telegram) | Field::TelegramUsername => {
            handle::is_plain_username(cell).then(|| handle::by_username(cell))
        }
        _ => None,
    }
}
