//! The fields that have one value: id, employee, name, link.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::Row;
use crate::{
    contact::is_own_address,
    mapping::Field,
    normalize::{
        handle::Fault,
        notes::Note,
        sheet_number,
        text::{tidy, tidy_code},
        values::Meaning,
    },
    reject::RejectCode,
    wording::shown,
};

impl<'r> Row<'r, '_> {
    pub(super) fn read_singles(&mut self) {
        let singles = &self.plan.singles;
        self.contact.id = self.code(&singles.id).into();
        self.contact.responsible_user_id = self.responsible().unwrap_or_default();
        self.contact.uri = self.link(&singles.uri);
        self.contact.name = self.text(&singles.name);
        if self.contact.name.is_empty() {
            self.contact.name = self.joined_name();
        }
        for field in [Field::Id, Field::Name, Field::Uri] {
            self.replace_value(field);
        }
    }

    /// The first of the columns with text.
    fn text(&mut self, columns: &[usize]) -> Cow<'r, str> {
        for column in columns {
            let text = tidy(self.cell(*column), self.notes);
            if !text.is_empty() {
                return text;
            }
        }
        Cow::Borrowed("")
    }

    /// The link. What the API shows in place of one is none: sent back, it would overwrite the real one.
    fn link(&mut self, columns: &[usize]) -> Cow<'r, str> {
        let link = self.text(columns);
        if is_own_address(&link) {
            self.notes.count(Note::OwnAddress, || link.to_string());
            return Cow::Borrowed("");
        }
        link
    }

    /// The first of the columns with an id in it.
    fn code(&mut self, columns: &[usize]) -> &'r str {
        for column in columns {
            let text = tidy_code(self.cell(*column), self.notes);
            if sheet_number::has_lost_digits(text) {
                let reason = Fault::DigitsLost.reason(text);
                self.problem(Some(*column), RejectCode::DigitsLost, reason);
            }
            if !text.is_empty() {
                return text;
            }
        }
        ""
    }

    fn joined_name(&mut self) -> Cow<'r, str> {
        let singles = &self.plan.singles;
        let parts = [
            &singles.first_name,
            &singles.middle_name,
            &singles.last_name,
        ];
        let parts: SmallVec<[Cow<'r, str>; 3]> = parts
            .into_iter()
            .map(|columns| self.text(columns))
            .filter(|part| !part.is_empty())
            .collect();
        match parts.len() {
            0 => self.text(&singles.name_last_resort),
            1 => parts.into_iter().next().unwrap_or_default(),
            _ => {
                let name = parts.join(" ");
                self.notes.count(Note::NamesJoined, || name.clone());
                name.into()
            }
        }
    }

    /// The cell of a part of the name, for templates.
    pub(in crate::normalize) fn part_of_name(&self, field: Field) -> &'r str {
        let singles = &self.plan.singles;
        let columns = match field {
            Field::FirstName => &singles.first_name,
            Field::MiddleName => &singles.middle_name,
            Field::LastName => &singles.last_name,
            _ => return "",
        };
        let mut cells = columns.iter().map(|column| self.cell(*column));
        cells.find(|cell| !cell.is_empty()).unwrap_or_default()
    }

    fn responsible(&mut self) -> Option<Cow<'r, str>> {
        let columns = &self.plan.singles.responsible_user_id;
        let value = self.code(columns);
        if value.is_empty() {
            return None;
        }
        let Some(table) = &self.plan.responsible else {
            if looks_like_name(value, self.plan.owners_are_names) {
                self.notes.count(Note::OwnerIsName, || value.to_owned());
            }
            return Some(value.into());
        };
        match table.get(value) {
            Meaning::Already => Some(value.into()),
            Meaning::Is(id) => {
                self.notes
                    .count(Note::ValueMapped, || format!("{value} → {id}"));
                Some(id.into())
            }
            Meaning::Unknown => {
                self.notes.unmapped(value);
                let column = columns.first().copied();
                self.problem(
                    column,
                    RejectCode::ResponsibleUnknown,
                    format!(
                        "{} has no id in the mapping file: add it to [values.responsible_user_id]",
                        shown(value)
                    ),
                );
                None
            }
        }
    }

    /// What the mapping file makes of a value.
    fn replace_value(&mut self, field: Field) {
        let Some(table) = self.plan.table(field) else {
            return;
        };
        let value = match field {
            Field::Id => &mut self.contact.id,
            Field::Name => &mut self.contact.name,
            _ => &mut self.contact.uri,
        };
        if value.is_empty() {
            return;
        }
        if let Meaning::Is(meant) = table.get(value) {
            self.notes
                .count(Note::ValueMapped, || format!("{value} → {meant}"));
            *value = Cow::Borrowed(meant);
        }
    }
}

/// A space or letters outside ASCII: ids of employees have neither. In a column that usually has names, `Ana` and
/// `j.smith@example.com` are such, too: ids have digits.
fn looks_like_name(value: &str, in_column_of_names: bool) -> bool {
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    value.contains(' ') || !value.is_ascii() || (in_column_of_names && !has_digit)
}
