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
    names::{
        chat_type, chat_types_in, field_called, is_other as is_not_contact, key as name_key,
        recognize, words,
    },
    presets::Preset,
    resolved::Assignment,
    template::{FieldTemplate, Piece, Placeholder, Template, TemplateError},
};
pub use {self::field::Field, self::resolve::MappingOptions};
pub(crate) use {self::presets::resolve, self::resolved::Mapping};
