//! The columns of messengers, `contact_data` and the groups.

use smallvec::SmallVec;

use super::Row;
use crate::{
    contact::ChatType,
    mapping::{self, Field, GroupPart},
    normalize::{
        GroupColumns, Normalizer,
        chats::{self, Chats},
        contact_data,
        entry::{self, Given},
        handle::{self, Fault, Part},
        notes::{Note, Notes},
        split,
        text::tidy_code,
        values::{Meaning, ValueTable},
    },
    reject::RejectCode,
};

impl<'r> Row<'r, '_> {
    pub(super) fn read_chats(&mut self) {
        for column in &self.plan.chats {
            let cell = self.cell(column.column);
            if cell.is_empty() {
                continue;
            }
            match column.field {
                Field::ContactData => self.read_contact_data(column.column, cell),
                field => self.read_messenger(field, column.column, cell),
            }
        }
        for group in &self.plan.groups {
            self.read_group(group);
        }
    }

    fn read_messenger(&mut self, field: Field, column: usize, cell: &'r str) {
        let chats = &mut self.contact.contact_data;
        let faults = read_values(field, cell, self.plan, chats, self.notes);
        for (fault, value) in faults {
            self.report(column, fault, value, says_nothing(value));
        }
    }

    fn read_contact_data(&mut self, column: usize, cell: &'r str) {
        let text = cell.trim();
        if text.is_empty() {
            return;
        }
        match contact_data::read(text, &self.plan.phones, self.notes) {
            Ok(read) => {
                for chat in read {
                    chats::add(&mut self.contact.contact_data, chat, self.notes);
                }
            }
            Err(faults) => {
                for (code, reason) in faults {
                    self.problem(Some(column), code, reason);
                }
            }
        }
    }

    fn read_group(&mut self, group: &'r GroupColumns) {
        let mut part = |column: Option<usize>| {
            let cell = column.map_or("", |column| self.cell(column));
            if cell.is_empty() {
                cell
            } else {
                tidy_code(cell, self.notes)
            }
        };
        let (chat_type, chat_id) = (part(group.chat_type), part(group.chat_id));
        let (username, phone) = (part(group.username), part(group.phone));
        if chat_type.is_empty() && chat_id.is_empty() && username.is_empty() && phone.is_empty() {
            return;
        }
        let chat_type = match self.group_type(chat_type) {
            Ok(chat_type) => chat_type,
            Err((code, reason)) => return self.problem(group.chat_type, code, reason),
        };
        let given = Given {
            chat_type,
            chat_id: chat_id.into(),
            username: username.into(),
            phone: phone.into(),
        };
        match entry::read(given, &self.plan.phones, self.notes) {
            Ok(chat) => chats::add(&mut self.contact.contact_data, chat, self.notes),
            Err(fault) => {
                let column = group.chat_id.or(group.username).or(group.phone);
                self.problem(column, fault.code(), fault.reason());
            }
        }
    }

    pub(super) fn group_type(&self, name: &str) -> Result<ChatType, contact_data::Fault> {
        if name.is_empty() {
            let reason = "the chat has an account and no chat_type: fill it (whatsapp, telegram, …), or empty the account";
            return Err((RejectCode::ChatTypeUnknown, reason.to_owned()));
        }
        let any_group = Field::Group {
            number: 0,
            part: GroupPart::ChatType,
        };
        let name = match self.plan.table(any_group).map(|table| table.get(name)) {
            Some(Meaning::Is(meant)) => meant,
            _ => name,
        };
        mapping::messenger(name).ok_or_else(|| contact_data::unknown(name))
    }
}

/// `-`, `нет`, `+`: no account has such a name.
fn says_nothing(value: &str) -> bool {
    !value.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Reads the values of a messenger's cell into `found`; gives back what could not be read.
pub(super) fn read_values<'r>(
    field: Field,
    cell: &'r str,
    plan: &Normalizer,
    found: &mut Chats<'r>,
    notes: &mut Notes,
) -> SmallVec<[(Fault, &'r str); 1]> {
    let (phones, mut faults) = (&plan.phones, SmallVec::new());
    let (chat_type, numbers) = match field {
        Field::Messenger(chat_type) => (chat_type, chat_type.id_is_phone()),
        Field::MaxPhone => (ChatType::Max, true),
        Field::TelegramPhone => (ChatType::Telegram, true),
        _ => (ChatType::Telegram, false),
    };
    if let Some(part) = as_it_stands(field, cell, plan) {
        chats::add_part(found, chat_type, part, true, notes);
        return faults;
    }
    let values = match split::may_hold_several(cell) {
        false => split::Values::from_slice(&[cell]),
        true if numbers => split::numbers(cell, phones),
        true if split::may_be_numbers(cell) => split::numbers(cell, phones),
        true => split::handles(cell),
    };
    if values.len() > 1 {
        notes.count(Note::Split, || cell.to_owned());
    }
    let alone = values.len() == 1;
    for value in values {
        let value = tidy_code(value, notes);
        if value.is_empty() {
            continue;
        }
        let part = match field {
            Field::Messenger(chat_type) => handle::read(chat_type, value, phones, notes),
            Field::TelegramUsername => handle::username(value, phones, notes),
            _ => handle::number(value, phones, notes).map(handle::Part::Phone),
        };
        match part {
            Ok(part) => chats::add_part(found, chat_type, part, alone, notes),
            Err(fault) => faults.push((fault, value)),
        }
    }
    faults
}

/// The fast path: one value that is sent as it stands.
fn as_it_stands<'r>(field: Field, cell: &'r str, plan: &Normalizer) -> Option<Part<'r>> {
    match field {
        Field::Messenger(ChatType::Whatsapp | ChatType::Viber) => {
            let ready = plan.phones.is_international(cell.as_bytes());
            ready.then_some(Part::ChatId(cell.into()))
        }
        Field::Messenger(ChatType::Telegram) | Field::TelegramUsername => {
            handle::is_plain_username(cell).then_some(Part::Username(cell.into()))
        }
        _ => None,
    }
}

impl Normalizer {
    pub(super) fn table(&self, field: Field) -> Option<&ValueTable> {
        let mut tables = self.other_values.iter();
        tables.find(|(of, _)| *of == field).map(|(_, table)| table)
    }
}
