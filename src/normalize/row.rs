//! Reads one row: single-valued fields, chats, phone numbers, templates, and finally the rules for the contact.
//!
//! Templates come after the columns because they may use any column and only fill fields that are still empty.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{
    cells::{Cells, RowProblems, is_yes_or_no},
    chat,
    edits::{Edit, Edits},
    fields::check,
    handle, owner, phone,
    rules::FileRules,
    template::{self, RowValues},
    text::{inspect_link, link_target, tidy_code},
};
use crate::{
    contact::{ChatType, Contact, ContactField, is_own_address},
    formula::{literal_code, literal_text},
    mapping::{Assignment, BackupLayout, Field, GroupPart},
    reject::{Fault, Problem, RejectCode},
    source::Row,
};

/// A row that did not become a contact.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// The contact's id, if it is readable. In a ragged row its column is unknown.
    pub(crate) id: Option<String>,
    pub(crate) problems: Vec<Problem>,
}

/// Turns a row into a contact that satisfies every rule of the API.
pub(crate) fn read_row<'r>(
    file: &'r FileRules,
    row: Row<'r>,
    edits: &mut Edits,
) -> Result<Contact<'r>, Rejection> {
    let reader = RowReader {
        file,
        cells: Cells {
            row,
            is_literal: file.mapping.backup.is_some(),
            has_words: false,
        },
        contact: Contact::default(),
        first_number: None,
        problems: RowProblems::default(),
        edits,
    };
    reader.read()
}

/// True if the column contains this part of a chat.
fn is_part(it: &Assignment, wanted: GroupPart) -> bool {
    matches!(it.field, Field::Group { part, .. } if part == wanted)
}

struct RowReader<'r, 'e> {
    file: &'r FileRules,
    cells: Cells<'r>,
    contact: Contact<'r>,
    /// The first number without a chat type, for templates.
    first_number: Option<Cow<'r, str>>,
    problems: RowProblems<'r>,
    edits: &'e mut Edits,
}

impl<'r> RowReader<'r, '_> {
    fn read(mut self) -> Result<Contact<'r>, Rejection> {
        let assignments = &self.file.mapping.assignments;
        let singles = assignments.partition_point(|it| it.field.is_single());
        self.cells
            .report_faults(self.file, &mut self.problems, self.edits);
        if self.cells.is_not_a_row() {
            return Err(Rejection {
                id: None,
                problems: self.problems.finish(self.file),
            });
        }
        self.read_singles(&assignments[..singles]);
        self.read_chats(&assignments[singles..]);
        self.cells.inspect_others(self.file, self.edits);
        self.apply_templates();
        self.problems
            .settle_doubts(&self.contact, self.file, self.edits);
        check(&self.contact, self.file, &mut self.problems);
        if self.problems.is_empty() {
            if !self.cells.is_literal {
                owner::inspect(&self.contact.responsible_user_id, self.file, self.edits);
                inspect_link(&self.contact.uri, self.edits);
            }
            self.edits.count_dropped();
            return Ok(self.contact);
        }
        self.edits.dropped.clear();
        let is_known = self.cells.row.ragged.is_none()
            && !self.contact.id.is_empty()
            && !self.problems.has_lost_digits(ContactField::Id, self.file);
        Err(Rejection {
            id: is_known.then(|| self.contact.id.into_owned()),
            problems: self.problems.finish(self.file),
        })
    }

    /// Reads the single-valued fields. The first column with a value is used.
    fn read_singles(&mut self, assignments: &'r [Assignment]) {
        let mut name_parts: [Cow<'r, str>; 3] = Default::default();
        for it in assignments {
            let contact = &self.contact;
            match it.field {
                Field::Id if contact.id.is_empty() => {
                    let id = self.id(it.column);
                    self.contact.id = owner::whole_id(id, self.file, self.edits);
                }
                Field::ResponsibleUserId if contact.responsible_user_id.is_empty() => {
                    self.contact.responsible_user_id = self.owner(it.column);
                }
                Field::Uri if contact.uri.is_empty() => self.contact.uri = self.link(it.column),
                _ if !contact.name.is_empty() => {}
                Field::FirstName => self.read_part(&mut name_parts[0], it.column),
                Field::MiddleName => self.read_part(&mut name_parts[1], it.column),
                Field::LastName => self.read_part(&mut name_parts[2], it.column),
                Field::Name => {
                    self.contact.name = self.joined(&mut name_parts);
                    if self.contact.name.is_empty() {
                        self.contact.name = self.text(it.column);
                    }
                }
                _ => {}
            }
        }
        if self.contact.name.is_empty() {
            self.contact.name = self.joined(&mut name_parts);
        }
        for field in [Field::Id, Field::Name, Field::Uri] {
            self.replace_value(field);
        }
    }

    fn text(&mut self, column: usize) -> Cow<'r, str> {
        let cell = self.cells.get(column);
        match self.file.mapping.backup {
            None => self.cells.tidied(cell, self.edits),
            Some(BackupLayout::Objects) => cell.into(),
            Some(_) => literal_text(cell),
        }
    }

    /// An id or a part of a chat.
    fn code(&mut self, column: usize) -> Cow<'r, str> {
        let cell = self.cells.get(column);
        match self.file.mapping.backup {
            None => tidy_code(cell, self.edits).into(),
            Some(BackupLayout::Objects) => cell.into(),
            Some(_) => literal_code(cell),
        }
    }

    /// The id of a contact or an employee.
    fn id(&mut self, column: usize) -> Cow<'r, str> {
        let id = self.code(column);
        // A spreadsheet may have rounded an id of a backup, too. Export guards ids that only look rounded.
        let suspect = match self.file.mapping.backup {
            None => &*id,
            Some(BackupLayout::Objects) => "",
            Some(_) => self.cells.get(column),
        };
        if phone::has_lost_digits(suspect) {
            self.problems.add(Some(column), phone::digits_lost(suspect));
        }
        id
    }

    /// A link. The API's own address is left out, because sending it back would overwrite the real link.
    fn link(&mut self, column: usize) -> Cow<'r, str> {
        let cell = self.cells.get(column);
        let target = match self.file.mapping.backup {
            None => link_target(cell, self.edits),
            Some(_) => None,
        };
        let link = target.map_or_else(|| self.text(column), Cow::Borrowed);
        if is_own_address(&link) {
            self.edits.count(Edit::OwnAddress, || link.to_string());
            return Cow::Borrowed("");
        }
        link
    }

    fn read_part(&mut self, part: &mut Cow<'r, str>, column: usize) {
        if part.is_empty() {
            *part = self.text(column);
        }
    }

    fn joined(&mut self, parts: &mut [Cow<'r, str>; 3]) -> Cow<'r, str> {
        if parts.iter().all(|part| part.is_empty()) {
            return Cow::Borrowed("");
        }
        let parts = parts.iter_mut().map(std::mem::take);
        let mut parts: SmallVec<[_; 3]> = parts.filter(|part| !part.is_empty()).collect();
        if parts.len() <= 1 {
            return parts.pop().unwrap_or_default();
        }
        let name = parts.join(" ");
        self.edits.count(Edit::NamesJoined, || name.clone());
        name.into()
    }

    fn owner(&mut self, column: usize) -> Cow<'r, str> {
        let value = self.id(column);
        let id = owner::read(value, self.file, self.edits);
        self.or_problem(Some(column), id)
    }

    fn or_problem(
        &mut self,
        column: Option<usize>,
        value: Result<Cow<'r, str>, Fault>,
    ) -> Cow<'r, str> {
        value.unwrap_or_else(|fault| {
            self.problems.add(column, fault);
            Cow::Borrowed("")
        })
    }

    /// Applies the mapping file's value table to a field.
    fn replace_value(&mut self, field: Field) {
        let Some(table) = self.file.table(field) else {
            return;
        };
        let mut value = std::mem::take(self.single(field));
        if !value.is_empty()
            && let Some(meant) = table.get(&value)
        {
            self.edits.replaced(&value, meant);
            value = Cow::Borrowed(meant);
        }
        *self.single(field) = value;
    }

    fn single(&mut self, field: Field) -> &mut Cow<'r, str> {
        match field {
            Field::Id => &mut self.contact.id,
            Field::ResponsibleUserId => &mut self.contact.responsible_user_id,
            Field::Name => &mut self.contact.name,
            _ => &mut self.contact.uri,
        }
    }

    /// Reads chats, groups and phone numbers. The columns of a group are adjacent.
    fn read_chats(&mut self, assignments: &'r [Assignment]) {
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
        }
    }

    fn read_cell(&mut self, field: Field, column: usize) {
        let cell = self.cells.get(column);
        if cell.is_empty() {
            return;
        }
        let layout = self.file.mapping.backup;
        if let Some(read) = layout.and_then(|layout| chat::read_backup(layout, field, cell)) {
            match read {
                Ok(chats) => self.contact.contact_data.extend(chats),
                Err(fault) => self.problems.add(Some(column), fault),
            }
            return;
        }
        if is_yes_or_no(cell) {
            self.edits.missing_value(cell);
            return self.edits.count(Edit::YesOrNo, || cell.to_owned());
        }
        let chats = &mut self.contact.contact_data;
        self.edits.begin_numbers(column);
        let faults = chat::read_cell(field, cell, self.file, chats, self.edits);
        self.edits.end_numbers();
        for (fault, value) in faults {
            // `-`, `нет` or `+`, which are not valid account names.
            let is_doubtful = field != Field::ContactData
                && !value.bytes().any(|byte| byte.is_ascii_alphanumeric());
            let fault = phone::of_several(fault, cell);
            self.problems
                .add_of_chat(column, fault, value, is_doubtful, self.file);
        }
    }

    fn read_group(&mut self, columns: &'r [Assignment]) {
        let mut values: [Cow<'r, str>; 4] = Default::default();
        for it in columns {
            if let Field::Group { part, .. } = it.field
                && values[part as usize].is_empty()
            {
                values[part as usize] = self.code(it.column);
            }
        }
        if values.iter().all(|value| value.is_empty()) {
            return;
        }
        let id_column = columns.iter().find(|it| is_part(it, GroupPart::ChatId));
        let chat_id = id_column.map_or("", |it| self.cells.get(it.column));
        match chat::read_group(values, self.file, self.edits) {
            Ok(chat) if self.cells.is_literal => self.contact.contact_data.push(chat),
            Ok(chat) => chat::add(&mut self.contact.contact_data, chat, self.edits),
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
        let chats = &self.contact.contact_data;
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
        if is_unused && phone::messengers(cell).is_empty() {
            return self.edits.count(Edit::PhoneUnused, || cell.to_owned());
        }
        let phones = &self.file.phones;
        self.edits.begin_numbers(phone.column);
        for value in phone::values(cell, phones, self.edits) {
            let mut types = types;
            let named = phone::messengers(value);
            if !named.is_empty() {
                self.edits
                    .count(Edit::MessengerNamed, || value.trim().to_owned());
                types = &named;
            }
            match handle::number(value, phones, self.edits) {
                Ok(number) => {
                    chat::add_phone(
                        &mut self.contact.contact_data,
                        types,
                        number.clone(),
                        self.edits,
                    );
                    self.first_number.get_or_insert(number);
                }
                Err(fault) => {
                    let is_doubtful = types.is_empty() || phone::is_remark(value);
                    let fault = phone::of_several(fault, cell);
                    self.problems
                        .add_of_chat(phone.column, fault, value, is_doubtful, self.file);
                }
            }
        }
        self.edits.end_numbers();
    }

    fn apply_templates(&mut self) {
        for template in &self.file.mapping.templates {
            if !template::is_open(template.field, &self.contact) {
                continue;
            }
            let values = RowValues {
                file: self.file,
                cells: self.cells,
                contact: &self.contact,
                first_number: self.first_number.as_deref().unwrap_or_default(),
            };
            let Some(value) = template::value(template, &values) else {
                continue;
            };
            match template.field {
                Field::ResponsibleUserId => {
                    let id = owner::employee(value, self.file, self.edits);
                    self.contact.responsible_user_id = self.or_problem(None, id);
                }
                Field::Id | Field::Name | Field::Uri => *self.single(template.field) = value,
                field => self.apply_chats(field, &value),
            }
        }
    }

    /// Reads the chats of a template like a cell of such a column.
    fn apply_chats(&mut self, field: Field, value: &str) {
        let mut found = Vec::new();
        let faults = chat::read_cell(field, value, self.file, &mut found, self.edits);
        for (fault, _) in faults {
            let reason = format!("--set {field}: {}", fault.reason);
            self.problems.add(None, Fault::new(fault.code, reason));
        }
        for chat in found {
            let chats = &mut self.contact.contact_data;
            chat::add(chats, chat.into_owned(), self.edits);
        }
    }
}
