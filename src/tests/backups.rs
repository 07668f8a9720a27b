//! A backup of any format and layout is read back unchanged, for any values.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;

use crate::{
    contact::{Chat, ChatType, Contact},
    employees::OwnerRule,
    export::{
        BackupForm, OwnerNames,
        format::{Compression, CsvDialect, TableFormat},
        write_backup,
    },
    mapping::{BackupLayout, MappingFile},
    plan::{
        Mode,
        duplicates::{self, OnDuplicate},
    },
    progress::silent,
    run::{RunFile, Tally, blocks, contacts},
    stage::{ReadRequest, stage_files},
};

/// The contacts that `import` reads from a file, by id; all of its rows must be contacts.
fn read_back(path: &Path) -> BTreeMap<String, Contact<'static>> {
    let directory = tempfile::tempdir().unwrap();
    let run = RunFile::create(&directory.path().join("a.run")).unwrap();
    let reading = ReadRequest::new([path]);
    let owners = OwnerRule::default();
    let staged = stage_files(&run, &reading, Mode::Upsert, &owners, None, &silent()).unwrap();
    assert_eq!(staged.notes.lines(), [""; 0], "cells were changed");
    duplicates::settle(&run, staged.duplicates, OnDuplicate::Reject).unwrap();
    assert_eq!(Tally::of(&run).unwrap().rows.rejected, 0);
    let mut found = BTreeMap::new();
    for block in 0..blocks::count(&run).unwrap() {
        for (json, _) in contacts::expected(&run, block, true).unwrap() {
            let contact = run.contact(json.as_bytes()).unwrap().into_owned();
            let before = found.insert(contact.id.to_string(), contact);
            assert_eq!(before, None, "a contact was read twice");
        }
    }
    found
}

const fn csv(delimiter: u8, for_excel: bool) -> TableFormat {
    TableFormat::Csv(CsvDialect {
        delimiter,
        for_excel,
    })
}

const LAYOUTS: [BackupLayout; 3] = [
    BackupLayout::Wide,
    BackupLayout::Columns,
    BackupLayout::Long,
];

/// Every form of a backup, with its file extension.
fn forms(names: &str) -> Vec<(BackupForm, &'static str)> {
    let tables = [
        (csv(b',', false), ".csv"),
        (csv(b'\t', false), ".tsv"),
        (csv(b'|', false), ".csv"),
        (csv(b';', true), ".csv"),
        (csv(b'\t', true), ".tsv"),
        (TableFormat::Xlsx, ".xlsx"),
    ];
    let tables = tables
        .iter()
        .flat_map(|(format, ending)| LAYOUTS.map(|it| (*format, it, *ending)));
    let objects = (TableFormat::Jsonl, BackupLayout::Objects, ".jsonl");
    let forms = tables.chain([objects]).enumerate();
    let form = |(index, (format, layout, ending))| {
        let names = names.parse::<MappingFile>().unwrap();
        let form = BackupForm {
            format,
            compression: Compression::None,
            layout,
            owner_names: (index % 2 == 0).then(|| OwnerNames::of_mapping(&names)),
        };
        (form, ending)
    };
    forms.map(form).collect()
}

fn write(
    contacts: &[Contact<'static>],
    form: &BackupForm,
    ending: &str,
    rows: u32,
) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::with_suffix(ending).unwrap();
    write_backup(contacts.to_vec(), form, rows, file.as_file_mut()).unwrap();
    file
}

/// The contact as restored from any layout: only the order of the messengers is lost.
fn settled(mut contact: Contact<'static>) -> Contact<'static> {
    contact.contact_data.sort_by_key(|chat| chat.chat_type);
    contact
}

const VALUES: &[&str] = &[
    "=1+1",
    "+79991112233",
    "-1",
    "@x",
    "007",
    "0",
    "1e5",
    "1.006E+03",
    "1.20363E+17",
    "1001.0",
    "TRUE",
    "нет",
    "NULL",
    "\\N",
    "-",
    "#N/A",
    "#REF!",
    "1-2",
    "5 мая",
    "'n Sync",
    "'=1",
    "''=1",
    "''",
    "'7",
    "=\"7\"",
    "=\"a\"b\"",
    "'=\"7\"",
    "\"",
    "a,b;c\td|e",
    "line\nend",
    "line\r\nend",
    "\rx",
    "\tx",
    "\n",
    " ",
    "\u{a0}",
    " 7",
    "7 ",
    " \"a\" ",
    "120363025246125486",
    "000123",
    "a/b?c#d",
    "_x000D_",
    "_x0041_",
    "\u{1}b",
    "a\0b",
    "\0",
    "\u{feff}bom",
    "\u{200b}",
    "id",
    "name",
    "sep=;",
    "{}",
    "{\"chat_id\":\"1\"}",
    "a; b",
    ";",
    "@",
    "+",
    "5 @ann",
    "=JSON\"x\"",
    "'=JSON\"x\"",
    "=HYPERLINK(\"https://x.example/1\",\"Open\")",
    "\u{1f469}\u{200d}\u{1f9b0}",
    "https://crm.example.com/5",
    "\u{85}",
    "\u{2028}",
    "]]>",
    "<b>&amp;",
    "да",
];

fn hostile() -> impl Strategy<Value = String> {
    let some = proptest::sample::select(VALUES).prop_map(str::to_owned);
    prop_oneof![
        4 => some.clone(),
        1 => (some.clone(), some).prop_map(|(a, b)| a + &b),
        1 => "[ -~а-я\\t\\n\\r';=+@\"]{0,12}",
        1 => "[0-9]{1,18}",
    ]
}

fn chat() -> impl Strategy<Value = Chat<'static>> {
    let types = ChatType::ALL.into_iter().chain(
        ["tiktok", "a b", "=1", "Whats\"App"]
            .into_iter()
            .filter_map(ChatType::named),
    );
    let types = proptest::sample::select(types.collect::<Vec<_>>());
    let optional = || prop_oneof![3 => Just(String::new()), 2 => hostile()];
    (types, hostile(), optional(), optional()).prop_map(|(chat_type, chat_id, username, phone)| {
        Chat {
            chat_id: chat_id.into(),
            username: username.into(),
            phone: phone.into(),
            ..Chat::empty(chat_type)
        }
    })
}

fn contact() -> impl Strategy<Value = Contact<'static>> {
    let chats = prop_oneof![
        1 => Just(Vec::new()),
        6 => proptest::collection::vec(chat(), 1..4),
        1 => proptest::collection::vec(chat(), 7..9),
    ];
    let optional = || prop_oneof![1 => Just(String::new()), 4 => hostile()];
    (hostile(), optional(), optional(), optional(), chats).prop_map(
        |(id, owner, name, uri, mut chats)| {
            // Rows of the same chat are one chat in the long layout.
            let mut seen = Vec::new();
            chats.retain(|chat| {
                !seen.contains(chat) && {
                    seen.push(chat.clone());
                    true
                }
            });
            Contact {
                id: if id.is_empty() { "1".into() } else { id.into() },
                responsible_user_id: owner.into(),
                name: name.into(),
                uri: uri.into(),
                contact_data: chats,
                ..Contact::default()
            }
        },
    )
}

/// Each value in each place.
fn each_value_in_each_place() -> BTreeMap<String, Contact<'static>> {
    let mut account = BTreeMap::new();
    let mut add = |contact: Contact<'static>| account.insert(contact.id.to_string(), contact);
    for (number, value) in VALUES.iter().enumerate() {
        let plain = |place: &str| Contact {
            id: format!("{place}{number}").into(),
            contact_data: vec![Chat::by_id(ChatType::Whatsapp, "79991112233")],
            ..Contact::default()
        };
        let chat = |chat: Chat<'static>, place| Contact {
            contact_data: vec![chat],
            ..plain(place)
        };
        let value = *value;
        add(Contact {
            id: value.into(),
            ..plain("")
        });
        add(Contact {
            name: value.into(),
            ..plain("name")
        });
        add(Contact {
            uri: value.into(),
            ..plain("uri")
        });
        add(Contact {
            responsible_user_id: value.into(),
            ..plain("owner")
        });
        add(chat(Chat::by_id(ChatType::Whatsapp, value), "whatsapp"));
        add(chat(Chat::by_id(ChatType::Vk, value), "vk"));
        add(chat(
            Chat {
                username: value.into(),
                ..Chat::empty(ChatType::Telegram)
            },
            "username",
        ));
        add(chat(
            Chat {
                phone: value.into(),
                ..Chat::by_id(ChatType::Telegram, value)
            },
            "phone",
        ));
        if let Some(chat_type) = ChatType::named(value) {
            add(chat(Chat::by_id(chat_type, "5"), "type"));
        }
    }
    account
}

/// The contacts that are changed by writing and reading a file.
fn lost(
    account: &BTreeMap<String, Contact<'static>>,
    read: BTreeMap<String, Contact<'static>>,
) -> Vec<String> {
    let mut read: BTreeMap<_, _> = read.into_iter().map(|(id, it)| (id, settled(it))).collect();
    let mut lost = Vec::new();
    for (id, contact) in account {
        let (was, is) = (settled(contact.clone()), read.remove(id));
        if is.as_ref() != Some(&was) {
            let json = |contact| serde_json::to_string(contact).unwrap();
            lost.push(format!(
                "{} became {}",
                json(&was),
                is.as_ref().map_or("nothing".to_owned(), json)
            ));
        }
    }
    lost.extend(read.values().map(|it| format!("{it:?} is new")));
    lost
}

#[test]
fn each_hostile_value_comes_back_from_each_place() {
    let account = each_value_in_each_place();
    let contacts: Vec<_> = account.values().cloned().collect();
    let mut all = Vec::new();
    for (form, ending) in forms(NAMES) {
        let file = write(&contacts, &form, ending, 100);
        let lost = lost(&account, read_back(file.path()));
        all.extend(
            lost.iter()
                .map(|it| format!("{:?} {:?}: {it}", form.format, form.layout)),
        );
    }
    assert!(all.is_empty(), "{} lost:\n{}", all.len(), all.join("\n"));
}

#[test]
fn a_blank_link_of_a_contact_without_chats_comes_back() {
    let contact = Contact {
        id: "1".into(),
        uri: " ".into(),
        ..Contact::default()
    };
    let account = BTreeMap::from([(contact.id.to_string(), contact.clone())]);
    for (form, ending) in forms(NAMES) {
        let file = write(std::slice::from_ref(&contact), &form, ending, 6);
        assert_eq!(lost(&account, read_back(file.path())), [""; 0]);
    }
}

#[test]
fn apostrophes_in_a_link_are_text() {
    let contact = Contact {
        id: "+79991112233".into(),
        name: "a\0b".into(),
        uri: "*o,'a`v.\"'\n".into(),
        contact_data: vec![
            Chat::by_id(ChatType::Telegroup, "1.006E+03"),
            Chat::by_id(ChatType::named("a b").unwrap(), "=\"7\""),
            Chat::by_id(ChatType::Avito, "1312491958223"),
        ],
        ..Contact::default()
    };
    let account = BTreeMap::from([(contact.id.to_string(), contact.clone())]);
    for (form, ending) in forms(NAMES) {
        let file = write(std::slice::from_ref(&contact), &form, ending, 6);
        assert_eq!(lost(&account, read_back(file.path())), [""; 0]);
    }
}

const NAMES: &str = "[values.responsible_user_id]\n\"=Ann\" = \"007\"\n\"Bob\" = \"-1\"\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn a_backup_is_read_back_as_it_was(contacts in proptest::collection::vec(contact(), 1..12)) {
        let account: BTreeMap<_, _> = contacts.into_iter().map(|it| (it.id.to_string(), it)).collect();
        let contacts: Vec<_> = account.values().cloned().collect();
        for (form, ending) in forms(NAMES) {
            let file = write(&contacts, &form, ending, 6);
            let lost = lost(&account, read_back(file.path()));
            prop_assert!(lost.is_empty(), "{:?} {:?}:\n{}", form.format, form.layout, lost.join("\n"));
        }
    }
}
