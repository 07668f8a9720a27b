//! Reads one row: single-valued fields, chats, phone numbers, templates, and finally the rules for the contact.
//!
//! Templates come after the columns because they may use any column and only fill fields that are still empty.

use std::{borrow::Cow, mem};

use smallvec::SmallVec;

use super::{
    cells::Cells,
    chats::{ChatReader, chat},
    edits::{Edit, Edits},
    fields::check,
    owner, phone,
    problems::RowProblems,
    rules::FileRules,
    template::{self, RowValues},
    text::{inspect_link, link_target},
};
use crate::{
    contact::{Chat, Contact, ContactField, is_own_address},
    mapping::{Assignment, Field, name_key},
    reject::{Fault, RejectedRow},
    source::Row,
};

/// Turns a row into a contact that satisfies every rule of the API; `None` if its contact is not selected. The reject is
/// boxed, because it is larger than a contact. `room`: an empty list for the chats, to use its memory again.
pub(crate) fn read_row<'r>(
    file: &'r FileRules,
    row: Row<'r>,
    room: Vec<Chat<'r>>,
    edits: &mut Edits,
) -> Option<Result<Contact<'r>, Box<RejectedRow<'static>>>> {
    edits.row = row.offset.into();
    let mut reader = RowReader {
        file,
        cells: Cells {
            row,
            backup: file.mapping.backup,
            has_words: false,
        },
        contact: Contact {
            contact_data: room,
            ..Contact::default()
        },
        first_number: None,
        problems: RowProblems::default(),
        edits,
    };
    Some(match reader.read()? {
        Ok(()) => Ok(reader.contact),
        Err(rejected) => Err(rejected),
    })
}

/// The first, middle, last and second last name.
type NameParts<'r> = [Cow<'r, str>; 4];

/// Particles of names, such as `de la`, have at most this many characters.
const PARTICLE_MAX: usize = 3;

/// Makes the name the first one, unless it shares a word with a last name, so it is more than a first name. Drops
/// the other parts that it contains, such as a middle name, and those without a letter.
fn complete<'r>(name: &mut Cow<'r, str>, parts: &mut NameParts<'r>) {
    let known = words(name);
    let is_known = |word: &String| known.contains(word);
    let is_shared = |part: &Cow<'_, str>| {
        let words = words(part);
        let is_long = |word: &String| word.chars().count() > PARTICLE_MAX;
        !words.is_empty() && words.iter().all(is_known)
            || words.iter().any(|word| is_long(word) && is_known(word))
    };
    if known.is_empty() || parts[2..].iter().any(is_shared) {
        return;
    }
    for part in &mut parts[1..] {
        if words(part).iter().all(is_known) {
            *part = Cow::Borrowed("");
        }
    }
    parts[0] = mem::take(name);
}

fn words(text: &str) -> Vec<String> {
    let is_mark = |it: char| ('\u{300}'..='\u{36f}').contains(&it);
    let words = text.split(|it: char| !it.is_alphanumeric() && !is_mark(it));
    words
        .filter(|word| !word.is_empty())
        .map(name_key)
        .collect()
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
    /// Reads the contact, in place because it is large.
    fn read(&mut self) -> Option<Result<(), Box<RejectedRow<'static>>>> {
        let assignments = &self.file.mapping.assignments;
        let (singles, others) = assignments.split_at(self.file.single_count);
        self.cells
            .report_faults(self.file, &mut self.problems, self.edits);
        if self.cells.is_not_a_row() {
            let problems = mem::take(&mut self.problems).finish(self.file);
            let rejected = RejectedRow::of_block(self.cells.row.offset, None, problems);
            return Some(Err(rejected.into()));
        }
        self.read_singles(singles);
        if self.is_left_out() {
            return None;
        }
        self.first_number = ChatReader {
            file: self.file,
            cells: self.cells,
            chats: &mut self.contact.contact_data,
            first_number: None,
            problems: &mut self.problems,
            edits: self.edits,
        }
        .read(others);
        self.cells.inspect_others(self.file, self.edits);
        self.apply_templates();
        if self.is_left_out() {
            return None;
        }
        self.problems
            .settle_possible_faults(&self.contact, self.file, self.edits);
        check(&self.contact, self.file, &mut self.problems);
        if self.problems.is_empty() {
            self.edits.has_unread_chat =
                self.problems.has_unread_chat || self.has_uncalculated_chat();
            self.inspect();
            return Some(Ok(()));
        }
        Some(Err(self.reject().into()))
    }

    /// True if the result of a formula in a chat's column is missing.
    fn has_uncalculated_chat(&self) -> bool {
        let mut columns = self.problems.uncalculated.iter();
        columns.any(|column| self.file.mapping.gives(*column, ContactField::ContactData))
    }

    fn reject(&mut self) -> RejectedRow<'static> {
        self.edits.dropped.clear();
        let id = self.known_id().map(str::to_owned);
        let problems = mem::take(&mut self.problems).finish(self.file);
        RejectedRow::of_block(self.cells.row.offset, id.as_deref(), problems).into_owned()
    }

    /// Counts what is edited or looks wrong in a valid contact.
    fn inspect(&mut self) {
        self.edits.inspect_text(&self.contact.name);
        // People type names into backups, too.
        self.edits.inspect_text(&self.contact.responsible_user_id);
        owner::inspect(&self.contact.responsible_user_id, self.file, self.edits);
        if !self.cells.is_literal() {
            inspect_link(&self.contact.uri, self.edits);
            chat::inspect(&self.contact.contact_data, self.edits);
        }
        self.edits.count_dropped();
    }

    /// The id, if it is surely that of the contact.
    fn known_id(&self) -> Option<&str> {
        let is_known = self.cells.row.ragged.is_none()
            && !self.contact.id.is_empty()
            && !self.problems.has_lost_digits(ContactField::Id, self.file);
        is_known.then_some(&*self.contact.id)
    }

    /// True if the contact is not selected. Its id may be known before the templates are applied, or only then.
    fn is_left_out(&self) -> bool {
        let selection = self.file.selection.as_ref();
        selection.is_some_and(|chosen| self.known_id().is_some_and(|id| !chosen.contains(id)))
    }

    /// Reads the single-valued fields. The first column with a value is used.
    fn read_singles(&mut self, assignments: &'r [Assignment]) {
        let mut name_parts: NameParts<'r> = Default::default();
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
                Field::Name if !contact.name.is_empty() => {}
                Field::FirstName => self.read_part(&mut name_parts[0], it.column),
                Field::MiddleName => self.read_part(&mut name_parts[1], it.column),
                Field::LastName => self.read_part(&mut name_parts[2], it.column),
                Field::SecondLastName => self.read_part(&mut name_parts[3], it.column),
                Field::Name if name_parts.iter().any(|part| !part.is_empty()) => {
                    self.contact.name = self.joined(&mut name_parts);
                }
                Field::Name => self.contact.name = self.cells.text(it.column, self.edits),
                _ => {}
            }
        }
        if self.file.mapping.completes_names {
            complete(&mut self.contact.name, &mut name_parts);
        }
        if name_parts.contains(&self.contact.name) {
            self.contact.name = Cow::Borrowed("");
        }
        if self.contact.name.is_empty() {
            self.contact.name = self.joined(&mut name_parts);
        }
        for field in [Field::Id, Field::Name, Field::Uri] {
            self.replace_value(field);
        }
    }

    /// The id of a contact or an employee.
    #[inline]
    fn id(&mut self, column: usize) -> Cow<'r, str> {
        let id = self.cells.code(column, self.edits);
        let rounded = match self.file.mapping.backup {
            None => phone::has_lost_digits(&id).then_some(&*id),
            Some(_) => self.cells.rounded(column),
        };
        if let Some(text) = rounded {
            self.problems.add(Some(column), phone::digits_lost(text));
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
        let link = target.map_or_else(|| self.cells.text(column, self.edits), Cow::Borrowed);
        if is_own_address(&link) {
            self.edits.count(Edit::OwnAddress, || link.to_string());
            return Cow::Borrowed("");
        }
        link
    }

    fn read_part(&mut self, part: &mut Cow<'r, str>, column: usize) {
        if part.is_empty() {
            *part = self.cells.text(column, self.edits);
        }
    }

    fn joined(&mut self, parts: &mut NameParts<'r>) -> Cow<'r, str> {
        if parts.iter().all(|part| part.is_empty()) {
            return Cow::Borrowed("");
        }
        let parts = parts.iter_mut().map(mem::take);
        let mut parts: SmallVec<[_; 4]> = parts.filter(|part| !part.is_empty()).collect();
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
        let mut value = mem::take(self.single(field));
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
