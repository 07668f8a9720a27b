//! The cells of a row become a contact, or the list of everything that is wrong with them.
//!
//! Pure: no file, no network, no clock; so it runs on every core and is tested by properties. What can be
//! decided once per file is decided in [`Normalizer::new`]. A cell that is sent as it stands is borrowed
//! from the record, so a typical row allocates nothing and asks libphonenumber nothing.

mod chats;
mod contact_data;
mod entry;
mod handle;
mod link;
mod notes;
mod numbering;
mod phone;
mod region;
mod row;
mod setting;
mod sheet_number;
mod split;
mod text;
mod values;
mod written;

use csv::StringRecord;

pub use self::notes::Notes;
pub(crate) use self::region::Region;
pub(crate) use self::row::missing;
use self::{phone::Phones, row::Row, values::ValueTable};
use crate::{
    contact::{ChatType, Contact, ContactField},
    mapping::{Assignment, Field, GroupPart, Mapping},
    reject::Problem,
    source::CellFault,
};

/// Which fields a row must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// Every field that the API requires of a new contact: `create`, `check`.
    #[default]
    All,
    /// The id; the rest may come from the remote contact: `update`, `upsert`, `mirror`.
    IdOnly,
}

/// What a row is held to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Where national telephone numbers are from; without it they are refused.
    pub region: Option<Region>,
    /// Which fields a row must have.
    pub required: Required,
}

/// What the source found wrong with a row before anybody looked at its meaning.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowFaults<'f> {
    /// The faults of the row's cells.
    pub cells: &'f [CellFault],
    /// The number of cells, where it has more than the header and the extra ones are not empty.
    pub ragged: Option<usize>,
}

/// Turns the rows of one file into contacts.
#[derive(Debug)]
pub struct Normalizer {
    mapping: Mapping,
    required: Required,
    phones: Phones,
    singles: Singles,
    /// The columns with chats, in the order of the file.
    chats: Vec<Assignment>,
    /// The columns with numbers of no messenger, in the order of the mapping: mobile ones first.
    numbers: Vec<Assignment>,
    /// The numbered groups, each with its columns.
    groups: Vec<GroupColumns>,
    /// Is the column read at all? A fault elsewhere does no harm.
    used: Vec<bool>,
    responsible: Option<ValueTable>,
    owners_are_names: bool,
    other_values: Vec<(Field, ValueTable)>,
    phone_wanted: bool,
}

/// The columns of fields that have one value; the first with a value counts.
#[derive(Debug, Default)]
struct Singles {
    id: Vec<usize>,
    responsible_user_id: Vec<usize>,
    name: Vec<usize>,
    first_name: Vec<usize>,
    middle_name: Vec<usize>,
    last_name: Vec<usize>,
    name_last_resort: Vec<usize>,
    uri: Vec<usize>,
}

/// The columns of one chat.
#[derive(Debug, Default)]
struct GroupColumns {
    number: u16,
    chat_type: Option<usize>,
    chat_id: Option<usize>,
    username: Option<usize>,
    phone: Option<usize>,
}

impl Normalizer {
    /// Prepares for the rows of a file with this mapping.
    #[must_use]
    pub fn new(mapping: Mapping, rules: Rules) -> Self {
        let mut normalizer = Self {
            required: rules.required,
            phones: Phones::new(rules.region),
            singles: Singles::default(),
            chats: Vec::new(),
            numbers: Vec::new(),
            groups: Vec::new(),
            used: setting::used_columns(&mapping),
            responsible: None,
            owners_are_names: mapping.owners_are_names(),
            other_values: Vec::new(),
            phone_wanted: setting::takes(&mapping, Field::Phone),
            mapping,
        };
        for at in 0..normalizer.mapping.assignments().len() {
            normalizer.plan(normalizer.mapping.assignments()[at]);
        }
        normalizer.chats.sort_by_key(|chat| chat.column);
        normalizer.groups.sort_by_key(|group| group.number);
        for (field, table) in normalizer.mapping.values() {
            let table = ValueTable::new(table);
            match field {
                Field::ResponsibleUserId => normalizer.responsible = Some(table),
                other => normalizer.other_values.push((*other, table)),
            }
        }
        normalizer
    }

    fn plan(&mut self, assignment: Assignment) {
        let Assignment { column, field, .. } = assignment;
        self.used[column] = true;
        let singles = &mut self.singles;
        match field {
            Field::Id => singles.id.push(column),
            Field::ResponsibleUserId => singles.responsible_user_id.push(column),
            Field::Name if assignment.last_resort => singles.name_last_resort.push(column),
            Field::Name => singles.name.push(column),
            Field::FirstName => singles.first_name.push(column),
            Field::MiddleName => singles.middle_name.push(column),
            Field::LastName => singles.last_name.push(column),
            Field::Uri => singles.uri.push(column),
            Field::Phone => self.numbers.push(assignment),
            Field::Group { number, part } => self.plan_group(column, number, part),
            Field::Ignored => {}
            _ => self.chats.push(assignment),
        }
    }

    fn plan_group(&mut self, column: usize, number: u16, part: GroupPart) {
        let known = self.groups.iter().position(|group| group.number == number);
        let at = known.unwrap_or_else(|| {
            self.groups.push(GroupColumns {
                number,
                ..GroupColumns::default()
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        let place = match part {
            GroupPart::ChatType => &mut group.chat_type,
            GroupPart::ChatId => &mut group.chat_id,
            GroupPart::Username => &mut group.username,
            GroupPart::Phone => &mut group.phone,
        };
        place.get_or_insert(column);
    }

    /// The mapping that it works by.
    #[must_use]
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The row as a contact that keeps every rule of the API.
    pub fn row<'r>(
        &'r self,
        cells: &'r StringRecord,
        faults: RowFaults<'_>,
        notes: &mut Notes,
    ) -> Result<Contact<'r>, Vec<Problem>> {
        Row::new(self, cells, faults, notes).read()
    }

    /// The id of a row that was rejected, where it can be read.
    #[must_use]
    pub(crate) fn id(&self, cells: &StringRecord, faults: RowFaults<'_>) -> Option<String> {
        Row::new(self, cells, faults, &mut Notes::default()).id()
    }

    /// What numbers of no messenger become.
    fn phone_as(&self) -> &[ChatType] {
        self.mapping.phone_as()
    }

    /// Is this part of a contact read from the column?
    fn column_is_of(&self, column: usize, part: ContactField) -> bool {
        let mut assignments = self.mapping.assignments().iter();
        assignments.any(|it| it.column == column && it.field.contact_field() == Some(part))
    }

    /// The column's name as it stands in the file.
    fn column_name(&self, column: usize) -> Option<String> {
        self.mapping.columns().get(column).cloned()
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
