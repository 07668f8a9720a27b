//! Turns the cells of a row into a contact, or into the list of all its problems.
//!
//! Pure: no file, no network, no clock, so it runs on every core and is covered by property tests. Everything that
//! depends only on the file is prepared in [`Normalizer::new`]. Unchanged cells are borrowed from the record, so a
//! typical row allocates nothing and never calls libphonenumber.

mod cells;
mod chat;
mod edits;
mod entry;
mod fields;
mod handle;
mod phone;
mod problems;
mod row;
mod template;
mod text;

use csv::StringRecord;

pub use self::edits::Edits;
use self::{fields::ValueTable, phone::Phones, row::Row};
pub(crate) use self::{fields::missing, phone::Region};
use crate::contact::Contact;
use crate::{
    mapping::{Field, Mapping},
    reject::Problem,
    source::CellFault,
};

/// The fields that a row must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// Every field that the API requires of a new contact: `create`, `check`.
    #[default]
    All,
    /// The id; the others may come from the account: `update`, `upsert`, `mirror`.
    IdOnly,
}

/// Validation rules for a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowRules {
    /// The region of national phone numbers; without it they are rejected.
    pub region: Option<Region>,
    /// The fields that a row must have.
    pub required: Required,
}

/// Faults that the source found in a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowFaults<'f> {
    /// The faults of the row's cells.
    pub cells: &'f [CellFault],
    /// The number of cells if it exceeds the header's and the extra cells are not empty.
    pub ragged: Option<usize>,
}

/// Turns the rows of one file into contacts.
#[derive(Debug)]
pub struct Normalizer {
    mapping: Mapping,
    required: Required,
    phones: Phones,
    /// For each column, whether it is read; faults in other columns are ignored.
    used: Vec<bool>,
    owners_are_names: bool,
    /// The mapping file's `[values.FIELD]` tables.
    values: Vec<(Field, ValueTable)>,
    /// True if a template inserts a phone number.
    inserts_phone: bool,
}

impl Normalizer {
    /// Prepares for the rows of a file with this mapping.
    #[must_use]
    pub fn new(mapping: Mapping, rules: RowRules) -> Self {
        let values = mapping.values().iter();
        Self {
            required: rules.required,
            phones: Phones::new(rules.region),
            used: mapping.used_columns(),
            owners_are_names: mapping.owners_are_names(),
            values: values
                .map(|(field, table)| (*field, ValueTable::new(table)))
                .collect(),
            inserts_phone: mapping.inserts(Field::Phone),
            mapping,
        }
    }

    /// The mapping of the file.
    #[must_use]
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Turns a row into a contact that satisfies every rule of the API.
    pub fn row<'r>(
        &'r self,
        cells: &'r StringRecord,
        faults: RowFaults<'_>,
        edits: &mut Edits,
    ) -> Result<Contact<'r>, Vec<Problem>> {
        Row::new(self, cells, faults, edits).read()
    }

    /// The id of a rejected row, if it can be read.
    #[must_use]
    pub(crate) fn id(&self, cells: &StringRecord, faults: RowFaults<'_>) -> Option<String> {
        Row::new(self, cells, faults, &mut Edits::default()).id()
    }

    /// The mapping file's value table for a field.
    fn table(&self, field: Field) -> Option<&ValueTable> {
        let mut tables = self.values.iter();
        tables.find(|(of, _)| *of == field).map(|(_, table)| table)
    }

    fn column_name(&self, column: usize) -> Option<String> {
        self.mapping.columns().get(column).cloned()
    }
}

#[cfg(test)]
mod tests;
