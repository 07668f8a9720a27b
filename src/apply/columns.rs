//! Finds the source column of a contact's field, for refusals that name the field.

use std::borrow::Cow;

use super::{causes::says_missing, source_cells::SourceCells};
use crate::{
    contact::{Chat, ChatType, Contact},
    run::{RunError, RunFile, RunSources, StoredColumn, blocks},
};

/// The columns of a run's sources, by field name.
#[derive(Debug, Default)]
pub(super) struct SourceColumns {
    sources: RunSources,
    /// The first contact of each block, and the block's source.
    blocks: Vec<(u64, u32)>,
    cells: SourceCells,
}

/// A field that may have provided a value.
type Candidate<'a> = (String, &'a str);

impl SourceColumns {
    pub(crate) fn of(run: &RunFile) -> Result<Self, RunError> {
        Ok(Self {
            sources: RunSources::of(run)?,
            blocks: blocks::starts(run)?,
            cells: SourceCells::of(run),
        })
    }

    /// True if no field comes from a column.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.are_unmapped()
    }

    /// The column of a contact's field. `path` is its path within the contact: `contact_data.0.chat_id`. `message`: the
    /// server's message about it. If several columns provide the field, it is the one whose cell has the value.
    pub(super) fn column(
        &self,
        seq: u64,
        json: &[u8],
        path: &str,
        message: &str,
    ) -> Option<String> {
        let contact: Contact<'_> = serde_json::from_slice(json).ok()?;
        let block = self.blocks.partition_point(|(first, _)| *first <= seq);
        let (_, source) = *self.blocks.get(block.checked_sub(1)?)?;
        let columns = self.sources.columns(source);
        let candidates = candidates(&contact, path, message);
        let likely: Vec<_> = columns_of(columns, &candidates).collect();
        let others = other_slots(columns, &candidates);
        let all: Vec<_> = likely
            .iter()
            .copied()
            .chain(columns_of(columns, &others))
            .collect();
        let holder = || self.cells.holder(&self.sources.list, source, seq, &all);
        let holder = if all.len() > 1 { holder() } else { None };
        let (column, _) = holder.or(likely.first().copied())?;
        Some(column.to_owned())
    }
}

/// The columns of the candidates, with the value that each of them may have provided.
fn columns_of<'a>(
    columns: &'a [StoredColumn],
    candidates: &'a [Candidate<'a>],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    candidates.iter().flat_map(|(field, value)| {
        let columns = columns.iter().filter(|it| it.fields.contains(field));
        columns.map(|it| (it.column.as_str(), *value))
    })
}

/// The numbered fields besides those among the candidates: if a row has gaps between its chats, the place of a chat
/// is not its number.
fn other_slots<'a>(columns: &[StoredColumn], candidates: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    let part_of = |field: &str| {
        let (part, number) = field.rsplit_once('_')?;
        number.parse::<u32>().ok()?;
        Some(part.to_owned())
    };
    let mut others = Vec::new();
    for (field, value) in candidates {
        let Some(part) = part_of(field) else {
            continue;
        };
        let fields = columns.iter().flat_map(|it| &it.fields);
        let others_of_part =
            fields.filter(|other| *other != field && part_of(other).as_ref() == Some(&part));
        others.extend(others_of_part.map(|other| (other.clone(), *value)));
    }
    others
}

/// The fields that may have provided this part of the contact, the most likely first.
fn candidates<'a>(contact: &'a Contact<'_>, path: &str, message: &str) -> Vec<Candidate<'a>> {
    let mut parts = path.split('.');
    let with = |value: &'a str, names: &[&str]| -> Vec<Candidate<'a>> {
        names.iter().map(|&name| (name.to_owned(), value)).collect()
    };
    let chat = |place: Option<usize>, part: &str| {
        let chat = place.and_then(|place| Some((place, contact.contact_data.get(place)?)));
        chat.map_or_else(Vec::new, |(place, chat)| chat_candidates(chat, place, part))
    };
    match parts.next() {
        Some("name") => with(
            &contact.name,
            &[
                "name",
                "first_name",
                "last_name",
                "second_last_name",
                "middle_name",
            ],
        ),
        Some("contact_data") => {
            let place = parts.next().and_then(|place| place.parse().ok());
            let part = parts.next().unwrap_or_default();
            chat(place.or_else(|| only_chat(contact, part, message)), part)
        }
        Some(part @ ("chat_type" | "chat_id" | "username" | "phone")) => {
            chat(only_chat(contact, part, message), part)
        }
        Some(field) => with("", &[field]),
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
fn chat_candidates<'a>(chat: &'a Chat<'_>, place: usize, part: &str) -> Vec<Candidate<'a>> {
    let mut parts: [(&str, &Cow<'_, str>); 3] = [
        ("chat_id", &chat.chat_id),
        ("username", &chat.username),
        ("phone", &chat.phone),
    ];
    parts.sort_by_key(|(name, _)| *name != part);
    let chat_type = chat.chat_type.as_str();
    let number = place + 1;
    let mut candidates = Vec::new();
    for (part, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let mut add = |field: &str| candidates.push((field.to_owned(), &**value));
        match (part, chat.chat_type) {
            ("username", _) => add("telegram_username"),
            ("phone", ChatType::Max) => add("max_phone"),
            ("phone", _) => add("telegram_phone"),
            _ => {}
        }
        add(chat_type);
        if part == "phone" || chat.chat_type.id_is_phone() {
            add("phone");
        }
        add(&format!("{part}_{number}"));
        add(part);
    }
    candidates.push(("contact_data".to_owned(), ""));
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTACT: &[u8] = br#"{"id":"1","name":"Ann","uri":"u","contact_data":[
        {"chat_type":"whatsapp","chat_id":"7"},{"chat_type":"telegram","username":"ann"},
        {"chat_type":"vk","chat_id":"v"}]}"#;

    fn columns(pairs: &[(&str, &str)]) -> SourceColumns {
        let column = |(field, column): &(&str, &str)| StoredColumn {
            column: (*column).to_owned(),
            fields: vec![(*field).to_owned()],
            ..StoredColumn::default()
        };
        let columns = pairs.iter().map(column).collect();
        SourceColumns {
            sources: RunSources::of_columns(vec![Vec::new(), columns]),
            blocks: vec![(0, 0), (10, 1)],
            cells: SourceCells::default(),
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
