//! The columns of a backup. `export` writes them, and `import` recognizes backups by them.

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::contact::ChatType;

/// The columns before the chats.
const FIELDS: [&str; 4] = ["id", "responsible_user_id", "name", "uri"];
/// The name of the employee, after `responsible_user_id`.
const OWNER_NAME: &str = "responsible";
/// The columns of a chat.
const PARTS: [&str; 4] = ["chat_type", "chat_id", "username", "phone"];
/// All chats as JSON.
const CHATS: &str = "contact_data";
/// The suffix of a column with the chats of one type.
const OF_TYPE: &str = "_chats";

/// The layout of the chats in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BackupLayout {
    /// A group of columns for each chat.
    #[default]
    Wide,
    /// A column for each messenger.
    Columns,
    /// A row for each chat.
    Long,
    /// JSON lines: one object per contact.
    Objects,
}

impl BackupLayout {
    /// The layout with exactly these columns. The rejects of a backup have additional columns that begin with `_`.
    pub(crate) fn of(columns: &[String]) -> Option<Self> {
        let is_own = |name: &&String| !name.starts_with('_');
        let columns: Vec<String> = columns.iter().filter(is_own).cloned().collect();
        let (fields, chats) = match columns.iter().position(|name| name == OWNER_NAME) {
            Some(2) => (
                [&columns[..2], &columns[3..5.min(columns.len())]].concat(),
                columns.get(5..)?,
            ),
            _ => (columns.get(..4)?.to_vec(), &columns[4..]),
        };
        if fields != FIELDS || chats.is_empty() {
            return None;
        }
        let is_group = |(number, group): (usize, &[String])| {
            let expected = PARTS.map(|part| format!("{part}_{}", number + 1));
            group == expected
        };
        let types: Option<BTreeSet<_>> = chats.iter().map(|name| chat_type_of(name)).collect();
        if chats == PARTS {
            Some(Self::Long)
        } else if chats == [CHATS] {
            Some(Self::Objects)
        } else if types.is_some_and(|types| types.len() == chats.len()) {
            Some(Self::Columns)
        } else {
            let mut groups = chats.chunks(PARTS.len()).enumerate();
            groups.all(is_group).then_some(Self::Wide)
        }
    }

    /// The columns of a backup of contacts with up to this many chats, of these types.
    pub(crate) fn columns(
        self,
        chats_max: usize,
        types: &BTreeSet<ChatType>,
        has_owner_names: bool,
    ) -> Vec<String> {
        let mut columns = FIELDS.map(String::from).to_vec();
        if has_owner_names {
            columns.insert(2, OWNER_NAME.to_owned());
        }
        match self {
            Self::Wide => columns.extend((1..=chats_max.max(1)).flat_map(|number| {
                let names = PARTS.map(|part| format!("{part}_{number}"));
                names.into_iter()
            })),
            Self::Columns => columns.extend(types.iter().map(column_of)),
            Self::Long => columns.extend(PARTS.map(String::from)),
            Self::Objects => columns.push(CHATS.to_owned()),
        }
        columns
    }
}

/// The column with the chats of this type. Undocumented types may have any name.
fn column_of(chat_type: &ChatType) -> String {
    let name = utf8_percent_encode(chat_type.as_str(), NON_ALPHANUMERIC);
    format!("{name}{OF_TYPE}")
}

/// The chat type of a column of [`BackupLayout::Columns`].
pub(super) fn chat_type_of(column: &str) -> Option<ChatType> {
    let name = column.strip_suffix(OF_TYPE)?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    ChatType::named(&name).filter(|chat_type| column_of(chat_type) == column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_recognized_by_all_of_its_columns() {
        let fields = "id,responsible_user_id,name,uri,";
        let named = "id,responsible_user_id,responsible,name,uri,";
        let group = "chat_type_1,chat_id_1,username_1,phone_1";
        for (columns, expected) in [
            (format!("{fields}{group}"), Some(BackupLayout::Wide)),
            (
                format!("{fields}{group},{}", group.replace('1', "2")),
                Some(BackupLayout::Wide),
            ),
            (format!("{named}{group}"), Some(BackupLayout::Wide)),
            (format!("{fields}{group},{group}"), None),
            (format!("{fields}{group},city"), None),
            (format!("{fields}{group},responsible"), None),
            (format!("{fields}whatsapp"), None),
            (
                format!("{fields}chat_type,chat_id,username,phone"),
                Some(BackupLayout::Long),
            ),
            (
                format!("{named}vk_chats,tik%20tok_chats"),
                Some(BackupLayout::Columns),
            ),
            (format!("{fields}vk_chats,vk_chats"), None),
            (format!("{fields}vk_chats,tik tok_chats"), None),
            (format!("{fields}contact_data"), Some(BackupLayout::Objects)),
            (
                format!("_row,_reason,{fields}{group}"),
                Some(BackupLayout::Wide),
            ),
            (fields.trim_end_matches(',').to_owned(), None),
            ("id,responsible_user_id,responsible".to_owned(), None),
            ("id".to_owned(), None),
        ] {
            let columns: Vec<_> = columns.split(',').map(str::to_owned).collect();
            assert_eq!(BackupLayout::of(&columns), expected, "{columns:?}");
        }
    }

    #[test]
    fn every_layout_recognizes_its_own_columns() {
        let types = ["whatsapp", "TikTok", " a;b_chats"].map(ChatType::named);
        let types = types.into_iter().flatten().collect();
        for layout in [
            BackupLayout::Wide,
            BackupLayout::Columns,
            BackupLayout::Long,
            BackupLayout::Objects,
        ] {
            for has_owner_names in [false, true] {
                let columns = layout.columns(3, &types, has_owner_names);
                assert_eq!(BackupLayout::of(&columns), Some(layout), "{columns:?}");
            }
        }
    }
}
