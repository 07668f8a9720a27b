//! Turns contacts into the rows of a layout.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    io,
};

use crate::{
    account::employees::ListedEmployees,
    contact::{Chat, ChatType, Contact, cell},
    mapping::{BackupLayout, Field, MappingFile},
};

/// A value, and the way it will be read back.
pub(super) enum ExportCell<'c> {
    /// An id, a handle or a number.
    Code(Cow<'c, str>),
    /// A name or a link.
    Text(Cow<'c, str>),
    /// JSON, which is written unchanged.
    Json(Cow<'c, str>),
}

pub(super) trait RowWriter {
    fn row(&mut self, cells: &[ExportCell<'_>]) -> io::Result<()>;

    /// Writes the remaining data.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Called with each row.
pub(super) type EachBackupRow<'a> = dyn FnMut(&[ExportCell<'_>]) -> io::Result<()> + 'a;

/// Names of employees by id.
#[derive(Debug, Default)]
pub(crate) struct OwnerNames(HashMap<String, String>);

impl OwnerNames {
    /// The name of an employee; empty if unknown.
    pub(super) fn of(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }

    /// The names in `[values.responsible_user_id]`. Of several names for one id, the alphabetically first is used.
    pub(crate) fn of_mapping(file: &MappingFile) -> Self {
        let table = file.values.get(&Field::ResponsibleUserId);
        let named = table.into_iter().flatten().rev();
        let named = named.filter(|(name, id)| *name != "*" && !id.is_empty());
        Self(named.map(|(name, id)| (id.clone(), name.clone())).collect())
    }

    /// The names in the account's list.
    pub(crate) fn of_account(listed: &ListedEmployees) -> Self {
        let list = listed.employees.list().iter();
        Self(list.map(|it| (it.id.clone(), it.name.clone())).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(super) struct RowMaker<'a> {
    pub(super) layout: BackupLayout,
    /// The largest number of chats of one contact.
    pub(super) chats_max: usize,
    /// The chat types that have columns.
    pub(super) types: BTreeSet<ChatType>,
    pub(super) owner_names: Option<&'a OwnerNames>,
}

impl RowMaker<'_> {
    pub(super) fn columns(&self) -> Vec<String> {
        self.layout
            .columns(self.chats_max, &self.types, self.owner_names.is_some())
    }

    pub(super) fn rows(
        &self,
        contact: &Contact<'_>,
        each: &mut EachBackupRow<'_>,
    ) -> io::Result<()> {
        let chats = &contact.contact_data;
        match self.layout {
            BackupLayout::Wide => {
                let groups = chats.iter().map(Some).chain(std::iter::repeat(None));
                let groups = groups.take(self.chats_max.max(1));
                each(&self.row(contact, groups.flat_map(parts)))
            }
            BackupLayout::Columns => {
                let cells = self.types.iter().map(|chat_type| {
                    let of_type = chats.iter().filter(|chat| chat.chat_type == *chat_type);
                    ExportCell::Code(cell::written(of_type).into())
                });
                each(&self.row(contact, cells))
            }
            BackupLayout::Long if chats.is_empty() => {
                each(&self.row(contact, parts(None).into_iter()))
            }
            BackupLayout::Long => chats
                .iter()
                .try_for_each(|chat| each(&self.row(contact, parts(Some(chat)).into_iter()))),
            BackupLayout::Objects => {
                let chats = serde_json::to_string(chats)?;
                each(&self.row(contact, [ExportCell::Json(chats.into())].into_iter()))
            }
        }
    }

    fn row<'c>(
        &'c self,
        contact: &'c Contact<'_>,
        chats: impl Iterator<Item = ExportCell<'c>>,
    ) -> Vec<ExportCell<'c>> {
        let owner = &*contact.responsible_user_id;
        let mut row = Vec::with_capacity(5 + 4 * self.chats_max.max(1));
        row.extend([code(&contact.id), code(owner)]);
        if let Some(names) = self.owner_names {
            row.push(ExportCell::Text(names.of(owner).into()));
        }
        row.extend([&contact.name, &contact.uri].map(|text| ExportCell::Text((&**text).into())));
        row.extend(chats);
        row
    }
}

fn code(value: &str) -> ExportCell<'_> {
    ExportCell::Code(value.into())
}

fn parts<'c>(chat: Option<&'c Chat<'_>>) -> [ExportCell<'c>; 4] {
    let parts = chat.map_or([""; 4], |chat| {
        [
            chat.chat_type.as_str(),
            &chat.chat_id,
            &chat.username,
            &chat.phone,
        ]
    });
    parts.map(code)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::{
        contact::Contact,
        export::{
            BackupForm, OwnerNames,
            format::{Compression, CsvDialect, TableFormat},
            write_backup,
        },
        mapping::BackupLayout,
    };

    const CONTACTS: [&str; 2] = [
        r#"{"id":"a","responsible_user_id":"u1","name":"Ann, \"A\"\nB","uri":"/api/v2/contacts/a","tags":[1],"contact_data":[
            {"chat_type":"vk","chat_id":"1","state":"new"},{"chat_type":"telegram","chat_id":"5","username":"ann","phone":"7999"},
            {"chat_type":"vk","chat_id":"2"}]}"#,
        r#"{"id":"b","responsible_user_id":"u2","uri":"https://crm/b"}"#,
    ];

    fn written(format: TableFormat, layout: BackupLayout, names: &str) -> String {
        let form = BackupForm {
            format,
            compression: Compression::None,
            layout,
            owner_names: (!names.is_empty())
                .then(|| OwnerNames::of_mapping(&names.parse().unwrap())),
        };
        let contacts = CONTACTS.map(|json| serde_json::from_str::<Contact<'_>>(json).unwrap());
        let mut out = Vec::new();
        write_backup(contacts, &form, 10, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    const CSV: TableFormat = TableFormat::Csv(CsvDialect {
        delimiter: b',',
        for_excel: false,
    });

    #[test]
    fn wide_has_numbered_groups_as_many_as_the_longest_contact_needs() {
        assert_eq!(
            written(CSV, BackupLayout::Wide, ""),
            "id,responsible_user_id,name,uri,chat_type_1,chat_id_1,username_1,phone_1,\
             chat_type_2,chat_id_2,username_2,phone_2,chat_type_3,chat_id_3,username_3,phone_3\n\
             a,u1,\"Ann, \"\"A\"\"\nB\",,vk,1,,,telegram,5,ann,7999,vk,2,,\n\
             b,u2,,https://crm/b,,,,,,,,,,,,\n"
        );
    }

    #[test]
    fn columns_has_one_for_each_messenger_and_long_a_row_for_each_chat() {
        assert_eq!(
            written(CSV, BackupLayout::Columns, ""),
            "id,responsible_user_id,name,uri,telegram_chats,vk_chats\n\
             a,u1,\"Ann, \"\"A\"\"\nB\",,5 @ann +7999,1; 2\n\
             b,u2,,https://crm/b,,\n"
        );
        assert_eq!(
            written(CSV, BackupLayout::Long, ""),
            "id,responsible_user_id,name,uri,chat_type,chat_id,username,phone\n\
             a,u1,\"Ann, \"\"A\"\"\nB\",,vk,1,,\n\
             a,u1,\"Ann, \"\"A\"\"\nB\",,telegram,5,ann,7999\n\
             a,u1,\"Ann, \"\"A\"\"\nB\",,vk,2,,\n\
             b,u2,,https://crm/b,,,,\n"
        );
    }

    #[test]
    fn json_lines_have_the_members_of_the_api_and_names_are_added_beside_the_id() {
        let names =
            "[values.responsible_user_id]\n\"Bob\" = \"u1\"\n\"Ada\" = \"u1\"\n\"*\" = \"u2\"\n";
        assert_eq!(
            written(TableFormat::Jsonl, BackupLayout::Objects, names),
            "{\"id\":\"a\",\"responsible_user_id\":\"u1\",\"responsible\":\"Ada\",\"name\":\"Ann, \\\"A\\\"\\nB\",\"uri\":\"\",\
             \"contact_data\":[{\"chat_type\":\"vk\",\"chat_id\":\"1\"},\
             {\"chat_type\":\"telegram\",\"chat_id\":\"5\",\"username\":\"ann\",\"phone\":\"7999\"},{\"chat_type\":\"vk\",\"chat_id\":\"2\"}]}\n\
             {\"id\":\"b\",\"responsible_user_id\":\"u2\",\"responsible\":\"\",\"name\":\"\",\"uri\":\"https://crm/b\",\"contact_data\":[]}\n"
        );
    }
}
