//! `--set`: a value for a field that the row's own columns leave empty.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{notes::Notes, row::Row, text::tidy};
use crate::{
    contact::{Chat, ChatType},
    mapping::{Field, Mapping, Piece, Setting, Source},
};

/// What stays as it is in a link: RFC 3986's unreserved characters.
const IN_LINK: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Which columns templates read.
pub(super) fn used_columns(mapping: &Mapping) -> Vec<bool> {
    let mut used = vec![false; mapping.columns().len()];
    for piece in mapping
        .settings()
        .iter()
        .flat_map(|setting| &setting.pieces)
    {
        if let Piece::Value(Source::Column(column)) = piece {
            used[*column] = true;
        }
    }
    used
}

/// Does a template take the value of this field?
pub(super) fn takes(mapping: &Mapping, field: Field) -> bool {
    let mut pieces = mapping
        .settings()
        .iter()
        .flat_map(|setting| &setting.pieces);
    pieces.any(|piece| *piece == Piece::Value(Source::Field(field)))
}

/// The text that a template gives in this row; nothing where a value in it is empty, because
/// `https://crm.example.com/c/` leads nowhere.
pub(super) fn value<'r>(setting: &'r Setting, row: &Row<'r, '_>) -> Option<Cow<'r, str>> {
    if let [Piece::Text(text)] = setting.pieces.as_slice() {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::new();
    for piece in &setting.pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Value(source) => {
                let value = source_value(*source, row);
                if value.is_empty() {
                    return None;
                }
                // A value that begins the link is a link itself; behind text it is a part of one.
                if setting.field == Field::Uri && !text.is_empty() {
                    text.extend(utf8_percent_encode(&value, IN_LINK));
                } else {
                    text.push_str(&value);
                }
            }
        }
    }
    (!text.is_empty()).then_some(Cow::Owned(text))
}

/// Changes to a cell that a template reads are not counted: they are where the column itself is read.
fn source_value<'a>(source: Source, row: &'a Row<'_, '_>) -> Cow<'a, str> {
    let contact = &row.contact;
    match source {
        Source::Column(column) => tidy(row.cell(column), &mut Notes::default()),
        Source::Number(column) => row.number_in(column),
        Source::Field(Field::Id) => contact.id.as_ref().into(),
        Source::Field(Field::ResponsibleUserId) => contact.responsible_user_id.as_ref().into(),
        Source::Field(Field::Name) => contact.name.as_ref().into(),
        Source::Field(Field::Uri) => contact.uri.as_ref().into(),
        Source::Field(Field::Phone) => row.first_number.as_deref().unwrap_or_default().into(),
        Source::Field(Field::Messenger(chat_type)) => chat(row, chat_type, account),
        Source::Field(Field::TelegramUsername) => {
            chat(row, ChatType::Telegram, |chat| &chat.username)
        }
        Source::Field(Field::TelegramPhone) => chat(row, ChatType::Telegram, |chat| &chat.phone),
        Source::Field(Field::MaxPhone) => chat(row, ChatType::Max, |chat| &chat.phone),
        Source::Field(other) => tidy(row.part_of_name(other), &mut Notes::default()),
    }
}

fn chat<'a>(
    row: &'a Row<'_, '_>,
    chat_type: ChatType,
    part: impl Fn(&'a Chat<'a>) -> &'a str,
) -> Cow<'a, str> {
    let mut chats = row.contact.contact_data.iter();
    let found = chats.find(|chat| chat.chat_type == chat_type);
    found.map_or(Cow::Borrowed(""), |chat| part(chat).into())
}

fn account<'a>(chat: &'a Chat<'a>) -> &'a str {
    let parts = [&*chat.chat_id, &*chat.username, &*chat.phone];
    parts
        .into_iter()
        .find(|part| !part.is_empty())
        .unwrap_or_default()
}
