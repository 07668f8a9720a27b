//! Numbers of no messenger: what `--phone-as` makes of them.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{Row, Scrap};
use crate::{
    contact::{ChatType, ContactField},
    mapping::Assignment,
    normalize::{
        chats::{self, Chats},
        handle::{self, Fault},
        notes::{Note, Notes},
        phone::PhoneFault,
        split,
        text::tidy_code,
    },
};

impl<'r> Row<'r, '_> {
    /// They become chats of the types that the row does not have itself.
    pub(super) fn read_numbers(&mut self) {
        if self.plan.numbers.is_empty() {
            return;
        }
        let has = |chats: &Chats<'_>, wanted| chats.iter().any(|chat| chat.chat_type == wanted);
        let types = self.plan.phone_as().iter().copied();
        let types: SmallVec<[ChatType; 4]> = types
            .filter(|chat_type| !has(&self.contact.contact_data, *chat_type))
            .collect();
        for number in &self.plan.numbers {
            self.read_number_cell(number, &types);
        }
    }

    fn read_number_cell(&mut self, number: &Assignment, types: &[ChatType]) {
        let cell = self.cell(number.column);
        if cell.is_empty() {
            return;
        }
        if self.is_fax(number) {
            return self.notes.count(Note::KindSkipped, || cell.to_owned());
        }
        if types.is_empty() && !self.plan.phone_wanted {
            return self.notes.count(Note::PhoneUnused, || cell.to_owned());
        }
        for value in self.numbers_of(cell) {
            match handle::number(value, &self.plan.phones, self.notes) {
                Ok(read) => self.add_number(types, read),
                Err(fault) => {
                    let is_scrap = types.is_empty() || is_scrap(fault);
                    self.report(number.column, fault, value, is_scrap);
                }
            }
        }
    }

    /// What is wrong with a value of a chat.
    pub(super) fn report(&mut self, column: usize, fault: Fault, value: &'r str, is_scrap: bool) {
        let (code, reason) = (fault.code(), fault.reason(value));
        if is_scrap {
            self.scraps.push(Scrap {
                column,
                field: ContactField::ContactData,
                code,
                reason,
                value,
            });
        } else {
            self.problem(Some(column), code, reason);
        }
    }

    fn numbers_of(&mut self, cell: &'r str) -> split::Values<'r> {
        if !split::may_hold_several(cell) {
            let cell = tidy_code(cell, self.notes);
            return (!cell.is_empty()).then_some(cell).into_iter().collect();
        }
        let values = split::numbers(cell, &self.plan.phones);
        if values.len() > 1 {
            self.notes.count(Note::Split, || cell.to_owned());
        }
        values
    }

    /// The first number in a cell, for templates.
    pub(in crate::normalize) fn number_in(&self, column: usize) -> Cow<'r, str> {
        let (phones, mut uncounted) = (&self.plan.phones, Notes::default());
        let values = split::numbers(self.cell(column), phones);
        let mut numbers = values
            .into_iter()
            .filter_map(|value| handle::number(value, phones, &mut uncounted).ok());
        numbers.next().unwrap_or_default()
    }

    fn add_number(&mut self, types: &[ChatType], number: Cow<'r, str>) {
        for chat_type in types {
            let chat = chats::of_number(*chat_type, number.clone());
            chats::add(&mut self.contact.contact_data, chat, self.notes);
        }
        self.first_number.get_or_insert(number);
    }

    /// Does the neighbouring column (`Phone 2 - Type`) say that it is a fax or a pager?
    fn is_fax(&self, number: &Assignment) -> bool {
        number.kind_column.is_some_and(|column| {
            let kind = self.cell(column).to_lowercase();
            ["fax", "pager", "факс", "пейджер"]
                .iter()
                .any(|word| kind.contains(word))
        })
    }
}

const fn is_scrap(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Phone(PhoneFault::NoDigits | PhoneFault::Scrap)
    )
}
