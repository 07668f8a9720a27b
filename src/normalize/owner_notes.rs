//! Counts the owners that hints and warnings name.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::wording::{counted, grouped, shortened};

/// The place of owner ids in a mapping file.
pub(super) const TABLE: &str = "[values.responsible_user_id]";

/// Where the ids of names are looked up. Each place is additional to those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OwnersKnownBy {
    #[default]
    Nothing,
    /// The value table of a mapping file.
    Table,
    /// The employees of the account.
    Account,
}

/// The owners named in hints and warnings, with their counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnerNotes {
    /// Names without an id.
    unknown: BTreeMap<String, u64>,
    known_by: OwnersKnownBy,
    /// True if `--owners match` may find their ids.
    can_look_up: bool,
    /// Owners that are not among the account's employees.
    unlisted: BTreeMap<String, u64>,
    /// Owners that are sent although they look like placeholders.
    placeholders: BTreeMap<String, u64>,
    has_name: bool,
}

/// Maximum number of distinct owners that are kept, so that a wrong column does not fill the memory.
const OWNERS_MAX: usize = 1000;

/// Adds to the count of an owner.
#[cold]
fn count(owners: &mut BTreeMap<String, u64>, owner: &str, count: u64) {
    if let Some(known) = owners.get_mut(owner) {
        *known += count;
    } else if owners.len() < OWNERS_MAX {
        owners.insert(owner.to_owned(), count);
    }
}

/// The most frequent owners first, as text.
fn listed(owners: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<_> = owners.iter().collect();
    sorted.sort_by_key(|(name, count)| (Reverse(**count), *name));
    let sorted = sorted.into_iter();
    shortened(sorted.map(|(name, count)| format!("{name:?} ({})", grouped(*count))))
}

impl OwnerNotes {
    /// Notes that a contact has an owner that the guard counts as a name.
    pub(super) const fn named(&mut self) {
        self.has_name = true;
    }

    /// Counts an owner that is not an employee of the account.
    pub(super) fn unlisted(&mut self, owner: &str) {
        count(&mut self.unlisted, owner, 1);
    }

    /// Counts an owner that is sent although it looks like a placeholder.
    pub(super) fn placeholder(&mut self, owner: &str) {
        count(&mut self.placeholders, owner, 1);
    }

    /// Counts a name without an id.
    pub(super) fn unknown(&mut self, name: &str, known_by: OwnersKnownBy, can_look_up: bool) {
        self.can_look_up |= can_look_up;
        self.known_by = self.known_by.max(known_by);
        count(&mut self.unknown, name, 1);
    }

    /// The names without an id.
    pub(crate) fn without_id(&self) -> impl Iterator<Item = &str> {
        self.unknown.keys().map(String::as_str)
    }

    /// True if a contact has an owner that the guard counts as a name.
    pub(crate) const fn has_name(&self) -> bool {
        self.has_name
    }

    /// Adds the owners of a later part of the same table.
    pub(super) fn merge(&mut self, later: Self) {
        for (owners, later) in [
            (&mut self.unknown, later.unknown),
            (&mut self.unlisted, later.unlisted),
            (&mut self.placeholders, later.placeholders),
        ] {
            for (owner, number) in later {
                count(owners, &owner, number);
            }
        }
        self.known_by = self.known_by.max(later.known_by);
        self.can_look_up |= later.can_look_up;
        self.has_name |= later.has_name;
    }

    /// Warnings about owners that are sent.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let Self {
            unlisted,
            placeholders,
            ..
        } = self;
        let unlisted = (!unlisted.is_empty()).then(|| {
            format!(
                "{} not among the account's employees: {} (`wazzup-contacts users` lists them)",
                counted(unlisted.len() as u64, "owner"),
                listed(unlisted)
            )
        });
        let shared = placeholders.iter().filter(|(_, count)| **count > 1);
        let shared: BTreeMap<_, _> = shared.map(|(it, count)| (it.clone(), *count)).collect();
        let rows = counted(shared.values().sum(), "row");
        let shared = (!shared.is_empty()).then(|| {
            format!(
                "{rows} with an owner that looks like a placeholder: {}; if it is not an employee, set an employee's id for it in {TABLE} of a mapping file",
                listed(&shared)
            )
        });
        unlisted.into_iter().chain(shared)
    }

    /// The hint about names without an id.
    pub(crate) fn hint(&self) -> Option<String> {
        let number = self.unknown.len() as u64;
        let look_up = if self.can_look_up {
            "look up their ids with --owners match (import, plan, verify), or "
        } else {
            ""
        };
        let (one, several, advice) = match self.known_by {
            OwnersKnownBy::Nothing => (
                "value in responsible_user_id that looks like a name rather than an id",
                "values in responsible_user_id that look like names rather than ids",
                format!(
                    "add the ids to {TABLE} of a mapping file (`check FILE --write-mapping NEW.toml` lists the names)"
                ),
            ),
            OwnersKnownBy::Table => (
                "name in responsible_user_id without an id in the mapping file",
                "names in responsible_user_id without an id in the mapping file",
                format!("add them to {TABLE}"),
            ),
            OwnersKnownBy::Account => (
                "name in responsible_user_id not found among the account's employees",
                "names in responsible_user_id not found among the account's employees",
                format!("correct them, or add their ids to {TABLE} of a mapping file"),
            ),
        };
        let what = if number == 1 { one } else { several };
        let names = listed(&self.unknown);
        let hint = format!("{} {what}: {names}; {look_up}{advice}", grouped(number));
        (number > 0).then_some(hint)
    }
}
