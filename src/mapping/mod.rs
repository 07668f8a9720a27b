//! Maps columns to fields.
//!
//! Columns are resolved once per file, before the first row: first by `--map` and the mapping file, then by the
//! fields' own names, then by the names in real exports. The reason for each decision is kept for `check`.
//! Ambiguity that could do damage (two columns that could be the id, the `ID` of an export of deals) is an error
//! that names the flag to use, because a wrong id overwrites other people's contacts.

mod alias;
mod backup;
mod contests;
mod error;
mod field;
mod file;
mod names;
mod placeholders;
mod presets;
mod resolve;
mod resolved;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    backup::BackupLayout,
    error::MappingError,
    field::{GroupPart, UnknownField},
    file::{BadNumbers, Columns, MappingFile},
    names::{is_other as is_not_contact, key as name_key},
    presets::Preset,
    resolved::Assignment,
    template::{FieldTemplate, Piece, Placeholder, Template, TemplateError},
};
use crate::contact::ChatType;
pub use {self::field::Field, self::resolve::MappingOptions};
pub(crate) use {self::presets::resolve, self::resolved::Mapping};

/// The number of cells with known column names. Used to detect the delimiter, the header row and the sheet.
pub(crate) fn recognize(cells: &[String]) -> usize {
    let known = |cell: &&String| names::know(cell) != names::KnownName::Unknown;
    cells.iter().filter(known).count()
}

/// The field for a column with this name: `Phone`, `Ссылка`.
pub(crate) fn field_called(name: &str) -> Option<Field> {
    names::know(name).field()
}

/// The chat type with this name in everyday language: `WhatsApp`, `Ватсап`, `ТГ`.
pub(crate) fn chat_type(name: &str) -> Option<ChatType> {
    name.parse().ok().or_else(|| match field_called(name) {
        Some(Field::Chat(chat_type)) => Some(chat_type),
        _ => None,
    })
}
