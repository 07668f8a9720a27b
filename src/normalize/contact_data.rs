//! The column `contact_data`: the API's own array as JSON.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    entry::{self, Given},
    notes::Notes,
    phone::Phones,
};
use crate::{contact::Chat, mapping, reject::RejectCode};

/// What is wrong with the cell.
pub(super) type Fault = (RejectCode, String);

/// An entry as it stands in the cell. Unknown fields are errors: a misspelt one would be lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(borrow)]
    chat_type: Text<'a>,
    #[serde(borrow, default)]
    chat_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    username: Option<Text<'a>>,
    #[serde(borrow, default)]
    phone: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The chats of the cell.
pub(super) fn read<'r>(
    cell: &'r str,
    phones: &Phones,
    notes: &mut Notes,
) -> Result<Vec<Chat<'r>>, Vec<Fault>> {
    let entries: Vec<Entry<'r>> =
        serde_json::from_str(cell).map_err(|error| vec![not_json(&error)])?;
    let (mut chats, mut faults) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        match read_entry(entry, phones, notes) {
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

fn not_json(error: &serde_json::Error) -> Fault {
    let reason = format!(
        "contact_data is no array of chats as JSON ({error}): write [{{\"chat_type\":\"whatsapp\",\"chat_id\":\"79011112233\"}}]"
    );
    (RejectCode::ContactDataInvalid, reason)
}

fn read_entry<'r>(entry: Entry<'r>, phones: &Phones, notes: &mut Notes) -> Result<Chat<'r>, Fault> {
    let chat_type =
        mapping::messenger(&entry.chat_type.0).ok_or_else(|| unknown(&entry.chat_type.0))?;
    let text = |text: Option<Text<'r>>| text.map_or(Cow::Borrowed(""), |text| trimmed(text.0));
    let given = Given {
        chat_type,
        chat_id: text(entry.chat_id),
        username: text(entry.username),
        phone: text(entry.phone),
    };
    entry::read(given, phones, notes).map_err(|fault| (fault.code(), fault.reason()))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// The sentence for a messenger that does not exist.
pub(super) fn unknown(name: &str) -> Fault {
    let error = crate::contact::UnknownChatType(name.chars().take(60).collect());
    (RejectCode::ChatTypeUnknown, error.to_string())
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn seen(cell: &str) -> Result<String, Vec<RejectCode>> {
        read(cell, &Phones::new(None), &mut Notes::default())
            .map(|chats| serde_json::to_string(&chats).unwrap_or_default())
            .map_err(|faults| faults.into_iter().map(|(code, _)| code).collect())
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
            assert_eq!(seen(cell).as_deref(), Ok(wanted));
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
            assert_eq!(seen(cell).expect_err(cell), wanted);
        }
    }
}
