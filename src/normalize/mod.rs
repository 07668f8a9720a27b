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
mod rules;
mod template;
mod text;

use csv::StringRecord;

pub(crate) use self::{fields::missing, phone::Region};
use self::{row::RowReader, rules::FileRules};
use crate::{contact::Contact, mapping::Mapping, reject::Problem};
pub(crate) use {
    self::edits::Edits, self::rules::Required, self::rules::RowFaults, self::rules::RowRules,
};

/// Turns the rows of one file into contacts.
#[derive(Debug)]
pub(crate) struct Normalizer {
    file: FileRules,
}

impl Normalizer {
    /// Prepares for the rows of a file with this mapping.
    #[must_use]
    pub(crate) fn new(mapping: Mapping, rules: RowRules) -> Self {
        Self {
            file: FileRules::new(mapping, rules),
        }
    }

    /// The mapping of the file.
    #[must_use]
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.file.mapping
    }

    /// Turns a row into a contact that satisfies every rule of the API.
    pub(crate) fn row<'r>(
        &'r self,
        cells: &'r StringRecord,
        faults: RowFaults<'_>,
        edits: &mut Edits,
    ) -> Result<Contact<'r>, Vec<Problem>> {
        RowReader::new(&self.file, cells, faults, edits).read()
    }

    /// The id of a rejected row, if it can be read.
    #[must_use]
    pub(crate) fn id(&self, cells: &StringRecord, faults: RowFaults<'_>) -> Option<String> {
        RowReader::new(&self.file, cells, faults, &mut Edits::default()).id()
    }
}

#[cfg(test)]
mod tests;
