//! The rules for the rows of a file, and the faults that the source found in a row.

use super::{
    fields::ValueTable,
    phone::{Phones, Region},
};
use crate::{
    mapping::{Field, Mapping},
    source::CellFault,
};

/// The fields that a row must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Required {
    /// Every field that the API requires of a new contact: `create`, `check`.
    #[default]
    All,
    /// The id; the others may come from the account: `update`, `upsert`, `mirror`.
    IdOnly,
}

/// Validation rules for a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowRules {
    /// The region of national phone numbers; without it they are rejected.
    pub region: Option<Region>,
    /// The fields that a row must have.
    pub required: Required,
}

/// Faults that the source found in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowFaults<'f> {
    /// The faults of the row's cells.
    pub cells: &'f [CellFault],
    /// The number of cells if it exceeds the header's and the extra cells are not empty.
    pub ragged: Option<usize>,
}

/// Everything about a file that reading a row needs, prepared once.
#[derive(Debug)]
pub(super) struct FileRules {
    pub(super) mapping: Mapping,
    pub(super) required: Required,
    pub(super) phones: Phones,
    /// For each column, whether it is read; faults in other columns are ignored.
    pub(super) used: Vec<bool>,
    pub(super) owners_are_names: bool,
    /// The mapping file's `[values.FIELD]` tables.
    values: Vec<(Field, ValueTable)>,
    /// True if a template inserts a phone number.
    pub(super) inserts_phone: bool,
}

impl FileRules {
    pub(super) fn new(mapping: Mapping, rules: RowRules) -> Self {
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

    /// The mapping file's value table for a field.
    pub(super) fn table(&self, field: Field) -> Option<&ValueTable> {
        let mut tables = self.values.iter();
        tables.find(|(of, _)| *of == field).map(|(_, table)| table)
    }

    pub(super) fn column_name(&self, column: usize) -> Option<String> {
        self.mapping.columns().get(column).cloned()
    }
}
