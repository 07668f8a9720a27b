//! The names of employees, for people who read a backup.

use std::collections::HashMap;

use crate::{
    account::staff::Staff,
    mapping::{Field, MappingFile},
};

/// Names of employees by id.
#[derive(Debug, Default)]
pub(crate) struct OwnerNames(HashMap<String, String>);

impl OwnerNames {
    /// The name of an employee; empty if unknown.
    pub(super) fn of(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }

    /// The names in `[values.responsible_user_id]`. Of several names for one id, the alphabetically first is used.
    pub(crate) fn of_mapping(file: &MappingFile) -> Self {
        let table = file.values.get(&Field::ResponsibleUserId);
        let named = table.into_iter().flatten().rev();
        let named = named.filter(|(name, id)| *name != "*" && !id.is_empty());
        Self(named.map(|(name, id)| (id.clone(), name.clone())).collect())
    }

    /// The names in the account's list.
    pub(crate) fn of_account(staff: &Staff) -> Self {
        let list = staff.employees.list().iter();
        Self(list.map(|it| (it.id.clone(), it.name.clone())).collect())
    }

    /// True if no name is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
