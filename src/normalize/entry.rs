//! One chat that is given with its parts: a numbered group, or an entry of `contact_data`.
//!
//! This is the form that our own export writes, so what is valid comes back exactly as it was: no guessing
//! at countries, no tidying of ids that only the messenger understands. Only what the API would not take
//! (a `+`, an `@`, a link) is read as people write it.

use std::borrow::Cow;

use super::{
    handle::{self, Fault, Part},
    notes::Notes,
    phone::Phones,
};
use crate::{
    contact::{Chat, ChatType},
    reject::RejectCode,
};

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EntryFault {
    /// A value is not what it should be; the value.
    Value(Fault, String),
    /// The messenger has no such field.
    NotTaken(ChatType, &'static str),
    /// Nothing says whom to reach.
    Unidentified(ChatType),
}

impl EntryFault {
    pub(super) const fn code(&self) -> RejectCode {
        match self {
            Self::Value(fault, _) => fault.code(),
            Self::NotTaken(..) => RejectCode::ContactDataInvalid,
            Self::Unidentified(_) => RejectCode::ChatIdMissing,
        }
    }

    pub(super) fn reason(&self) -> String {
        match self {
            Self::Value(fault, value) => fault.reason(value),
            Self::NotTaken(chat_type, field) => {
                format!("a {chat_type} chat has no {field}: empty it, or correct the chat_type")
            }
            Self::Unidentified(ChatType::Telegram) => {
                "the telegram chat has no chat_id, username or phone: one of them must be filled"
                    .into()
            }
            Self::Unidentified(ChatType::Max) => {
                "the max chat has no chat_id or phone: one of them must be filled".into()
            }
            Self::Unidentified(chat_type) => {
                format!("the {chat_type} chat has no chat_id: fill it, or empty the chat_type")
            }
        }
    }
}

/// An entry as it was given; what is empty is absent.
#[derive(Clone, Debug)]
pub(super) struct Given<'r> {
    pub(super) chat_type: ChatType,
    pub(super) chat_id: Cow<'r, str>,
    pub(super) username: Cow<'r, str>,
    pub(super) phone: Cow<'r, str>,
}

/// The entry as the API wants it.
pub(super) fn read<'r>(
    given: Given<'r>,
    phones: &Phones,
    notes: &mut Notes,
) -> Result<Chat<'r>, EntryFault> {
    let mut chat = Chat::empty(given.chat_type);
    take_chat_id(&mut chat, given.chat_id, phones, notes)?;
    take_username(&mut chat, given.username, phones, notes)?;
    take_phone(&mut chat, given.phone, phones, notes)?;
    if chat.is_identified() {
        Ok(chat)
    } else {
        Err(EntryFault::Unidentified(chat.chat_type))
    }
}

fn take_chat_id<'r>(
    chat: &mut Chat<'r>,
    value: Cow<'r, str>,
    phones: &Phones,
    notes: &mut Notes,
) -> Result<(), EntryFault> {
    if value.is_empty() {
        return Ok(());
    }
    if is_api_form(chat.chat_type, &value) {
        chat.chat_id = value;
        return Ok(());
    }
    let chat_type = chat.chat_type;
    let part = reading(&value, |value| {
        handle::read(chat_type, value, phones, notes)
    })?;
    match part {
        Part::ChatId(id) => chat.chat_id = id,
        Part::Username(name) => chat.username = name,
        Part::Phone(phone) => chat.phone = phone,
    }
    Ok(())
}

/// Is it what the API itself would show? Ids of the other messengers may hold anything, even slashes.
fn is_api_form(chat_type: ChatType, value: &str) -> bool {
    let plain = || !value.starts_with(['@', '\'', '+', '=']) && handle::opaque(value).is_ok();
    match chat_type {
        ChatType::Whatsapp | ChatType::Viber => is_number(value),
        ChatType::Telegram | ChatType::Instagram | ChatType::Vk => plain() && !value.contains('/'),
        _ => plain() && !value.contains("://"),
    }
}

/// Digits that were a number to somebody: no country is asked.
fn is_number(value: &str) -> bool {
    (5..=15).contains(&value.len())
        && !value.starts_with('0')
        && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn take_username<'r>(
    chat: &mut Chat<'r>,
    value: Cow<'r, str>,
    phones: &Phones,
    notes: &mut Notes,
) -> Result<(), EntryFault> {
    if value.is_empty() {
        return Ok(());
    }
    if !chat.chat_type.takes_username() {
        return Err(EntryFault::NotTaken(chat.chat_type, "username"));
    }
    let name = if handle::is_username(&value) {
        Part::Username(value)
    } else {
        reading(&value, |value| handle::username(value, phones, notes))?
    };
    match name {
        Part::Phone(phone) => chat.phone = phone,
        Part::Username(name) | Part::ChatId(name) => chat.username = name,
    }
    Ok(())
}

fn take_phone<'r>(
    chat: &mut Chat<'r>,
    value: Cow<'r, str>,
    phones: &Phones,
    notes: &mut Notes,
) -> Result<(), EntryFault> {
    if value.is_empty() {
        return Ok(());
    }
    let phone = if is_number(&value) {
        value
    } else {
        reading(&value, |value| {
            handle::number(value, phones, notes).map(Part::Phone)
        })
        .map(Part::text)?
    };
    if chat.chat_type.takes_phone() {
        chat.phone = phone;
    } else if chat.chat_type.id_is_phone() && (chat.chat_id.is_empty() || chat.chat_id == phone) {
        chat.chat_id = phone;
    } else {
        return Err(EntryFault::NotTaken(chat.chat_type, "phone"));
    }
    Ok(())
}

/// Reads a value that may be owned: what is made of it can't borrow from it.
fn reading(
    value: &str,
    read: impl FnOnce(&str) -> Result<Part<'_>, Fault>,
) -> Result<Part<'static>, EntryFault> {
    read(value)
        .map(Part::into_owned)
        .map_err(|fault| EntryFault::Value(fault, value.to_string()))
}

impl<'r> Part<'r> {
    fn text(self) -> Cow<'r, str> {
        match self {
            Self::ChatId(text) | Self::Username(text) | Self::Phone(text) => text,
        }
    }

    pub(super) fn into_owned(self) -> Part<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::ChatId(text) => Part::ChatId(owned(text)),
            Self::Username(text) => Part::Username(owned(text)),
            Self::Phone(text) => Part::Phone(owned(text)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn seen(chat_type: ChatType, parts: [&'static str; 3]) -> Result<Chat<'static>, EntryFault> {
        let [chat_id, username, phone] = parts.map(Cow::Borrowed);
        let given = Given {
            chat_type,
            chat_id,
            username,
            phone,
        };
        read(
            given,
            &Phones::new("RU".parse().ok()),
            &mut Notes::default(),
        )
    }

    #[test]
    fn what_the_api_shows_comes_back_exactly() {
        for (chat_type, parts) in [
            (ChatType::Whatsapp, ["89161234567", "", ""]),
            (ChatType::Whatsapp, ["12345", "", ""]),
            (ChatType::Instagram, ["Some Opaque-id 17", "", ""]),
            (ChatType::Vk, ["id123", "", ""]),
            (ChatType::Telegram, ["123", "12345", "89161234567"]),
            (ChatType::Max, ["", "", "9161234567"]),
            (ChatType::Avito, ["u2i-a~b;c", "", ""]),
            (ChatType::Maxgroup, ["a.b/c", "", ""]),
        ] {
            let chat = seen(chat_type, parts).expect("it is valid");
            assert_eq!([&*chat.chat_id, &*chat.username, &*chat.phone], parts);
        }
    }

    #[test]
    fn what_people_write_is_read() {
        for (chat_type, parts, wanted) in [
            (
                ChatType::Whatsapp,
                ["8 (916) 123-45-67", "", ""],
                ["79161234567", "", ""],
            ),
            (
                ChatType::Whatsapp,
                ["", "", "+7 916 123 45 67"],
                ["79161234567", "", ""],
            ),
            (ChatType::Instagram, ["@ann", "", ""], ["ann", "", ""]),
            (ChatType::Telegram, ["@ann", "", ""], ["", "ann", ""]),
            (ChatType::Telegram, ["t.me/ann", "", ""], ["", "ann", ""]),
            (
                ChatType::Telegram,
                ["", "https://t.me/ann", "8 916 123 45 67"],
                ["", "ann", "79161234567"],
            ),
        ] {
            let chat = seen(chat_type, parts).expect("it can be read");
            assert_eq!([&*chat.chat_id, &*chat.username, &*chat.phone], wanted);
        }
    }

    #[test]
    fn what_a_messenger_does_not_take_is_refused() {
        for (chat_type, parts, code) in [
            (ChatType::Vk, ["", "", ""], RejectCode::ChatIdMissing),
            (ChatType::Telegram, ["", "", ""], RejectCode::ChatIdMissing),
            (
                ChatType::Whatsapp,
                ["79161234567", "ann", ""],
                RejectCode::ContactDataInvalid,
            ),
            (
                ChatType::Vk,
                ["1", "", "79161234567"],
                RejectCode::ContactDataInvalid,
            ),
            (
                ChatType::Whatsapp,
                ["79161234567", "", "79161234568"],
                RejectCode::ContactDataInvalid,
            ),
            (
                ChatType::Whatsapp,
                ["нет", "", ""],
                RejectCode::PhoneInvalid,
            ),
            (
                ChatType::Telegram,
                ["1", "Анна", ""],
                RejectCode::UsernameInvalid,
            ),
        ] {
            let fault = seen(chat_type, parts).expect_err("it is not valid");
            assert_eq!(fault.code(), code, "{}", fault.reason());
        }
    }
}
