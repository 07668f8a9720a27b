//! Reads the chats of one row: its phone numbers, accounts and groups of columns.

pub(super) mod chat;
pub(super) mod handle;
pub(super) mod link;
mod parts;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{
    cells::{Cells, is_yes_or_no},
    edits::{Edit, Edits},
    phone,
    problems::RowProblems,
    rules::FileRules,
};
use crate::{
    contact::{Chat, ChatType},
    mapping::{Assignment, Field, GroupPart},
    reject::{Fault, RejectCode},
    wording::grouped,
};

/// True if the column contains this part of a chat.
fn is_part(it: &Assignment, wanted: GroupPart) -> bool {
    matches!(it.field, Field::Group { part, .. } if part == wanted)
}

pub(super) struct ChatReader<'r, 'e> {
    pub(super) file: &'r FileRules,
    pub(super) cells: Cells<'r>,
    pub(super) chats: &'e mut Vec<Chat<'r>>,
    pub(super) first_number: Option<Cow<'r, str>>,
    pub(super) problems: &'e mut RowProblems<'r>,
    pub(super) edits: &'e mut Edits,
}

impl<'r> ChatReader<'r, '_> {
    /// Reads the chats of a row. The columns of a group are adjacent. Returns the first number in a phone column.
    pub(super) fn read(mut self, assignments: &'r [Assignment]) -> Option<Cow<'r, str>> {
        let is_same_group = |a: &Assignment, b: &Assignment| match (a.field, b.field) {
            (Field::Group { number: a, .. }, Field::Group { number: b, .. }) => a == b,
            _ => false,
        };
        let mut phone_types = None;
        for columns in assignments.chunk_by(is_same_group) {
            match columns[0].field {
                Field::Group { .. } => self.read_group(columns),
                Field::Phone => {
                    let types = phone_types.get_or_insert_with(|| self.missing_phone_types());
                    self.read_phones(&columns[0], types);
                }
                field => self.read_cell(field, columns[0].column),
            }
            if self.chats.len() > chat::CHATS_MAX && !self.cells.is_literal() {
                let reason = format!(
                    "the row has more than {} chats: leave out those of others",
                    grouped(chat::CHATS_MAX as u64)
                );
                let fault = Fault::new(RejectCode::ContactDataInvalid, reason);
                self.problems.add(Some(columns[0].column), fault);
                break;
            }
        }
        self.first_number
    }

    fn read_cell(&mut self, field: Field, column: usize) {
        let cell = self.cells.get(column);
        if cell.is_empty() {
            return;
        }
        if self.is_rounded(column) {
            return;
        }
        let layout = self.file.mapping.backup;
        if let Some(read) = layout.and_then(|layout| parts::read_backup(layout, field, cell)) {
            match read {
                Ok(chats) => self.chats.extend(chats),
                Err(fault) => self.problems.add(Some(column), fault),
            }
            return;
        }
        if is_yes_or_no(cell) {
            self.edits.missing_value(cell);
            self.problems.has_unread_chat = true;
            return self.edits.count(Edit::YesOrNo, || cell.to_owned());
        }
        self.edits.numbers.begin(column);
        let faults = chat::read_cell(field, cell, self.file, self.chats, self.edits);
        self.edits.numbers.end();
        for (fault, value) in faults {
            // `-`, `нет` or `+`, which are not valid account names; `@нет` is a mistyped one.
            let is_possible = field != Field::ContactData
                && !value
                    .bytes()
                    .any(|byte| byte.is_ascii_alphanumeric() || byte == b'@');
            let fault = phone::of_several(fault, cell);
            self.problems
                .add_of_chat(column, fault, value, is_possible, self.file);
        }
    }

    /// Reports a cell of a backup that a spreadsheet has rounded.
    fn is_rounded(&mut self, column: usize) -> bool {
        let rounded = self.cells.rounded(column);
        if let Some(cell) = rounded {
            self.problems.add(Some(column), phone::digits_lost(cell));
        }
        rounded.is_some()
    }

    fn read_group(&mut self, columns: &'r [Assignment]) {
        if columns.iter().any(|it| self.is_rounded(it.column)) {
            return;
        }
        let mut values: [Cow<'r, str>; 4] = Default::default();
        for it in columns {
            if let Field::Group { part, .. } = it.field
                && values[part as usize].is_empty()
            {
                values[part as usize] = self.cells.code(it.column, self.edits);
            }
        }
        if values.iter().all(|value| value.is_empty()) {
            return;
        }
        let id_column = columns.iter().find(|it| is_part(it, GroupPart::ChatId));
        let chat_id = id_column.map_or("", |it| self.cells.get(it.column));
        match parts::read_group(values, self.file, self.edits) {
            Ok(chat) if self.cells.is_literal() => self.chats.push(chat),
            Ok(chat) => chat::add(self.chats, chat, self.edits),
            Err(fault) => {
                let is_of_type = fault.code == RejectCode::ChatTypeUnknown;
                let column = columns
                    .iter()
                    .find(|it| is_part(it, GroupPart::ChatType) == is_of_type);
                let column = column.map_or(columns[0].column, |it| it.column);
                self.problems
                    .add_of_chat(column, fault, chat_id, false, self.file);
            }
        }
    }

    /// The types of `--phone-as` for which the row has no chat yet.
    fn missing_phone_types(&self) -> SmallVec<[ChatType; 4]> {
        let chats = &*self.chats;
        let types = self.file.mapping.phone_as.iter();
        types
            .filter(|wanted| chats.iter().all(|chat| chat.chat_type != **wanted))
            .copied()
            .collect()
    }

    /// Turns numbers without a chat type into chats of these types.
    fn read_phones(&mut self, phone: &Assignment, types: &[ChatType]) {
        let cell = self.cells.get(phone.column);
        if cell.is_empty() {
            return;
        }
        let kind = phone.kind_column.map(|column| self.cells.get(column));
        if kind.is_some_and(phone::is_fax) {
            return self.edits.count(Edit::FaxSkipped, || cell.to_owned());
        }
        let is_unused = types.is_empty() && !self.file.inserts_phone;
        if is_unused && phone::chat_types(cell).is_empty() {
            return self.edits.count(Edit::PhoneUnused, || cell.to_owned());
        }
        let phones = &self.file.phones;
        self.edits.numbers.begin(phone.column);
        for value in phone::values(cell, true, phones, self.edits) {
            let mut types = types;
            let named = phone::chat_types(value);
            if !named.is_empty() {
                self.edits
                    .count(Edit::MessengerNamed, || value.trim().to_owned());
                types = &named;
            }
            match handle::number(value, phones, self.edits) {
                Ok(number) => {
                    chat::add_phone(self.chats, types, number.clone(), self.edits);
                    self.first_number.get_or_insert(number);
                }
                Err(fault) => {
                    let is_possible = types.is_empty() || phone::is_remark(value);
                    let fault = phone::of_several(fault, cell);
                    self.problems
                        .add_of_chat(phone.column, fault, value, is_possible, self.file);
                }
            }
        }
        self.edits.numbers.end();
    }
}
