//! The rules for reading the rows of a file, prepared once.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::phone::{NumberRules, Phones};
use crate::{
    characters::is_blank,
    contact::ContactField,
    employees::{OwnerLook, OwnerRule},
    mapping::{Field, Mapping, name_key},
    selection::Selection,
    source::{CellValue, Row},
};

/// The fields that a row must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Required {
    /// Every field that the API requires of a new contact: `create`, `check`.
    #[default]
    All,
    /// Only the id, because the others may come from the account: `update`, `upsert`, `mirror`.
    IdOnly,
}

/// Turns the rows of one file into contacts.
#[derive(Debug)]
pub(crate) struct FileRules {
    pub(crate) mapping: Mapping,
    /// The number of assignments of fields with one value, which come first.
    pub(super) single_count: usize,
    pub(crate) required: Required,
    pub(super) phones: Phones,
    /// For each column, whether it is read. Faults in other columns are ignored.
    pub(super) used: Vec<bool>,
    pub(super) owners_are_names: bool,
    /// True if nothing provides a link.
    pub(super) lacks_link: bool,
    pub(super) owners: OwnerRule,
    /// The contacts that are read; `None` for all.
    pub(crate) selection: Option<Arc<Selection>>,
    /// The mapping file's `[values.FIELD]` tables.
    values: Vec<(Field, ValueTable)>,
    /// True if a template inserts a phone number.
    pub(super) inserts_phone: bool,
}

impl FileRules {
    pub(crate) fn new(
        mapping: Mapping,
        numbers: NumberRules,
        required: Required,
        owners: OwnerRule,
    ) -> Self {
        let tables = mapping.values.iter();
        let values = tables.filter(|(_, table)| !table.is_empty());
        let assignments = &mapping.assignments;
        let single_count = assignments.partition_point(|it| it.field.is_single());
        let used = mapping.cell_values().into_iter();
        let used = used.map(|value| value != CellValue::Unused);
        Self {
            single_count,
            required,
            phones: Phones::new(numbers),
            used: used.collect(),
            owners_are_names: mapping.owners_are_names(),
            lacks_link: !mapping.has(ContactField::Uri),
            owners,
            selection: None,
            values: values
                .map(|(field, table)| (*field, ValueTable::new(*field, table)))
                .collect(),
            inserts_phone: mapping.inserts(Field::Phone),
            mapping,
        }
    }

    /// True if no column that is read has a value: Bitrix24 writes the further requisites of a contact as such rows.
    /// If the columns of ids and names are unknown, the row may be a contact.
    pub(crate) fn has_no_value(&self, row: &Row<'_>) -> bool {
        let mut cells = row.cells.iter().zip(&self.used);
        cells.all(|(cell, is_used)| !is_used || is_blank(cell))
            && row.ragged.is_none()
            && row.faults.is_empty()
            && self.mapping.has(ContactField::Id)
            && self.mapping.has(ContactField::Name)
    }

    /// The mapping file's value table for a field.
    pub(super) fn table(&self, field: Field) -> Option<&ValueTable> {
        let mut tables = self.values.iter();
        tables.find(|(of, _)| *of == field).map(|(_, table)| table)
    }

    pub(super) fn column_name(&self, column: usize) -> Option<String> {
        self.mapping.columns.get(column).cloned()
    }
}

/// A `[values.FIELD]` table of a mapping file: cell → value.
#[derive(Debug)]
pub(super) struct ValueTable {
    exact: HashMap<String, String>,
    /// By [`name_key`], for which `IVAN  PETROV` equals `Ivan Petrov`.
    loose: HashMap<String, String>,
    /// The values themselves, which cells may already contain.
    values: HashSet<String>,
    /// The value for all other cells: `"*"`.
    rest: Option<String>,
    /// True if cells that look like ids are listed: it replaces the ids of another system.
    pub(super) replaces_ids: bool,
}

impl ValueTable {
    /// An owner whose id is not filled in counts as missing, but its table still decides which names are known.
    fn new(field: Field, table: &BTreeMap<String, String>) -> Self {
        let may_be_empty = field != Field::ResponsibleUserId;
        let is_filled = |value: &str| may_be_empty || !value.trim().is_empty();
        let filled = || table.iter().filter(|(_, value)| is_filled(value));
        let named = || filled().filter(|(name, _)| *name != "*");
        Self {
            exact: named()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            loose: named()
                .map(|(name, value)| (name_key(name), value.clone()))
                .collect(),
            values: filled().map(|(_, value)| value.clone()).collect(),
            rest: table.get("*").filter(|value| is_filled(value)).cloned(),
            replaces_ids: table
                .keys()
                .any(|name| OwnerLook::of(name) == OwnerLook::Id),
        }
    }

    /// The value for a cell; `None` if the table does not have it.
    pub(super) fn get(&self, cell: &str) -> Option<&str> {
        if let Some(value) = self.exact.get(cell) {
            return Some(value);
        }
        if let Some(value) = self.values.get(cell) {
            return Some(value);
        }
        let loose = self.loose.get(&name_key(cell));
        loose.or(self.rest.as_ref()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_written_or_loosely_and_ids_stay() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut table = BTreeMap::from([pair("Пётр Ильин", "user-1")]);
        let values = ValueTable::new(Field::Name, &table);
        assert_eq!(values.get("Пётр Ильин"), Some("user-1"));
        assert_eq!(values.get("ПЕТР  ИЛЬИН"), Some("user-1"));
        assert_eq!(values.get("user-1"), Some("user-1"));
        assert_eq!(values.get("Ann"), None);
        table.extend([pair("*", "user-9")]);
        assert_eq!(
            ValueTable::new(Field::Name, &table).get("Ann"),
            Some("user-9")
        );
    }

    #[test]
    fn only_an_owner_needs_a_value() {
        let pair = |name: &str| (name.to_owned(), " ".to_owned());
        let table = BTreeMap::from([pair("Ann"), pair("*")]);
        assert_eq!(ValueTable::new(Field::Name, &table).get("ann"), Some(" "));
        let owners = ValueTable::new(Field::ResponsibleUserId, &table);
        assert_eq!([owners.get("Ann"), owners.get("Bob")], [None, None]);
    }
}
