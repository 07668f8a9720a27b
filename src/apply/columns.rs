//! Finds the source column of a contact's field, for refusals that name the field.

use std::collections::BTreeMap;

use super::causes::says_missing;
use crate::{
    contact::{Chat, ChatType, Contact},
    run::{RunError, RunFile, blocks, sources},
};

/// The columns of a run's sources, by field name.
#[derive(Debug, Default)]
pub(super) struct SourceColumns {
    sources: Vec<FieldColumns>,
    /// The first contact of each block, and the block's source.
    blocks: Vec<(u64, u32)>,
}

/// Columns by field, best first.
type FieldColumns = BTreeMap<String, Vec<String>>;

impl SourceColumns {
    pub(crate) fn of(run: &RunFile) -> Result<Self, RunError> {
        let sources = sources::all(run)?.into_iter().map(|source| {
            let mut fields = FieldColumns::new();
            for used in source.column_uses(run)? {
                for field in used.fields {
                    fields.entry(field).or_default().push(used.column.clone());
                }
            }
            Ok::<_, RunError>(fields)
        });
        Ok(Self {
            sources: sources.collect::<Result<_, _>>()?,
            blocks: blocks::starts(run)?,
        })
    }

    /// True if no field comes from a column.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.iter().all(FieldColumns::is_empty)
    }

    /// The column of a contact's field. `path` is its path within the contact: `contact_data.0.chat_id`. `message`: the
    /// server's message about it.
    pub(super) fn column(
        &self,
        seq: u64,
        json: &[u8],
        path: &str,
        message: &str,
    ) -> Option<String> {
        let contact: Contact<'_> = serde_json::from_slice(json).ok()?;
        let block = self.blocks.partition_point(|(first, _)| *first <= seq);
        let (_, source) = self.blocks.get(block.checked_sub(1)?)?;
        let columns = self.sources.get(*source as usize)?;
        let column = |field: &String| columns.get(field)?.first().cloned();
        candidates(&contact, path, message).iter().find_map(column)
    }
}

/// The fields that may have provided this part of the contact, the most likely first.
fn candidates(contact: &Contact<'_>, path: &str, message: &str) -> Vec<String> {
    let mut parts = path.split('.');
    let words = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    match parts.next() {
        Some("name") => words(&["name", "first_name", "last_name", "middle_name"]),
        Some("contact_data") => {
            let place = parts.next().and_then(|place| place.parse::<usize>().ok());
            let part = parts.next().unwrap_or_default();
            let place = place.or_else(|| only_chat(contact, part, message));
            let chat = place.and_then(|place| Some((place, contact.contact_data.get(place)?)));
            chat.map_or_else(Vec::new, |(place, chat)| chat_candidates(chat, place, part))
        }
        Some(part @ ("chat_type" | "chat_id" | "username" | "phone")) => {
            let chat = only_chat(contact, part, message)
                .map(|place| (place, &contact.contact_data[place]));
            chat.map_or_else(Vec::new, |(place, chat)| chat_candidates(chat, place, part))
        }
        Some(field) => words(&[field]),
        None => Vec::new(),
    }
}

/// The chat of an answer that does not state its index: the only one, or the only one that the message fits. A message
/// such as `chat_id holds more than digits` fits chats with the named part, any other those without it.
fn only_chat(contact: &Contact<'_>, part: &str, message: &str) -> Option<usize> {
    let is_about_value = message.contains(part) && !says_missing(message);
    let fits = |chat: &Chat<'_>| match part {
        "chat_id" => chat.chat_id.is_empty() != is_about_value,
        "username" => chat.username.is_empty() != is_about_value,
        "phone" => chat.phone.is_empty() != is_about_value,
        _ => true,
    };
    let chats = || contact.contact_data.iter().enumerate();
    let mut fitting = chats()
        .filter(|(_, chat)| fits(chat))
        .map(|(place, _)| place);
    match (fitting.next(), fitting.next()) {
        (Some(place), None) => Some(place),
        _ => (contact.contact_data.len() == 1).then_some(0),
    }
}

/// Like [`candidates`], for a chat. If the named part is empty, the columns of the chat's other parts are returned.
fn chat_candidates(chat: &Chat<'_>, place: usize, part: &str) -> Vec<String> {
    let mut parts = [
        ("chat_id", &chat.chat_id),
        ("username", &chat.username),
        ("phone", &chat.phone),
    ];
    parts.sort_by_key(|(name, _)| *name != part);
    let chat_type = chat.chat_type.as_str();
    let number = place + 1;
    let mut fields = Vec::new();
    for (part, _) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
        match (part, chat.chat_type) {
            ("username", _) => fields.push("telegram_username".to_owned()),
            ("phone", ChatType::Max) => fields.push("max_phone".to_owned()),
            ("phone", _) => fields.push("telegram_phone".to_owned()),
            _ => {}
        }
        fields.push(chat_type.to_owned());
        if part == "phone" || chat.chat_type.id_is_phone() {
            fields.push("phone".to_owned());
        }
        fields.extend([format!("{part}_{number}"), part.to_owned()]);
    }
    fields.push("contact_data".to_owned());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTACT: &[u8] = br#"{"id":"1","name":"Ann","uri":"u","contact_data":[
        {"chat_type":"whatsapp","chat_id":"7"},{"chat_type":"telegram","username":"ann"},
        {"chat_type":"vk","chat_id":"v"}]}"#;

    fn columns(pairs: &[(&str, &str)]) -> SourceColumns {
        let mut fields = FieldColumns::new();
        for (field, column) in pairs {
            fields.insert((*field).to_owned(), vec![(*column).to_owned()]);
        }
        SourceColumns {
            sources: vec![FieldColumns::new(), fields],
            blocks: vec![(0, 0), (10, 1)],
        }
    }

    #[test]
    fn a_field_leads_to_the_column_that_gave_it() {
        let columns = columns(&[
            ("last_name", "Surname"),
            ("uri", "Link"),
            ("phone", "Mobile"),
            ("telegram_username", "TG"),
            ("chat_id_3", "Chat 3"),
        ]);
        let column = |path| columns.column(10, CONTACT, path, "");
        for (path, expected) in [
            ("name", Some("Surname")),
            ("uri", Some("Link")),
            ("responsible_user_id", None),
            ("contact_data.0.chat_id", Some("Mobile")),
            ("contact_data.0", Some("Mobile")),
            ("contact_data.1.chat_id", Some("TG")),
            ("contact_data.2.chat_id", Some("Chat 3")),
            ("contact_data.9", None),
            ("contact_data", None),
            ("chat_id", Some("TG")),
        ] {
            assert_eq!(column(path).as_deref(), expected, "{path}");
        }
        assert_eq!(
            columns.column(9, CONTACT, "uri", ""),
            None,
            "another source"
        );
    }

    #[test]
    fn a_message_about_a_value_leads_to_the_chat_that_has_it() {
        let contact = br#"{"id":"1","contact_data":[{"chat_type":"whatsapp","chat_id":"+57"},
            {"chat_type":"telegram","username":"ann"}]}"#;
        let columns = columns(&[("chat_id_1", "chat_id_1"), ("username_2", "username_2")]);
        for (message, column) in [
            ("chat_id holds more than digits", "chat_id_1"),
            ("chat_id should not be empty", "username_2"),
            ("Invalid data", "username_2"),
        ] {
            let found = columns.column(10, contact, "chat_id", message);
            assert_eq!(found.as_deref(), Some(column), "{message}");
        }
    }
}
