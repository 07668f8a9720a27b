//! Wide CSV: one row per contact, with its chats in numbered groups of columns. Lossless: importing it changes nothing.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use super::spool::Spool;
use crate::{
    contact::Contact,
    formula::{GUARD, is_guarded},
    wording::is_margin,
};

/// Columns of a contact before its chats.
const FIELDS: [&str; 4] = ["id", "responsible_user_id", "name", "uri"];

/// Columns of a chat.
const CHAT_FIELDS: [&str; 4] = ["chat_type", "chat_id", "username", "phone"];

/// Writes all contacts.
pub(super) fn write(spool: &mut Spool, out: impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let groups = spool.chats_max().max(1);
    let header = (1..=groups).flat_map(|group| CHAT_FIELDS.map(|field| format!("{field}_{group}")));
    csv.write_record(FIELDS.map(String::from).into_iter().chain(header))
        .map_err(cause)?;
    spool.for_each(|contact| write_row(&mut csv, contact, groups).map_err(cause))?;
    csv.flush()
}

fn write_row(
    csv: &mut csv::Writer<impl Write>,
    contact: &Contact<'_>,
    groups: usize,
) -> csv::Result<()> {
    csv.write_field(code(&contact.id).as_bytes())?;
    csv.write_field(code(&contact.responsible_user_id).as_bytes())?;
    csv.write_field(text(&contact.name).as_bytes())?;
    csv.write_field(text(&contact.uri).as_bytes())?;
    for group in 0..groups {
        let chat = contact.contact_data.get(group);
        csv.write_field(chat.map_or("", |chat| chat.chat_type.as_str()))?;
        for field in chat.map_or([""; 3], |chat| {
            [&*chat.chat_id, &*chat.username, &*chat.phone]
        }) {
            csv.write_field(code(field).as_bytes())?;
        }
    }
    csv.write_record(None::<&[u8]>)
}

/// The system's error, which the library's conversion hides: a closed pipe must be recognised.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Import removes one leading apostrophe from an id or a handle, and unwraps `="…"`. A value that begins like that gets an
/// apostrophe, which import removes again.
fn code(cell: &str) -> Cow<'_, str> {
    guarded(cell, cell.starts_with(['\'', '=']))
}

/// Import removes the apostrophe of a name if it protects text that a spreadsheet would take for a formula.
fn text(cell: &str) -> Cow<'_, str> {
    guarded(cell, is_guarded(cell) || cell.starts_with('='))
}

/// Import also removes white space at the ends, unless the value is in `="…"`, which can't hold quotes.
fn guarded(cell: &str, needed: bool) -> Cow<'_, str> {
    if cell.trim_matches(is_margin) != cell && !cell.contains('"') {
        format!("=\"{cell}\"").into()
    } else if needed {
        format!("{GUARD}{cell}").into()
    } else {
        cell.into()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::contact::{Chat, ChatType, Contact};

    #[test]
    fn what_import_would_take_for_a_guard_is_guarded() {
        assert_eq!(code("'7"), "''7");
        assert_eq!(code("=1"), "'=1");
        assert_eq!(code("7"), "7");
        assert_eq!(text("'=1"), "''=1");
        assert_eq!(text("=1"), "'=1");
        assert_eq!(text("+1"), "+1");
        assert_eq!(text("'n Sync"), "'n Sync");
        assert_eq!(code(" 7"), "=\" 7\"");
        assert_eq!(text("=1 "), "=\"=1 \"");
        assert_eq!(text("\"A\" "), "\"A\" ");
    }

    #[test]
    fn chats_become_numbered_groups_as_many_as_the_longest_contact_needs() {
        let mut spool = Spool::create(None).unwrap();
        let chats = [
            Chat::by_id(ChatType::Vk, "1"),
            Chat {
                username: "ann".into(),
                ..Chat::empty(ChatType::Telegram)
            },
        ];
        let contact = Contact {
            id: "a".into(),
            name: "Ann, \"A\"\nB".into(),
            uri: "/api/v2/contacts/a".into(),
            ..Contact::default()
        };
        spool
            .add(Contact {
                contact_data: chats.into_iter().collect(),
                ..contact.clone()
            })
            .unwrap();
        spool
            .add(Contact {
                id: "b".into(),
                uri: "https://crm/b".into(),
                ..contact
            })
            .unwrap();
        let mut out = Vec::new();
        write(&mut spool, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "id,responsible_user_id,name,uri,chat_type_1,chat_id_1,username_1,phone_1,chat_type_2,chat_id_2,username_2,phone_2\n\
             a,,\"Ann, \"\"A\"\"\nB\",,vk,1,,,telegram,,ann,\n\
             b,,\"Ann, \"\"A\"\"\nB\",https://crm/b,,,,,,,,\n"
        );
    }
}
