//! Putting what `--set` gives into the fields that are still empty.

use super::{Row, chats::read_values};
use crate::{
    contact::ChatType,
    mapping::{Field, Setting},
    normalize::{
        chats::{self, Chats},
        contact_data, handle, setting,
    },
    reject::RejectCode,
};

impl<'r> Row<'r, '_> {
    pub(super) fn apply(&mut self, setting: &'r Setting) {
        if !self.is_open(setting.field) {
            return;
        }
        let Some(value) = setting::value(setting, self) else {
            return;
        };
        match setting.field {
            Field::Id => self.contact.id = value,
            Field::ResponsibleUserId => self.contact.responsible_user_id = value,
            Field::Name => self.contact.name = value,
            Field::Uri => self.contact.uri = value,
            field => self.apply_chat(field, &value),
        }
    }

    /// Do the row's own columns leave the field empty?
    fn is_open(&self, field: Field) -> bool {
        let lacks = |wanted| {
            self.contact
                .contact_data
                .iter()
                .all(|chat| chat.chat_type != wanted)
        };
        match field {
            Field::Id => self.contact.id.is_empty(),
            Field::ResponsibleUserId => self.contact.responsible_user_id.is_empty(),
            Field::Name => self.contact.name.is_empty(),
            Field::Uri => self.contact.uri.is_empty(),
            Field::Messenger(chat_type) => lacks(chat_type),
            Field::TelegramUsername | Field::TelegramPhone => lacks(ChatType::Telegram),
            Field::MaxPhone => lacks(ChatType::Max),
            Field::Phone | Field::ContactData => self.contact.contact_data.is_empty(),
            _ => false,
        }
    }

    /// A chat from a template: read as a cell of that column would be.
    fn apply_chat(&mut self, field: Field, value: &str) {
        let (plan, mut found) = (self.plan, Chats::new());
        let faults: Vec<(RejectCode, String)> = match field {
            Field::ContactData => match contact_data::read(value, &plan.phones, self.notes) {
                Ok(chats) => {
                    found.extend(chats);
                    Vec::new()
                }
                Err(faults) => faults,
            },
            Field::Phone => match handle::number(value, &plan.phones, self.notes) {
                Ok(number) => {
                    let types = plan.phone_as().iter();
                    found.extend(
                        types.map(|chat_type| chats::of_number(*chat_type, number.clone())),
                    );
                    Vec::new()
                }
                Err(fault) => vec![(fault.code(), fault.reason(value))],
            },
            field => read_values(field, value, plan, &mut found, self.notes)
                .into_iter()
                .map(|(fault, value)| (fault.code(), fault.reason(value)))
                .collect(),
        };
        for chat in found {
            chats::add(
                &mut self.contact.contact_data,
                chat.into_owned(),
                self.notes,
            );
        }
        for (code, reason) in faults {
            self.problem(None, code, format!("--set {field}: {reason}"));
        }
    }
}
