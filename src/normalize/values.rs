//! `[values.FIELD]` of a mapping file: what a cell says → what is meant.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use crate::mapping::name_key;

/// The values of one field.
pub(super) struct ValueTable {
    exact: HashMap<String, String>,
    /// By names as they are compared: `IVAN  PETROV` is `Ivan Petrov`.
    loose: HashMap<String, String>,
    /// Cells that already hold what is meant.
    meant: HashSet<String>,
    /// For everything else: `"*"`.
    rest: Option<String>,
}

impl ValueTable {
    pub(super) fn new(table: &BTreeMap<String, String>) -> Self {
        let named = || table.iter().filter(|(name, _)| *name != "*");
        Self {
            exact: named()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            loose: named()
                .map(|(name, value)| (name_key(name), value.clone()))
                .collect(),
            meant: table.values().cloned().collect(),
            rest: table.get("*").cloned(),
        }
    }

    /// What the cell means, where the table or the cell says so.
    pub(super) fn get<'t>(&'t self, cell: &str) -> Meaning<'t> {
        if let Some(value) = self.exact.get(cell) {
            return Meaning::Is(value);
        }
        if self.meant.contains(cell) {
            return Meaning::Already;
        }
        let loose = || self.loose.get(&name_key(cell));
        loose()
            .or(self.rest.as_ref())
            .map_or(Meaning::Unknown, |value| Meaning::Is(value))
    }
}

/// What a table says about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'t> {
    /// It stands for this.
    Is(&'t str),
    /// It is one of the values that the table leads to.
    Already,
    /// Nothing.
    Unknown,
}

impl fmt::Debug for ValueTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueTable({} values)", self.exact.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_written_or_loosely_and_ids_stay() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut table = BTreeMap::from([pair("Пётр Ильин", "user-1")]);
        let values = ValueTable::new(&table);
        assert_eq!(values.get("Пётр Ильин"), Meaning::Is("user-1"));
        assert_eq!(values.get("ПЕТР  ИЛЬИН"), Meaning::Is("user-1"));
        assert_eq!(values.get("user-1"), Meaning::Already);
        assert_eq!(values.get("Ann"), Meaning::Unknown);
        table.extend([pair("*", "user-9")]);
        assert_eq!(ValueTable::new(&table).get("Ann"), Meaning::Is("user-9"));
    }
}
