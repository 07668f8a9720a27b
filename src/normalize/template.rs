//! Fills in templates (`--set`): a value for a field that the row's own columns leave empty.

use std::{borrow::Cow, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{cells::Cells, chats::handle, edits::Edits, phone, rules::FileRules};
use crate::{
    contact::{Chat, ChatType, Contact},
    mapping::{Field, FieldTemplate, Piece, Placeholder, Template, TemplateError},
};

/// RFC 3986's unreserved characters, which are not escaped in a link.
const IN_LINK: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A template for the links of contacts of which only the id is known.
#[derive(Clone, Debug)]
pub(crate) struct LinkById(Template);

impl FromStr for LinkById {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let template = text.strip_prefix("uri=").filter(|it| !it.is_empty());
        let template: Template = template
            .ok_or("only a link can be set: write uri='https://…/{id}'")?
            .parse()
            .map_err(|error: TemplateError| error.to_string())?;
        let is_id = |piece: &Piece<String>| !matches!(piece, Piece::Value(name) if name != "id");
        if template.pieces().iter().all(is_id) {
            Ok(Self(template))
        } else {
            Err("only the id can be inserted: write uri='https://…/{id}'".to_owned())
        }
    }
}

impl LinkById {
    pub(crate) fn link(&self, id: &str) -> String {
        let pieces = self.0.pieces().iter();
        let pieces = pieces.map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(_) => utf8_percent_encode(id, IN_LINK).to_string(),
        });
        pieces.collect()
    }
}

/// The values of a row that a template may insert.
pub(super) struct RowValues<'a, 'r> {
    pub(super) file: &'r FileRules,
    pub(super) cells: Cells<'r>,
    pub(super) contact: &'a Contact<'r>,
    /// The first number without a chat type.
    pub(super) first_number: &'a str,
}

/// True if the row's own columns leave the field empty.
pub(super) fn is_open(field: Field, contact: &Contact<'_>) -> bool {
    let chats = &contact.contact_data;
    let lacks = |wanted| chats.iter().all(|chat| chat.chat_type != wanted);
    match field {
        Field::Id => contact.id.is_empty(),
        Field::ResponsibleUserId => contact.responsible_user_id.is_empty(),
        Field::Name => contact.name.is_empty(),
        Field::Uri => contact.uri.is_empty(),
        Field::Chat(chat_type) => lacks(chat_type),
        Field::TelegramUsername | Field::TelegramPhone => lacks(ChatType::Telegram),
        Field::MaxPhone => lacks(ChatType::Max),
        Field::Phone | Field::ContactData => chats.is_empty(),
        _ => false,
    }
}

/// The text of a template in this row. `None` if one of its values is empty, because `https://crm.example.com/c/`
/// is not a useful link.
pub(super) fn value<'r>(
    template: &'r FieldTemplate,
    row: &RowValues<'_, 'r>,
) -> Option<Cow<'r, str>> {
    if let [Piece::Text(text)] = template.pieces.as_slice() {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Value(value) => {
                let value = placeholder(*value, row);
                if value.is_empty() {
                    return None;
                }
                // A value at the beginning is a link itself; after text it is part of a link.
                if template.field == Field::Uri && !text.is_empty() {
                    text.extend(utf8_percent_encode(&value, IN_LINK));
                } else {
                    text.push_str(&value);
                }
            }
        }
    }
    (!text.is_empty()).then_some(Cow::Owned(text))
}

/// The value of a placeholder. Edits are not counted here but when the column itself is read.
fn placeholder<'a>(value: Placeholder, row: &'a RowValues<'_, '_>) -> Cow<'a, str> {
    let contact = row.contact;
    let tidied = |cell| row.cells.tidied(cell, &mut Edits::default());
    match value {
        Placeholder::Column(column) => tidied(row.cells.get(column)),
        Placeholder::Number(column) => number_in(column, row),
        Placeholder::Field(Field::Id) => contact.id.as_ref().into(),
        Placeholder::Field(Field::ResponsibleUserId) => contact.responsible_user_id.as_ref().into(),
        Placeholder::Field(Field::Name) => contact.name.as_ref().into(),
        Placeholder::Field(Field::Uri) => contact.uri.as_ref().into(),
        Placeholder::Field(Field::Phone) => row.first_number.into(),
        Placeholder::Field(Field::Chat(chat_type)) => chat(contact, chat_type, Chat::identifier),
        Placeholder::Field(Field::TelegramUsername) => {
            chat(contact, ChatType::Telegram, |chat| &chat.username)
        }
        Placeholder::Field(Field::TelegramPhone) => {
            chat(contact, ChatType::Telegram, |chat| &chat.phone)
        }
        Placeholder::Field(Field::MaxPhone) => chat(contact, ChatType::Max, |chat| &chat.phone),
        Placeholder::Field(part_of_name) => tidied(cell_of(part_of_name, row)),
    }
}

/// The first number in a cell.
fn number_in<'r>(column: usize, row: &RowValues<'_, 'r>) -> Cow<'r, str> {
    let phones = &row.file.phones;
    let values = phone::numbers(row.cells.get(column), phones);
    let read = |value| handle::number(value, phones, &mut Edits::default()).ok();
    values.into_iter().find_map(read).unwrap_or_default()
}

/// The first non-empty cell of a field.
fn cell_of<'r>(field: Field, row: &RowValues<'_, 'r>) -> &'r str {
    let assignments = row.file.mapping.assignments.iter();
    let columns = assignments.filter(|it| it.field == field);
    let mut cells = columns.map(|it| row.cells.get(it.column));
    cells.find(|cell| !cell.is_empty()).unwrap_or_default()
}

fn chat<'a>(
    contact: &'a Contact<'_>,
    chat_type: ChatType,
    part: impl Fn(&'a Chat<'a>) -> &'a str,
) -> Cow<'a, str> {
    let mut chats = contact.contact_data.iter();
    let found = chats.find(|chat| chat.chat_type == chat_type);
    found.map_or(Cow::Borrowed(""), |chat| part(chat).into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_link_by_id_inserts_only_the_id() {
        let link: LinkById = "uri=https://x.y/{id}?a={{b}}".parse().unwrap();
        assert_eq!(link.link("1/ü"), "https://x.y/1%2F%C3%BC?a={b}");
        for wrong in [
            "name=Ann",
            "uri=",
            "uri=https://x.y/{name}",
            "uri=https://x.y/{id",
        ] {
            assert!(wrong.parse::<LinkById>().is_err(), "{wrong}");
        }
    }
}
