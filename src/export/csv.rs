//! Wide CSV: one row per contact, with its chats in numbered groups of columns. Lossless: importing it changes nothing.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use super::{excel::is_converted, spool::Spool};
use crate::{
    contact::Contact,
    formula::{GUARD, is_formula, is_guarded},
    wording::is_margin,
};

/// How cells are separated and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CsvDialect {
    /// Separates cells.
    pub delimiter: u8,
    /// True if spreadsheet programs open the file by a double click: it begins with a BOM, and no cell is calculated or
    /// taken for a number that it is not.
    pub for_excel: bool,
}

/// Columns of a contact before its chats.
const FIELDS: [&str; 4] = ["id", "responsible_user_id", "name", "uri"];

/// Columns of a chat.
const CHAT_FIELDS: [&str; 4] = ["chat_type", "chat_id", "username", "phone"];

/// Writes all contacts.
pub(super) fn write(spool: &mut Spool, dialect: CsvDialect, mut out: impl Write) -> io::Result<()> {
    if dialect.for_excel {
        out.write_all("\u{feff}".as_bytes())?;
    }
    let csv = csv::WriterBuilder::new()
        .delimiter(dialect.delimiter)
        .from_writer(out);
    let groups = spool.chats_max().max(1);
    let mut sheet = Sheet {
        csv,
        dialect,
        groups,
    };
    sheet.write_header().map_err(cause)?;
    spool.for_each(|contact| sheet.write_row(contact).map_err(cause))?;
    sheet.csv.flush()
}

struct Sheet<W: Write> {
    csv: csv::Writer<W>,
    dialect: CsvDialect,
    /// The number of chats that have columns.
    groups: usize,
}

impl<W: Write> Sheet<W> {
    fn write_header(&mut self) -> csv::Result<()> {
        let groups = 1..=self.groups;
        let chats = groups.flat_map(|group| CHAT_FIELDS.map(|field| format!("{field}_{group}")));
        self.csv
            .write_record(FIELDS.map(String::from).into_iter().chain(chats))
    }

    fn write_row(&mut self, contact: &Contact<'_>) -> csv::Result<()> {
        self.write_code(&contact.id)?;
        self.write_code(&contact.responsible_user_id)?;
        self.write_text(&contact.name)?;
        self.write_text(&contact.uri)?;
        for group in 0..self.groups {
            let chat = contact.contact_data.get(group);
            self.csv
                .write_field(chat.map_or("", |chat| chat.chat_type.as_str()))?;
            for field in chat.map_or([""; 3], |chat| {
                [&*chat.chat_id, &*chat.username, &*chat.phone]
            }) {
                self.write_code(field)?;
            }
        }
        self.csv.write_record(None::<&[u8]>)
    }

    /// Import removes one leading apostrophe from an id or a handle, and unwraps `="…"`. A value that begins like that gets
    /// an apostrophe, which import removes again.
    fn write_code(&mut self, cell: &str) -> csv::Result<()> {
        let is_wrappable = !cell.contains('"');
        self.write_guarded(cell, cell.starts_with(['\'', '=']), is_wrappable)
    }

    /// Import removes the apostrophe of a name if it protects text that a spreadsheet would take for a formula.
    fn write_text(&mut self, cell: &str) -> csv::Result<()> {
        self.write_guarded(cell, is_guarded(cell) || cell.starts_with('='), true)
    }

    /// Import also removes white space at the ends, unless the value is in `="…"`.
    fn write_guarded(
        &mut self,
        cell: &str,
        is_mistakable: bool,
        is_wrappable: bool,
    ) -> csv::Result<()> {
        let for_excel = self.dialect.for_excel;
        let is_guarded = is_mistakable || for_excel && is_formula(cell);
        let is_converted = for_excel && !is_guarded && is_converted(cell);
        let is_padded = cell.trim_matches(is_margin) != cell;
        let is_wrapped = is_wrappable && (is_converted || is_padded);
        let cell: Cow<'_, str> = if is_wrapped {
            format!("=\"{}\"", cell.replace('"', "\"\"")).into()
        } else if is_guarded {
            format!("{GUARD}{cell}").into()
        } else {
            cell.into()
        };
        self.csv.write_field(cell.as_bytes())
    }
}

/// The system's error, which the library's conversion hides: a closed pipe must be recognised.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::contact::{Chat, ChatType, Contact};

    const PLAIN: CsvDialect = CsvDialect {
        delimiter: b',',
        for_excel: false,
    };
    const EXCEL: CsvDialect = CsvDialect {
        delimiter: b';',
        for_excel: true,
    };

    /// The cells of id and name.
    fn line(dialect: CsvDialect, id: &str, name: &str) -> String {
        let mut spool = Spool::create(None).unwrap();
        let contact = Contact {
            id: id.into(),
            name: name.into(),
            ..Contact::default()
        };
        spool.add(contact).unwrap();
        let mut out = Vec::new();
        write(&mut spool, dialect, &mut out).unwrap();
        let out = out.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&out);
        let mut rows = csv::ReaderBuilder::new();
        let mut rows = rows.delimiter(dialect.delimiter).from_reader(out);
        let row = rows.records().next().unwrap().unwrap();
        format!("{}|{}", &row[0], &row[2])
    }

    #[test]
    fn what_import_would_take_for_a_guard_is_guarded() {
        for (id, written) in [("'7", "''7"), ("=1", "'=1"), ("7", "7"), (" 7", "=\" 7\"")] {
            assert_eq!(line(PLAIN, id, ""), format!("{written}|"));
        }
        for (name, written) in [
            ("'=1", "''=1"),
            ("=1", "'=1"),
            ("+1", "+1"),
            ("007", "007"),
            ("'n Sync", "'n Sync"),
            ("=1 ", "=\"=1 \""),
            ("\"A\" ", "=\"\"\"A\"\" \""),
        ] {
            assert_eq!(line(PLAIN, "", name), format!("|{written}"));
        }
    }

    #[test]
    fn for_excel_neither_formulas_nor_numbers_are_left() {
        for (id, written) in [
            ("+7", "'+7"),
            ("007", "=\"007\""),
            ("79991112233", "79991112233"),
            ("120363025246125486", "=\"120363025246125486\""),
            (" =1", "=\" =1\""),
        ] {
            assert_eq!(line(EXCEL, id, ""), format!("{written}|"));
        }
        for (name, written) in [
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("'-1", "''-1"),
            ("\tx", "=\"\tx\""),
            ("1-2", "=\"1-2\""),
            ("TRUE", "=\"TRUE\""),
            ("Ann", "Ann"),
        ] {
            assert_eq!(line(EXCEL, "", name), format!("|{written}"));
        }
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
        write(&mut spool, PLAIN, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "id,responsible_user_id,name,uri,chat_type_1,chat_id_1,username_1,phone_1,chat_type_2,chat_id_2,username_2,phone_2\n\
             a,,\"Ann, \"\"A\"\"\nB\",,vk,1,,,telegram,,ann,\n\
             b,,\"Ann, \"\"A\"\"\nB\",https://crm/b,,,,,,,,\n"
        );
    }
}
