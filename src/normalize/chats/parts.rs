//! Reads chats that are given in parts: numbered groups of columns, the JSON array of `contact_data`, and the cells
//! of backups.
//!
//! Our own export writes chats so. Valid ids are kept unchanged. A national number is completed only in a group of
//! columns, because people also write those by hand. Only values that the API would reject (with a `+`, an `@`, a link)
//! are read like other cells.

use std::borrow::Cow;

use super::handle;
use crate::{
    characters::shown,
    contact::{Chat, ChatType, UnknownChatType, UnknownFields, cell},
    formula::literal_code,
    mapping::{self, BackupLayout, Field, GroupPart},
    normalize::{
        edits::{Edit, Edits},
        phone::Phones,
        rules::FileRules,
    },
    reject::{Fault, RejectCode},
};

/// Reads an entry of `contact_data`. Unknown members are faults, because a misspelt one would be lost.
fn read_entry<'r>(entry: Chat<'r>, phones: &Phones, edits: &mut Edits) -> Result<Chat<'r>, Fault> {
    if let Some(name) = entry.unknown.names().next() {
        let name = shown(&name);
        let reason = format!("a chat has no {name}: leave it out, or correct its name");
        return Err(Fault::new(RejectCode::ContactDataInvalid, reason));
    }
    let given = Chat {
        chat_id: trimmed(entry.chat_id),
        username: trimmed(entry.username),
        phone: trimmed(entry.phone),
        ..Chat::empty(chat_type(entry.chat_type.as_str())?)
    };
    read(given, &is_number, phones, edits)
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => text.trim().into(),
        Cow::Owned(text) => text.trim().to_owned().into(),
    }
}

/// The chats of a JSON array, or the faults of its entries.
pub(super) fn read_array<'r>(
    cell: &'r str,
    phones: &Phones,
    edits: &mut Edits,
) -> Result<Vec<Chat<'r>>, Vec<Fault>> {
    // These numbers come from the API, so they are not counted.
    edits.numbers.end();
    let cell = cell.trim();
    if cell.is_empty() {
        return Ok(Vec::new());
    }
    let entries: Vec<Chat<'r>> = serde_json::from_str(cell).map_err(|error| {
        let reason = not_an_array(&error);
        vec![Fault::new(RejectCode::ContactDataInvalid, reason)]
    })?;
    let (mut chats, mut faults) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        match read_entry(entry, phones, edits) {
            Ok(chat) => chats.push(chat),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(chats)
    } else {
        Err(faults)
    }
}

/// The chat of a numbered group: chat type, id, username and phone. In a backup it is kept exactly as in the
/// account.
pub(super) fn read_group<'r>(
    [type_name, chat_id, username, phone]: [Cow<'r, str>; 4],
    file: &FileRules,
    edits: &mut Edits,
) -> Result<Chat<'r>, Fault> {
    if type_name.is_empty() {
        let reason = "the chat has no chat_type: fill it in (whatsapp, telegram, …), or empty the chat's other cells";
        return Err(Fault::new(RejectCode::ChatTypeUnknown, reason));
    }
    let any_group = Field::Group {
        number: 0,
        part: GroupPart::ChatType,
    };
    let table = file.table(any_group);
    let meant = table.and_then(|table| table.get(&type_name));
    let name = meant.unwrap_or(&type_name);
    let is_backup = file.mapping.backup.is_some();
    // Only a backup may have an undocumented type, because a misspelt type must not be sent.
    let chat_type = match ChatType::named(name).filter(|_| is_backup) {
        Some(chat_type) => chat_type,
        None => chat_type(name)?,
    };
    let given = Chat {
        chat_id,
        username,
        phone,
        ..Chat::empty(chat_type)
    };
    if is_backup {
        if chat_type.id_is_phone() && !given.chat_id.bytes().all(|byte| byte.is_ascii_digit()) {
            edits.count(Edit::NotDigits, || given.chat_id.to_string());
        }
        Ok(given)
    } else {
        let is_kept = |number: &str| file.phones.is_international(number.as_bytes());
        read(given, &is_kept, &file.phones, edits)
    }
}

/// The chats in a cell of a backup, exactly as in the account. `None` if backups have no such cells for the field.
pub(super) fn read_backup(
    layout: BackupLayout,
    field: Field,
    cell: &str,
) -> Option<Result<Vec<Chat<'static>>, Fault>> {
    let invalid = |reason| Fault::new(RejectCode::ContactDataInvalid, reason);
    match (layout, field) {
        (BackupLayout::Columns, Field::Chat(chat_type)) => {
            let cell = literal_code(cell);
            Some(cell::read(chat_type, &cell).map_err(|piece| {
                invalid(format!(
                    "{} is not a chat of a backup: write the id, @username or +phone, as in 79991112233; 5 @ann",
                    shown(&piece)
                ))
            }))
        }
        (BackupLayout::Objects, Field::ContactData) => {
            let chats = serde_json::from_str::<Vec<Chat<'_>>>(cell);
            let sent = |chat: Chat<'_>| Chat {
                unknown: UnknownFields::default(),
                ..chat.into_owned()
            };
            let chats = chats.map(|chats| chats.into_iter().map(sent).collect());
            Some(chats.map_err(|error| invalid(not_an_array(&error))))
        }
        _ => None,
    }
}

fn not_an_array(error: &serde_json::Error) -> String {
    format!(
        "contact_data is not a JSON array of chats ({error}): write [{{\"chat_type\":\"whatsapp\",\"chat_id\":\"79011112233\"}}]"
    )
}

fn chat_type(name: &str) -> Result<ChatType, Fault> {
    mapping::chat_type(name).ok_or_else(|| {
        let error = UnknownChatType(name.chars().take(60).collect());
        Fault::new(RejectCode::ChatTypeUnknown, error.to_string())
    })
}

/// Reads the given parts of a chat. `is_kept`: true for a number that is sent as it is written.
fn read<'r>(
    given: Chat<'r>,
    is_kept: &dyn Fn(&str) -> bool,
    phones: &Phones,
    edits: &mut Edits,
) -> Result<Chat<'r>, Fault> {
    let chat_type = given.chat_type;
    let mut chat = Chat::empty(chat_type);
    if is_api_form(chat_type, &given.chat_id, is_kept) {
        chat.chat_id = given.chat_id;
    } else if !given.chat_id.is_empty() {
        let read = handle::read(chat_type, &given.chat_id, phones, edits)?;
        chat.overwrite(read.into_owned());
    }
    if !given.username.is_empty() {
        if !chat_type.takes_username() {
            return Err(not_taken(chat_type, "username"));
        }
        if handle::is_username(&given.username) {
            chat.username = given.username;
        } else {
            let read = handle::username(&given.username, phones, edits)?;
            chat.overwrite(read.into_owned());
        }
    }
    if !given.phone.is_empty() {
        let phone = if is_kept(&given.phone) {
            given.phone
        } else {
            handle::number(&given.phone, phones, edits)?
                .into_owned()
                .into()
        };
        if chat_type.takes_phone() {
            chat.phone = phone;
        } else if chat_type.id_is_phone() && (chat.chat_id.is_empty() || chat.chat_id == phone) {
            chat.chat_id = phone;
        } else {
            return Err(not_taken(chat_type, "phone"));
        }
    }
    if chat.is_identified() {
        Ok(chat)
    } else {
        Err(unidentified(chat_type))
    }
}

/// True if the API itself would return this id. Ids of some chat types may contain anything, even slashes.
fn is_api_form(chat_type: ChatType, value: &str, is_kept: &dyn Fn(&str) -> bool) -> bool {
    let plain = || !value.starts_with(['@', '\'', '+', '=']) && handle::opaque(value).is_ok();
    match chat_type {
        ChatType::Whatsapp | ChatType::Viber => is_kept(value),
        ChatType::Telegram | ChatType::Instagram | ChatType::Vk => plain() && !value.contains('/'),
        _ => plain() && !value.contains("://"),
    }
}

/// True for the digits of an international number of any country.
fn is_number(value: &str) -> bool {
    (5..=15).contains(&value.len())
        && !value.starts_with('0')
        && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn not_taken(chat_type: ChatType, field: &str) -> Fault {
    let reason = format!("a {chat_type} chat has no {field}: empty it, or correct the chat_type");
    Fault::new(RejectCode::ContactDataInvalid, reason)
}

fn unidentified(chat_type: ChatType) -> Fault {
    let reason = match chat_type {
        ChatType::Telegram => {
            "the telegram chat has no chat_id, username or phone: fill in one of them".to_owned()
        }
        ChatType::Max => "the max chat has no chat_id or phone: fill in one of them".to_owned(),
        _ => format!("the {chat_type} chat has no chat_id: fill it in, or empty the chat_type"),
    };
    Fault::new(RejectCode::ChatIdMissing, reason)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::normalize::NumberRules;

    fn seen(chat_type: ChatType, parts: [&'static str; 3]) -> Result<Chat<'static>, Fault> {
        let [chat_id, username, phone] = parts.map(Cow::Borrowed);
        let given = Chat {
            chat_id,
            username,
            phone,
            ..Chat::empty(chat_type)
        };
        read(
            given,
            &is_number,
            &Phones::new(NumberRules {
                national: "RU".parse().unwrap_or_default(),
                ..NumberRules::default()
            }),
            &mut Edits::default(),
        )
    }

    #[test]
    fn chats_as_the_api_returns_them_are_unchanged() {
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
    fn chats_as_people_write_them_are_read() {
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
    fn values_that_a_chat_type_does_not_accept_are_rejected() {
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
            assert_eq!(fault.code, code, "{}", fault.reason);
        }
    }

    fn seen_array(cell: &str) -> Result<String, Vec<RejectCode>> {
        read_array(
            cell,
            &Phones::new(NumberRules::default()),
            &mut Edits::default(),
        )
        .map(|chats| serde_json::to_string(&chats).unwrap_or_default())
        .map_err(|faults| faults.into_iter().map(|fault| fault.code).collect())
    }

    #[test]
    fn arrays_of_chats_are_read() {
        for (cell, wanted) in [
            ("[]", "[]"),
            (
                r#"[{"chat_type":"whatsapp","chat_id":"79991112233","username":"","phone":null}]"#,
                r#"[{"chat_type":"whatsapp","chat_id":"79991112233"}]"#,
            ),
            (
                r#"[{"chat_type":"Telegram","username":"@ann"},{"chat_type":"max","phone":"+7 999 111-22-33"}]"#,
                r#"[{"chat_type":"telegram","username":"ann"},{"chat_type":"max","phone":"79991112233"}]"#,
            ),
        ] {
            assert_eq!(seen_array(cell).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn everything_else_is_refused_entry_by_entry() {
        use RejectCode::*;
        for (cell, wanted) in [
            ("79991112233", &[ContactDataInvalid][..]),
            ("[", &[ContactDataInvalid]),
            (
                r#"[{"chat_type":"vk","chatid":"1"}]"#,
                &[ContactDataInvalid],
            ),
            (r#"[{"chat_id":"1"}]"#, &[ContactDataInvalid]),
            (
                r#"[{"chat_type":"icq","chat_id":"1"},{"chat_type":"vk"},{"chat_type":"vk","chat_id":"1"}]"#,
                &[ChatTypeUnknown, ChatIdMissing],
            ),
        ] {
            assert_eq!(seen_array(cell).expect_err(cell), wanted);
        }
    }
}
