//! Errors of mapping columns, each with the flag that resolves it.

use std::num::NonZeroU32;

use crate::{
    characters::shown,
    contact::ChatType,
    nearest,
    wording::{listed, shell_quoted},
};

use super::{Field, recognize};

/// The reason why the columns can't be mapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    #[error("the file has no column `{column}` for {field}; its columns: {}", list(.columns))]
    NoColumn {
        column: String,
        field: Field,
        columns: Vec<String>,
    },
    #[error("only one of {} can be read as {field}", list(.columns))]
    Ambiguous { field: Field, columns: Vec<String> },
    /// An export of deals: its `ID` is not the contact's.
    #[error(
        "the column `{mark}` shows that this is an export of deals or leads, so `{column}` is the deal's id, \
         not the contact's: one contact may have several rows"
    )]
    Deals {
        /// The column that would be the id.
        column: String,
        /// The column that reveals the kind of export.
        mark: String,
        has_phones: bool,
        /// Advice to use a preset for such files.
        preset: Option<String>,
    },
    #[error("`{template}`: the file has no `{{{name}}}`; its columns: {}", list(.columns))]
    NoPlaceholder {
        template: String,
        name: String,
        columns: Vec<String>,
    },
    #[error("{field} can't be set by a template: {reason}")]
    NotSettable { field: Field, reason: &'static str },
    /// A template from a sample that was not edited.
    #[error(
        "the template `{template}` for {field} comes from a sample and still contains {UNEDITED}…"
    )]
    Unedited { field: Field, template: String },
    #[error("{0} chats are not identified by a phone number")]
    NotAPhone(ChatType),
    /// Each assigned column takes time in every row.
    #[error("{found} columns are assigned to fields (limit {MAPPED_COLUMNS_MAX})")]
    TooManyColumns { found: usize },
    /// An error of one of several tables.
    #[error("{table}: {error}")]
    OfTable {
        /// The file and the sheet.
        table: String,
        is_sheet: bool,
        error: Box<Self>,
    },
    /// The mapping file names the header row, and a column is missing.
    #[error("{error} (in row {row}, because of `header_row = {row}` in the mapping file)")]
    OfHeaderRow { row: NonZeroU32, error: Box<Self> },
}

/// Maximum number of columns that are assigned to fields.
pub(super) const MAPPED_COLUMNS_MAX: usize = 1_000;

/// The placeholder for the user's own values in the samples.
pub(super) const UNEDITED: &str = "YOUR-";

impl MappingError {
    /// Adds the advice to use a preset, if it would help.
    pub(super) fn with_preset(mut self, advice: Option<String>) -> Self {
        if let Self::Deals { preset, .. } = &mut self {
            *preset = advice;
        }
        self
    }

    /// Adds the table, which is one of several.
    pub(crate) fn of_table(self, table: String, is_sheet: bool) -> Self {
        Self::OfTable {
            table,
            is_sheet,
            error: Box::new(self),
        }
    }

    /// Adds the header row that the mapping file names, if a column is missing.
    pub(crate) fn of_header_row(self, row: NonZeroU32) -> Self {
        if !matches!(self, Self::NoColumn { .. } | Self::NoPlaceholder { .. }) {
            return self;
        }
        let error = Box::new(self);
        Self::OfHeaderRow { row, error }
    }

    /// The flag that resolves the error.
    pub(crate) fn hint(&self) -> String {
        if let Self::NoColumn { columns, .. } | Self::NoPlaceholder { columns, .. } = self
            && let Some(hint) = layout_hint(columns)
        {
            return hint.to_owned();
        }
        match self {
            Self::NoColumn { field, column, columns } => {
                nearest::flag(&format!("--map {field}="), column, columns).unwrap_or_else(|| {
                    format!("copy the name from the list: --map {field}='…'; `check` shows how columns are read")
                })
            }
            Self::Ambiguous { field, columns } => columns
                .iter()
                .map(|column| format!("--map {field}={}", shell_quoted(column)))
                .collect::<Vec<_>>()
                .join(" or "),
            Self::Deals {
                column,
                has_phones,
                preset,
                ..
            } => {
                let hint = deals_hint(column, *has_phones);
                let preset = preset.as_ref().map(|preset| format!("{preset}; or "));
                preset.unwrap_or_default() + &hint
            }
            Self::NoPlaceholder { name, columns, .. } => placeholder_hint(name, columns),
            Self::NotSettable { .. } => "--set works for id, responsible_user_id, name, uri and the chat types".into(),
            Self::Unedited { field, .. } => format!(
                "replace it with your own address, or set one with --set {field}='https://…/{{id}}'"
            ),
            Self::OfTable { is_sheet, error, .. } => {
                let hint = error.hint();
                if *is_sheet && matches!(**error, Self::NoColumn { .. }) {
                    return format!("{hint}; if this table has no contacts, read the others one at a time: --sheet NAME");
                }
                hint
            }
            Self::OfHeaderRow { row, error } => format!(
                "if the header of this file is not in row {row}, pass --header-row N or remove the key; otherwise {}",
                error.hint()
            ),
            Self::TooManyColumns { .. } => "remove the columns that are not needed".into(),
            Self::NotAPhone(_) => {
                "--phone-as takes whatsapp, viber, telegram and max, or none".into()
            }
        }
    }
}

/// The hint for a file that was split into the wrong columns.
fn layout_hint(columns: &[String]) -> Option<&'static str> {
    let is_phone = |name: &String| {
        !name.contains(char::is_alphabetic)
            && name.matches(|c: char| c.is_ascii_digit()).count() > 6
    };
    // A name without punctuation can't be several names.
    let may_be_split = |name: &String| {
        name.contains(|char: char| char.is_ascii_punctuation() && !"_-.()".contains(char))
    };
    if columns.len() == 1 && columns.iter().any(may_be_split) {
        Some("only one column was found: set the delimiter with --delimiter C")
    } else if columns.iter().any(is_phone) {
        Some("the header row looks like data: add a row of column names above it")
    } else {
        None
    }
}

fn placeholder_hint(name: &str, columns: &[String]) -> String {
    if let Ok(field) = name.parse::<Field>() {
        if recognize(columns) == 0 {
            return "none of these columns has a known name: check that this is the right file, and not a login page or an \
                    error message".into();
        }
        let hint = format!("no column is read as {name}: name it with --map {name}='COLUMN'");
        if field.is_part_of_name() {
            return hint;
        }
        return hint + &format!(", or build it from other columns with --set {name}='{{COLUMN}}'");
    }
    nearest::nearest(name, columns).map_or_else(
        || "write the column's exact name between the braces; `{{` is a literal brace".into(),
        |meant| format!("did you mean {{{meant}}}?"),
    )
}

fn deals_hint(column: &str, has_phones: bool) -> String {
    let by_id = format!("--map id={} to use it anyway", shell_quoted(column));
    if has_phones {
        format!(
            "name the column with the contact's id (--map id='…'), or make the id from the phone \
             (--set id='{{phone}}' --map ignore={}, and import with --on-duplicate merge), or {by_id}",
            shell_quoted(column)
        )
    } else {
        format!("name the column with the contact's id (--map id='…'), or {by_id}")
    }
}

/// The first column names. A workbook may have hundreds.
fn list(columns: &[String]) -> String {
    const SHOWN: usize = 30;
    let named = columns.iter().filter(|column| !column.is_empty());
    listed(named.map(|column| shown(column)), SHOWN)
}
