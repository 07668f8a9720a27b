//! Maps columns to fields.
//!
//! Columns are resolved once per file, before the first row: by `--map` and the mapping file first, then by the
//! fields' own names, then by the names that real exports use. Each column keeps its reason, so that `check` can
//! show it. Ambiguity that could do damage (two columns that could be the id, the `ID` of an export of deals) is
//! an error that names the flag to use: a wrong id overwrites other people's contacts.

mod affix;
mod alias;
mod error;
mod field;
mod file;
mod header;
mod resolve;
mod template;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::json;

use self::alias::{MOBILE, Weight};
pub use self::field::Field;
pub(crate) use self::{
    error::MappingError, field::GroupPart, file::Columns, file::MappingFile, template::Piece,
    template::Template,
};
use crate::contact::{ChatType, ContactField};

/// The user's options for mapping columns.
#[derive(Clone, Debug, Default)]
pub struct MappingOptions {
    /// `--map FIELD=COLUMN`. A field that is named here is read from these columns only.
    pub map: Vec<(Field, String)>,
    /// `--set FIELD=TEMPLATE`: used if the row's own columns give the field no value.
    pub set: Vec<(Field, Template)>,
    /// `--mapping FILE`; `--map`, `--set` and `--phone-as` take precedence.
    pub file: Option<MappingFile>,
    /// `--phone-as TYPES`: the chat types that `phone` columns become; empty leaves them out, `None` is the default.
    pub phone_as: Option<Vec<ChatType>>,
}

/// How a column's field is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The column has the field's own name.
    Exact,
    /// The column has another known name of the field.
    Alias,
    /// `--map`.
    Flag,
    /// The mapping file.
    File,
}

/// The use of a column: the fields it is read as, or the reason why it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ColumnUse<'m> {
    Mapped { fields: Vec<Field>, how: How },
    LeftOut(&'m str),
}

/// A column that is read as a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) column: usize,
    pub(crate) field: Field,
    how: How,
    weight: Weight,
    /// The column's name says that it belongs to the contact: `Person - ID`.
    of_contact: bool,
    /// Position in the user's list; 0 for columns that were found by name.
    rank: usize,
    /// Used only if nothing else gives the field a value.
    pub(crate) last_resort: bool,
    /// The column with the kind of phone number that this one holds.
    pub(crate) kind_column: Option<usize>,
}

impl Assignment {
    const fn new(column: usize, field: Field, how: How) -> Self {
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

    /// The order of the columns of one field: as the user lists them, else by the reliability of their names.
    fn place(&self) -> (usize, Weight, usize) {
        let weight = match self.field {
            Field::Phone => Weight::from(self.how == How::Exact || self.weight > MOBILE),
            field if field.is_single() => self.weight,
            _ => return (0, 0, self.column),
        };
        (self.rank, weight, self.column)
    }
}

/// A template whose names are resolved to columns and fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldTemplate {
    pub(crate) field: Field,
    pub(crate) source: Template,
    pub(crate) pieces: Vec<Piece<Placeholder>>,
}

/// The value that a template inserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder {
    Column(usize),
    /// The first number in this column, one of several with phones.
    Number(usize),
    Field(Field),
}

/// The resolved columns of one file.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    columns: Vec<String>,
    /// In the order in which a row is read: fields with one value (best column first), chats by column, groups
    /// by number, and phones (mobile ones first).
    assignments: Vec<Assignment>,
    /// Column → reason for leaving it out.
    left_out: BTreeMap<usize, String>,
    templates: Vec<FieldTemplate>,
    values: BTreeMap<Field, BTreeMap<String, String>>,
    phone_as: Vec<ChatType>,
    region: Option<String>,
    /// Columns with unknown names.
    unmapped_columns: Vec<usize>,
    /// The column that says whether the row is a contact.
    row_kind: Option<usize>,
    warnings: Vec<String>,
}

/// The number of cells that are known column names. Used to detect the delimiter, the header row and the sheet.
#[must_use]
pub fn recognise(cells: &[String]) -> usize {
    let known = |cell: &&String| header::know(cell) != header::Known::Unknown;
    cells.iter().filter(known).count()
}

/// The chat type with this name in everyday language: `WhatsApp`, `Ватсап`, `ТГ`.
pub(crate) fn chat_type(name: &str) -> Option<ChatType> {
    name.parse().ok().or_else(|| match header::know(name) {
        header::Known::Alias {
            field: Field::Chat(chat_type),
            ..
        } => Some(chat_type),
        _ => None,
    })
}

pub(crate) use self::{affix::is_other as is_not_contact, header::key as name_key};

impl Mapping {
    /// Resolves each column to its fields.
    pub fn resolve(columns: &[String], options: &MappingOptions) -> Result<Self, MappingError> {
        resolve::resolve(columns, options)
    }

    /// The column names as they stand in the file.
    #[must_use]
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    fn of_field(&self, field: Field) -> impl Iterator<Item = &Assignment> + Clone {
        let assignments = self.assignments.iter();
        assignments.filter(move |it| it.field == field)
    }

    fn name(&self, assignment: &Assignment) -> &str {
        &self.columns[assignment.column]
    }

    /// Drops assignments; columns without any other are left out for this reason.
    fn leave_out(&mut self, reason: &str, is_dropped: impl Fn(&Assignment) -> bool) {
        let all = std::mem::take(&mut self.assignments);
        let (dropped, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(is_dropped);
        for it in dropped {
            if !kept.iter().any(|kept| kept.column == it.column) {
                self.left_out.insert(it.column, reason.to_owned());
            }
        }
        self.assignments = kept;
    }

    /// The columns with this name: as written, otherwise by [`name_key`].
    fn find(&self, name: &str) -> Vec<usize> {
        let columns_with = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let columns = self.columns.iter().enumerate();
            let found = columns.filter(|(_, column)| same(column));
            found.map(|(at, _)| at).collect()
        };
        let exact = columns_with(&|column| column == name.trim());
        let wanted = name_key(name);
        if !exact.is_empty() || wanted.is_empty() {
            return exact;
        }
        columns_with(&|column| name_key(column) == wanted)
    }

    /// Each column's name and use, in the order of the file.
    fn uses(&self) -> impl Iterator<Item = (&str, ColumnUse<'_>)> {
        let columns = self.columns.iter().enumerate();
        columns.map(|(at, name)| (name.as_str(), self.column_use(at)))
    }

    /// Each column with its fields, or the reason why it is left out.
    pub(crate) fn column_lines(&self) -> Vec<String> {
        let widths = self.uses().map(|(column, _)| column.chars().count());
        let width = widths.max().unwrap_or(0).min(40);
        let line = |(column, usage)| match usage {
            ColumnUse::Mapped { .. } => format!("{column:<width$} → {usage}"),
            ColumnUse::LeftOut(_) => format!("{column:<width$}   {usage}"),
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

    /// Warnings to show before the run.
    #[must_use]
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The chat types that numbers in `phone` columns become.
    #[must_use]
    pub(crate) fn phone_as(&self) -> &[ChatType] {
        &self.phone_as
    }

    /// Keeps the region, so that a written mapping file includes it.
    pub(crate) fn set_region(&mut self, region: Option<String>) {
        self.region = region;
    }

    /// For each column, whether it holds ids, numbers or accounts, read directly or by a template.
    pub(crate) fn code_columns(&self) -> Vec<bool> {
        self.columns_with(Field::is_code)
    }

    /// For each column, whether it is read at all.
    pub(crate) fn used_columns(&self) -> Vec<bool> {
        self.columns_with(|_| true)
    }

    fn columns_with(&self, is_wanted: impl Fn(Field) -> bool) -> Vec<bool> {
        let assigned = self.assignments.iter().map(|one| (one.field, one.column));
        let templates = self
            .placeholders()
            .filter_map(|(field, value)| match value {
                Placeholder::Column(column) => Some((field, column)),
                _ => None,
            });
        let mut are_wanted = vec![false; self.columns.len()];
        for (field, column) in assigned.chain(templates) {
            are_wanted[column] |= is_wanted(field);
        }
        are_wanted
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

    pub(crate) fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// The first column of a field, apart from columns of last resort.
    pub(crate) fn column_of(&self, field: Field) -> Option<usize> {
        let mut assignments = self.assignments.iter();
        let found = assignments.find(|it| it.field == field && !it.last_resort);
        found.map(|it| it.column)
    }

    /// True if the column gives this field of a contact.
    pub(crate) fn gives(&self, column: usize, field: ContactField) -> bool {
        let mut assignments = self.assignments.iter();
        assignments.any(|it| it.column == column && it.field.contact_field() == Some(field))
    }

    /// True if the columns of `responsible_user_id` hold people's names, as most exporters write them.
    pub(crate) fn owners_are_names(&self) -> bool {
        let mut assignments = self.assignments.iter();
        assignments.any(|it| {
            it.field == Field::ResponsibleUserId
                && header::holds_owner_names(&self.columns[it.column])
        })
    }

    /// The columns that are left out because their names are unknown.
    pub(crate) fn unmapped_columns(&self) -> &[usize] {
        &self.unmapped_columns
    }

    pub(crate) fn row_kind(&self) -> Option<usize> {
        self.row_kind
    }

    pub(crate) fn templates(&self) -> &[FieldTemplate] {
        &self.templates
    }

    pub(crate) fn values(&self) -> &BTreeMap<Field, BTreeMap<String, String>> {
        &self.values
    }

    /// Every field that a column or a template gives.
    fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        let assigned = self.assignments.iter().map(|assignment| assignment.field);
        assigned.chain(self.templates.iter().map(|template| template.field))
    }

    /// True if a column or a template gives this field of a contact.
    #[must_use]
    pub(crate) fn has(&self, part: ContactField) -> bool {
        self.fields()
            .any(|field| field.contact_field() == Some(part))
    }

    /// The chat types that the file is authoritative for: a contact's chats of these types are replaced by those of
    /// the row, others stay. Numbered groups and `contact_data` can hold any type, so they cover all of them.
    #[must_use]
    pub(crate) fn chat_types(&self) -> BTreeSet<ChatType> {
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

    /// This mapping as a mapping file: `check --write-mapping`. It names every column that is used
    /// and switches the tables of known names off, so that later runs read the file in the same way.
    #[must_use]
    pub(crate) fn to_file(&self) -> MappingFile {
        let mut columns: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for assignment in &self.assignments {
            let names = columns.entry(assignment.field).or_default();
            let name = &self.columns[assignment.column];
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let one_or_any = |mut names: Vec<String>| match names.len() {
            1 => Columns::One(names.remove(0)),
            _ => Columns::Any(names),
        };
        let templates = self.templates.iter();
        MappingFile {
            auto: false,
            phone_as: Some(self.phone_as.clone()),
            region: self.region.clone(),
            columns: columns
                .into_iter()
                .map(|(field, names)| (field, one_or_any(names)))
                .collect(),
            set: templates
                .map(|template| (template.field, template.source.clone()))
                .collect(),
            values: self.values.clone(),
        }
    }

    /// [`Self::to_file`] as text, with comments on the columns that are left out.
    #[must_use]
    pub(crate) fn to_toml(&self) -> String {
        let mut text = String::from(
            "# Written by `check --write-mapping`; pass it with `--mapping`. `auto = false`: only the columns\n\
             # that are named here are read.\n",
        );
        text.push_str(&toml::to_string(&self.to_file()).unwrap_or_default());
        for (column, usage) in self.uses() {
            if let ColumnUse::LeftOut(reason) = usage {
                let line = format!("# left out: {column:?} ({reason})\n");
                text.push_str(&line);
            }
        }
        let has_owners = self.values.contains_key(&Field::ResponsibleUserId);
        if !has_owners && self.has(ContactField::ResponsibleUserId) {
            text.push_str(
                "\n# If the file has people's names in responsible_user_id, map them to ids:\n\
                 # [values.responsible_user_id]\n# \"Ivan Petrov\" = \"user-1\"\n",
            );
        }
        text
    }

    /// The mapping as JSON for the run file.
    #[must_use]
    pub(crate) fn describe(&self) -> serde_json::Value {
        let column = |(column, usage)| match usage {
            ColumnUse::Mapped { fields, how } => {
                json!({ "column": column, "fields": fields, "how": how.to_string() })
            }
            ColumnUse::LeftOut(reason) => json!({ "column": column, "left_out": reason }),
        };
        let columns: Vec<_> = self.uses().map(column).collect();
        json!({ "columns": columns, "mapping": self.to_file() })
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exact => "exact name",
            Self::Alias => "known name",
            Self::Flag => "--map",
            Self::File => "mapping file",
        })
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
