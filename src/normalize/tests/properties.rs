//! Properties: for any cells, nothing panics and no contact violates a rule of the API.
//!
//! The rules are intentionally repeated here without the normalizer's functions.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::{
    contact::{Chat, ChatType},
    export::excel::shown_as_it_is,
    mapping::{self, MappingOptions, Template},
};

/// The rules of the API that the contact violates.
fn violations(contact: &Contact<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |kept: bool, rule: String| {
        if !kept {
            broken.push(rule);
        }
    };
    for (value, limit, name) in [
        (&contact.id, 100, "id"),
        (&contact.responsible_user_id, 100, "responsible_user_id"),
        (&contact.name, 200, "name"),
        (&contact.uri, 200, "uri"),
    ] {
        rule(!value.is_empty(), format!("{name} is missing"));
        rule(
            value.chars().count() <= limit,
            format!("{name} is too long"),
        );
    }
    rule(!contact.contact_data.is_empty(), "no chat".into());
    for chat in &contact.contact_data {
        rule(chat_is_valid(chat), format!("{chat:?}"));
    }
    for (at, chat) in contact.contact_data.iter().enumerate() {
        rule(
            !contact.contact_data[..at].contains(chat),
            format!("{chat:?} twice"),
        );
    }
    broken
}

fn chat_is_valid(chat: &Chat<'_>) -> bool {
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let international = |text: &str| digits(text) && text.len() <= 15 && !text.starts_with('0');
    let identified = match chat.chat_type {
        ChatType::Telegram => {
            !(chat.chat_id.is_empty() && chat.username.is_empty() && chat.phone.is_empty())
        }
        ChatType::Max => !(chat.chat_id.is_empty() && chat.phone.is_empty()),
        _ => !chat.chat_id.is_empty(),
    };
    let id_fits = match chat.chat_type {
        ChatType::Whatsapp | ChatType::Viber => international(&chat.chat_id),
        ChatType::Instagram => !chat.chat_id.starts_with('@'),
        _ => true,
    };
    let telegram = chat.chat_type == ChatType::Telegram;
    let name_fits = chat.username.is_empty()
        || (telegram
            && chat
                .username
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let phone_fits = chat.phone.is_empty()
        || ((telegram || chat.chat_type == ChatType::Max) && international(&chat.phone));
    identified && id_fits && name_fits && phone_fits
}

const HEADER: [&str; 22] = [
    "id",
    "responsible_user_id",
    "name",
    "First name",
    "Фамилия",
    "uri",
    "whatsapp",
    "viber",
    "telegram",
    "telegram_username",
    "telegram_phone",
    "instagram",
    "vk",
    "max",
    "max_phone",
    "Мобильный телефон",
    "contact_data",
    "chat_type_1",
    "chat_id_1",
    "username_1",
    "phone_1",
    "avito",
];

fn normalizer(header: &[&str], region: Option<&str>, set: &[(&str, &str)]) -> FileRules {
    let columns: Vec<String> = header.iter().map(ToString::to_string).collect();
    let set = set
        .iter()
        .map(|(field, template)| Some((field.parse().ok()?, template.parse::<Template>().ok()?)))
        .collect::<Option<Vec<_>>>();
    let options = MappingOptions {
        set: set.unwrap_or_default(),
        ..MappingOptions::default()
    };
    let mapping = mapping::resolve(&columns, &options).expect("the header is right");
    let national = region.map(|region| region.parse().unwrap());
    let numbers = NumberRules {
        national: national.unwrap_or_default(),
        ..NumberRules::default()
    };
    FileRules::new(mapping, numbers, Required::All, OwnerRule::default())
}

fn read(normalizer: &FileRules, cells: &[&str]) -> Result<Contact<'static>, Vec<Problem>> {
    let contact = read_cells(normalizer, cells, &mut Edits::default());
    contact.map(Contact::into_owned)
}

/// Hostile and ordinary cells.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(String::new()),
        2 => any::<String>(),
        2 => "[+0-9 ()./,;|'=\"xEe:@-]{0,24}",
        2 => "\\+?[78]9[0-9]{9}",
        1 => "[0-9]{1,25}",
        1 => "[0-9][.,][0-9]{1,12}E\\+[0-9]{1,3}",
        1 => "(https?://)?(t\\.me|wa\\.me|vk\\.com|instagram\\.com|example\\.com)/[@+a-z0-9_/?=]{0,20}",
        1 => "@?[a-zA-Z0-9_.]{0,20}",
        1 => "(whatsapp|telegram|Ватсап|max|vk|icq)",
        1 => "\\[\\{\"chat_type\":\"(whatsapp|telegram|max|vk)\",\"(chat_id|phone|username)\":\"[+@a-z0-9 ]{0,14}\"\\}\\]",
        1 => "[\u{200e}\u{a0}\u{feff}\u{2011}+0-9 '_x000D]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        // Findings become named tests.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_cells_cause_a_panic_or_a_contact_that_breaks_a_rule(
        mut cells in prop::collection::vec(cell(), HEADER.len()),
        plain in any::<bool>(),
        region in prop::sample::select(vec![None, Some("RU"), Some("KZ"), Some("BR"), Some("DE"), Some("US")]),
    ) {
        if plain {
            // Otherwise almost every row is invalid, and the rules are not tested.
            for (cell, value) in cells.iter_mut().zip(["1", "user-1", "Ann", "", "", "https://x.example/1"]) {
                value.clone_into(cell);
            }
            for cell in cells.iter_mut().skip(9) {
                cell.clear();
            }
        }
        let normalizer = normalizer(&HEADER, region, &[("uri", "https://x.example/{id}"), ("name", "{whatsapp}")]);
        let record = slices(&cells);
        let mut edits = Edits::default();
        match read_cells(&normalizer, &record, &mut edits) {
            Ok(contact) => prop_assert_eq!(violations(&contact), Vec::<String>::new()),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
        let _ = (edits.lines(), edits.hints());
    }

    #[test]
    fn a_contact_written_as_our_export_writes_it_comes_back_as_it_was(
        number in cell(),
        other in cell(),
        chat_type in prop::sample::select(ChatType::ALL.to_vec()),
        region in prop::sample::select(vec![None, Some("RU"), Some("BR")]),
    ) {
        let column = chat_type.as_str();
        let first = normalizer(&["id", "responsible_user_id", "name", "uri", column, "Телефон"], region, &[]);
        let cells = ["1", "u", "Ann", "https://x", &number, &other];
        let Ok(contact) = read_cells(&first, &cells, &mut Edits::default()) else {
            return Ok(());
        };
        let groups: Vec<String> = (1..=contact.contact_data.len())
            .flat_map(|n| ["chat_type", "chat_id", "username", "phone"].map(|part| format!("{part}_{n}")))
            .collect();
        let header: Vec<&str> = ["id", "responsible_user_id", "name", "uri"]
            .into_iter()
            .chain(groups.iter().map(String::as_str))
            .collect();
        let values = contact.contact_data.iter().flat_map(|chat| {
            [chat.chat_type.as_str(), &*chat.chat_id, &*chat.username, &*chat.phone]
        });
        // A leading apostrophe is interpreted as Excel's, and `="…"` is unwrapped: the export puts a ' before both.
        let guarded = values.map(|value| if value.starts_with(['\'', '=']) { format!("'{value}") } else { value.to_owned() });
        let cells: Vec<String> = ["1", "u", "Ann", "https://x"].map(String::from).into_iter().chain(guarded).collect();
        let second = normalizer(&header, region, &[]);
        prop_assert_eq!(read(&second, &slices(&cells)), Ok(contact.clone().into_owned()));
        let json = serde_json::to_string(&contact.contact_data).expect("chats are JSON");
        let third = normalizer(&["id", "responsible_user_id", "name", "uri", "contact_data"], region, &[]);
        let cells = ["1", "u", "Ann", "https://x", &json];
        prop_assert_eq!(read(&third, &cells), Ok(contact.into_owned()));
    }

    #[test]
    fn a_cell_that_is_guarded_for_spreadsheet_programs_is_read_as_the_cell_itself(
        value in cell(),
        region in prop::sample::select(vec![None, Some("RU"), Some("BR")]),
    ) {
        let normalizer = normalizer(&HEADER, region, &[("name", "{whatsapp}")]);
        let read = |at: usize, value: &str| {
            let mut cells = vec![String::new(); HEADER.len()];
            for (at, good) in [(0, "1"), (1, "user-1"), (2, "Ann"), (5, "https://x.example/1"), (6, "+34600123456")] {
                good.clone_into(&mut cells[at]);
            }
            value.clone_into(&mut cells[at]);
            let read = read(&normalizer, &slices(&cells));
            read.map_err(|problems| codes(&problems))
        };
        for (at, column) in HEADER.iter().enumerate() {
            prop_assert_eq!(read(at, &shown_as_it_is(&value)), read(at, &value), "{}", column);
        }
    }

    #[test]
    fn text_is_tidied_once_and_for_all(cell in cell()) {
        let mut edits = Edits::default();
        let code = text::tidy_code(&cell, &mut edits);
        let name = text::tidy(&cell, &mut edits);
        prop_assert_eq!(code.trim(), code);
        prop_assert_eq!(name.trim(), &*name);
    }
}
