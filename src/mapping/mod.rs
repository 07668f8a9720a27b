//! Which column becomes which field.
//!
//! Names are decided once per file, before the first row: what the user said (`--map`, a mapping file)
//! above all, then canonical names, then the names that real exports use. Every decision is kept with its
//! reason, so that `check` can show it. What can't be decided safely (two columns that could be the id,
//! the `ID` of an export of deals) is an error that shows the flag to use: a wrong id writes over other
//! people's contacts.

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

use std::{collections::BTreeMap, fmt};

use serde_json::json;

pub use self::field::Field;
pub(crate) use self::{
    error::MappingError, field::GroupPart, file::Columns, file::MappingFile, template::Piece,
    template::Template,
};
use crate::contact::{ChatType, ContactField};

/// What the user said about columns.
#[derive(Clone, Debug, Default)]
pub struct MappingOptions {
    /// `--map FIELD=COLUMN`. A field that is named here takes these columns and no others.
    pub map: Vec<(Field, String)>,
    /// `--set FIELD=TEMPLATE`: used in a row whose own columns give the field no value.
    pub set: Vec<(Field, Template)>,
    /// `--mapping FILE`; `--map`, `--set` and `--phone-as` win over it.
    pub file: Option<MappingFile>,
    /// `--phone-as TYPES`: what `phone` columns become; empty leaves them out, `None` is the default.
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

/// What became of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is read as these fields.
    Mapped {
        /// Usually one.
        fields: Vec<Field>,
        /// How that is known.
        how: How,
    },
    /// It is left out, and why.
    LeftOut(String),
}

/// What was decided about one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The name as it stands in the file.
    pub column: String,
    /// The column's index, from 0.
    pub index: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// A column that is read as a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) column: usize,
    pub(crate) field: Field,
    /// Used only where nothing else gives the field a value.
    pub(crate) last_resort: bool,
    /// The column that says what kind of number this one holds.
    pub(crate) kind_column: Option<usize>,
}

/// A template whose names are found: a column or a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) field: Field,
    pub(crate) source: Template,
    pub(crate) pieces: Vec<Piece<Source>>,
}

/// Where a template takes a value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Column(usize),
    /// The first number in this column, one of several with phones.
    Number(usize),
    Field(Field),
}

/// The columns of one file, decided.
#[derive(Clone, Debug)]
pub struct Mapping {
    columns: Vec<String>,
    /// Ordered by column; several of one single-valued field by how much they are to be believed, and phones
    /// with the mobile ones first.
    assignments: Vec<Assignment>,
    settings: Vec<Setting>,
    values: BTreeMap<Field, BTreeMap<String, String>>,
    phone_as: Vec<ChatType>,
    region: Option<String>,
    decisions: Vec<Decision>,
    /// Columns whose names say nothing.
    strangers: Vec<usize>,
    /// The column that says whether the row is a contact.
    row_kind: Option<usize>,
    warnings: Vec<String>,
}

/// How many of the cells are names of columns that we know. Finds the delimiter, the header row, the sheet.
#[must_use]
pub fn recognise(cells: &[String]) -> usize {
    let known = |cell: &&String| header::know(cell) != header::Known::Unknown;
    cells.iter().filter(known).count()
}

/// The messenger that people call so: `WhatsApp`, `Ватсап`, `ТГ`.
pub(crate) fn messenger(name: &str) -> Option<ChatType> {
    name.parse().ok().or_else(|| match header::know(name) {
        header::Known::Alias {
            field: Field::Messenger(chat_type),
            ..
        } => Some(chat_type),
        _ => None,
    })
}

/// Is it a word for something that is no contact: `компания`, `Company`, `lead`?
pub(crate) fn is_no_contact(word: &str) -> bool {
    affix::is_other(word)
}

/// A name without what does not count when names are compared.
pub(crate) fn name_key(name: &str) -> String {
    header::key(name)
}

impl Mapping {
    /// Decides what each column is.
    pub fn resolve(columns: &[String], options: &MappingOptions) -> Result<Self, MappingError> {
        resolve::resolve(columns, options)
    }

    /// The columns' names as they stand in the file.
    #[must_use]
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What was decided, column by column.
    #[must_use]
    pub(crate) fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// What the user should know before the run.
    #[must_use]
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What numbers in `phone` columns become.
    #[must_use]
    pub(crate) fn phone_as(&self) -> &[ChatType] {
        &self.phone_as
    }

    /// Keeps the region that was decided on, so that a mapping file that is written has it.
    pub(crate) fn set_region(&mut self, region: Option<String>) {
        self.region = region;
    }

    /// Which columns hold ids, numbers or accounts, by themselves or by a template.
    pub(crate) fn code_columns(&self) -> Vec<bool> {
        let assigned = self.assignments.iter().map(|one| (one.field, one.column));
        let set = self.settings.iter().flat_map(|setting| {
            let columns = setting.pieces.iter().filter_map(|piece| match piece {
                Piece::Value(Source::Column(column)) => Some(*column),
                _ => None,
            });
            columns.map(|column| (setting.field, column))
        });
        let mut are_codes = vec![false; self.columns.len()];
        for (field, column) in assigned.chain(set) {
            are_codes[column] |= field.is_code();
        }
        are_codes
    }

    pub(crate) fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// Do the columns of `responsible_user_id` hold people's names, as most exporters write them?
    pub(crate) fn owners_are_names(&self) -> bool {
        let mut assignments = self.assignments.iter();
        assignments.any(|it| {
            it.field == Field::ResponsibleUserId
                && header::holds_owner_names(&self.columns[it.column])
        })
    }

    /// The columns that are left out because their names say nothing.
    pub(crate) fn strangers(&self) -> &[usize] {
        &self.strangers
    }

    pub(crate) fn row_kind(&self) -> Option<usize> {
        self.row_kind
    }

    pub(crate) fn settings(&self) -> &[Setting] {
        &self.settings
    }

    pub(crate) fn values(&self) -> &BTreeMap<Field, BTreeMap<String, String>> {
        &self.values
    }

    /// Every field that a column or a template gives.
    fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        let assigned = self.assignments.iter().map(|assignment| assignment.field);
        assigned.chain(self.settings.iter().map(|setting| setting.field))
    }

    /// Does a column or a template give this part of a contact?
    #[must_use]
    pub(crate) fn has(&self, part: ContactField) -> bool {
        self.fields()
            .any(|field| field.contact_field() == Some(part))
    }

    /// The messengers that the file speaks for: chats of these are replaced by what the row says, chats of
    /// others stay. Numbered groups and `contact_data` can hold any messenger, so they speak for all.
    #[must_use]
    pub(crate) fn messengers(&self) -> std::collections::BTreeSet<ChatType> {
        self.fields()
            .flat_map(|field| match field {
                Field::Messenger(chat_type) => vec![chat_type],
                Field::TelegramUsername | Field::TelegramPhone => vec![ChatType::Telegram],
                Field::MaxPhone => vec![ChatType::Max],
                Field::Phone => self.phone_as.clone(),
                Field::Group { .. } | Field::ContactData => ChatType::ALL.to_vec(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The same decisions as a mapping file: `check --write-mapping`. It names every column that is used
    /// and switches the tables of known names off, so that the nightly job does what was looked at.
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
        let settings = self.settings.iter();
        MappingFile {
            auto: false,
            phone_as: Some(self.phone_as.clone()),
            region: self.region.clone(),
            columns: columns
                .into_iter()
                .map(|(field, names)| (field, one_or_any(names)))
                .collect(),
            set: settings
                .map(|setting| (setting.field, setting.source.clone()))
                .collect(),
            values: self.values.clone(),
        }
    }

    /// [`Self::to_file`] as text, with comments on what was left out.
    #[must_use]
    pub(crate) fn to_toml(&self) -> String {
        let mut text = String::from(
            "# Written by `check --write-mapping`; pass it with `--mapping`. `auto = false`: only the columns\n\
             # that are named here are read.\n",
        );
        text.push_str(&toml::to_string(&self.to_file()).unwrap_or_default());
        for decision in &self.decisions {
            if let Outcome::LeftOut(why) = &decision.outcome {
                let line = format!("# left out: {:?} ({why})\n", decision.column);
                text.push_str(&line);
            }
        }
        let has_owners = self.values.contains_key(&Field::ResponsibleUserId);
        if !has_owners && self.has(ContactField::ResponsibleUserId) {
            text.push_str(
                "\n# Where the file has people's names for responsible_user_id, give their ids:\n\
                 # [values.responsible_user_id]\n# \"Ivan Petrov\" = \"user-1\"\n",
            );
        }
        text
    }

    /// What the run file keeps: enough to see later how the file was read.
    #[must_use]
    pub(crate) fn describe(&self) -> serde_json::Value {
        let columns: Vec<_> = self.decisions.iter().map(describe_decision).collect();
        json!({ "columns": columns, "mapping": self.to_file() })
    }
}

fn describe_decision(decision: &Decision) -> serde_json::Value {
    match &decision.outcome {
        Outcome::Mapped { fields, how } => {
            json!({ "column": decision.column, "fields": fields, "how": how.to_string() })
        }
        Outcome::LeftOut(why) => json!({ "column": decision.column, "left_out": why }),
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

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped { fields, .. } => {
                let names: Vec<_> = fields.iter().map(Field::to_string).collect();
                f.pad(&names.join(", "))
            }
            Self::LeftOut(why) => f.pad(&format!("left out: {why}")),
        }
    }
}
