//! The mapping of one file: its columns and the fields they are assigned to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    BackupLayout, Field, FieldTemplate, Piece, Placeholder,
    alias::{MOBILE, Weight},
    names::{holds_owner_names, key},
};
use crate::{
    contact::{ChatType, ContactField},
    layout::display_width,
    source::CellValue,
};

/// The resolved columns of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    /// The column names in the file.
    pub(crate) columns: Vec<String>,
    /// The layout if these are exactly the columns of a backup, whose cells are read literally.
    pub(crate) backup: Option<BackupLayout>,
    /// In reading order: fields with one value (best column first), chats by column, groups by number, and phones
    /// (mobile ones first).
    pub(crate) assignments: Vec<Assignment>,
    /// True if a `name` may be just a first name: there is a column of last names, but none of first names.
    pub(crate) completes_names: bool,
    /// Reasons for leaving columns out, by column.
    pub(super) left_out: BTreeMap<usize, String>,
    pub(crate) templates: Vec<FieldTemplate>,
    /// Value tables: field → cell → value.
    pub(crate) values: BTreeMap<Field, BTreeMap<String, String>>,
    /// The chat types that numbers in `phone` columns become.
    pub(crate) phone_as: Vec<ChatType>,
    pub(crate) region: Option<String>,
    /// Columns with unknown names.
    pub(crate) unmapped_columns: Vec<usize>,
    /// The column that distinguishes contacts from other rows.
    pub(crate) row_kind: Option<usize>,
    /// Warnings to show before the run.
    pub(crate) warnings: Vec<String>,
    /// Flags that may help.
    pub(crate) hints: Vec<String>,
}

/// The reason for the assignment of a column to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub(crate) enum How {
    /// The column has the field's own name.
    #[strum(to_string = "exact name")]
    Exact,
    /// The column has another known name of the field.
    #[strum(to_string = "known name")]
    Alias,
    #[strum(to_string = "--map")]
    Flag,
    #[strum(to_string = "mapping file")]
    File,
}

/// The use of a column: its fields, or the reason for leaving it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ColumnUse<'m> {
    Mapped { fields: Vec<Field>, how: How },
    LeftOut(&'m str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) column: usize,
    pub(crate) field: Field,
    pub(super) how: How,
    pub(super) weight: Weight,
    /// The column's name says that it belongs to the contact (`Person - ID`).
    pub(super) of_contact: bool,
    /// Position in the user's list; 0 for columns found by name.
    pub(super) rank: usize,
    /// Used only if no other column provides a value.
    pub(crate) last_resort: bool,
    /// The column with the kind of this phone number.
    pub(crate) kind_column: Option<usize>,
}

impl Assignment {
    pub(super) const fn new(column: usize, field: Field, how: How) -> Self {
        Self {
            column,
            field,
            how,
            weight: 0,
            of_contact: false,
            rank: 0,
            last_resort: false,
            kind_column: None,
        }
    }

    /// The sort order of the columns of one field: the user's order, otherwise the reliability of their names.
    pub(super) fn place(&self) -> (usize, Weight, usize) {
        let weight = match self.field {
            Field::Phone => Weight::from(self.how == How::Exact || self.weight > MOBILE),
            field if field.is_single() => self.weight,
            _ => return (0, 0, self.column),
        };
        (self.rank, weight, self.column)
    }
}

impl Mapping {
    pub(crate) fn of_field(&self, field: Field) -> impl Iterator<Item = &Assignment> + Clone {
        let assignments = self.assignments.iter();
        assignments.filter(move |it| it.field == field)
    }

    pub(super) fn name(&self, assignment: &Assignment) -> &str {
        &self.columns[assignment.column]
    }

    /// Drops assignments. A column that has no others is left out for this reason.
    pub(super) fn leave_out(&mut self, reason: &str, is_dropped: impl Fn(&Assignment) -> bool) {
        let all = std::mem::take(&mut self.assignments);
        let (dropped, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(is_dropped);
        for it in dropped {
            if !kept.iter().any(|kept| kept.column == it.column) {
                self.left_out.insert(it.column, reason.to_owned());
            }
        }
        self.assignments = kept;
    }

    /// The columns with this name, compared exactly first, otherwise by [`key`].
    pub(super) fn find(&self, name: &str) -> Vec<usize> {
        let columns_with = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let columns = self.columns.iter().enumerate();
            let found = columns.filter(|(_, column)| same(column));
            found.map(|(at, _)| at).collect()
        };
        let exact = columns_with(&|column| column == name.trim());
        let wanted = key(name);
        if !exact.is_empty() || wanted.is_empty() {
            return exact;
        }
        columns_with(&|column| key(column) == wanted)
    }

    /// The name and use of each column, in file order.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&str, ColumnUse<'_>)> {
        let columns = self.columns.iter().enumerate();
        columns.map(|(at, name)| (name.as_str(), self.column_use(at)))
    }

    /// A line for each column with its fields, or the reason for leaving it out.
    pub(crate) fn column_lines(&self) -> Vec<String> {
        let widths = self.uses().map(|(column, _)| display_width(column));
        let width = widths.max().unwrap_or(0).min(40);
        let line = |(column, usage): (&str, ColumnUse<'_>)| {
            let arrow = if matches!(usage, ColumnUse::Mapped { .. }) {
                "→"
            } else {
                " "
            };
            let gap = width.saturating_sub(display_width(column));
            format!("{column}{:gap$} {arrow} {usage}", "")
        };
        self.uses().map(line).collect()
    }

    fn column_use(&self, column: usize) -> ColumnUse<'_> {
        let assigned = || self.assignments.iter().filter(|it| it.column == column);
        match assigned().next() {
            Some(first) => ColumnUse::Mapped {
                fields: assigned().map(|it| it.field).collect(),
                how: first.how,
            },
            None => ColumnUse::LeftOut(self.left_out.get(&column).map_or("", String::as_str)),
        }
    }

    /// The values that are read from the cells of each column, directly or by a template. A column contains links only
    /// if nothing else is read from it; a template may build its own link from the text.
    pub(crate) fn cell_values(&self) -> Vec<CellValue> {
        let assigned = self.assignments.iter().map(|one| (one.field, one.column));
        let templates = self
            .placeholders()
            .filter_map(|(field, value)| match value {
                Placeholder::Column(column) => Some((field, column)),
                _ => None,
            });
        let mut values = vec![CellValue::Unused; self.columns.len()];
        for (field, column) in assigned.chain(templates) {
            let value = match field {
                Field::Id | Field::ResponsibleUserId => CellValue::Id,
                Field::ContactData => CellValue::Json,
                field if field.is_code() => CellValue::Code,
                Field::Uri if self.of_field(field).any(|it| it.column == column) => CellValue::Link,
                _ => CellValue::Text,
            };
            values[column] = values[column].max(value);
        }
        values
    }

    /// The values that templates insert, each with the template's field.
    fn placeholders(&self) -> impl Iterator<Item = (Field, Placeholder)> {
        self.templates.iter().flat_map(|template| {
            let pieces = template.pieces.iter();
            pieces.filter_map(|piece| match piece {
                Piece::Value(value) => Some((template.field, *value)),
                Piece::Text(_) => None,
            })
        })
    }

    /// True if a template inserts the value of this field.
    pub(crate) fn inserts(&self, field: Field) -> bool {
        self.placeholders()
            .any(|(_, value)| value == Placeholder::Field(field))
    }

    /// The first column of a field, apart from columns of last resort.
    pub(crate) fn column_of(&self, field: Field) -> Option<usize> {
        let mut assignments = self.assignments.iter();
        let found = assignments.find(|it| it.field == field && !it.last_resort);
        found.map(|it| it.column)
    }

    /// True if the column provides this field of a contact.
    pub(crate) fn gives(&self, column: usize, field: ContactField) -> bool {
        let mut assignments = self.assignments.iter();
        assignments.any(|it| it.column == column && it.field.contact_field() == Some(field))
    }

    /// True if the columns of `responsible_user_id` contain people's names, as most exporters write them.
    pub(crate) fn owners_are_names(&self) -> bool {
        let mut assignments = self.assignments.iter();
        assignments.any(|it| {
            it.field == Field::ResponsibleUserId && holds_owner_names(&self.columns[it.column])
        })
    }

    /// Every field that a column or a template provides.
    fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        let assigned = self.assignments.iter().map(|assignment| assignment.field);
        assigned.chain(self.templates.iter().map(|template| template.field))
    }

    /// True if a column or a template provides this field of a contact.
    pub(crate) fn has(&self, part: ContactField) -> bool {
        self.fields()
            .any(|field| field.contact_field() == Some(part))
    }

    /// The chat types for which the file is authoritative: the row's chats of these types replace the contact's,
    /// and others stay. Numbered groups, `contact_data` and backups can contain any type, so they cover all of them.
    pub(crate) fn chat_types(&self) -> BTreeSet<ChatType> {
        if self.backup.is_some() {
            // A backup has no column for a chat type that no contact had.
            return ChatType::ALL.iter().copied().collect();
        }
        self.fields()
            .flat_map(|field| match field {
                Field::Chat(chat_type) => vec![chat_type],
                Field::TelegramUsername | Field::TelegramPhone => vec![ChatType::Telegram],
                Field::MaxPhone => vec![ChatType::Max],
                Field::Phone => self.phone_as.clone(),
                Field::Group { .. } | Field::ContactData => ChatType::ALL.to_vec(),
                _ => Vec::new(),
            })
            .collect()
    }
}

impl fmt::Display for ColumnUse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped { fields, how } => {
                let names: Vec<_> = fields.iter().map(Field::to_string).collect();
                write!(f, "{} ({how})", names.join(", "))
            }
            Self::LeftOut(reason) => write!(f, "left out: {reason}"),
        }
    }
}
