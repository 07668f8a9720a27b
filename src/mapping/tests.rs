//! Whole headers, as the exporters write them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deals;
mod presets;

use super::{resolved::ColumnUse, *};
use crate::contact::ChatType;
use crate::contact::ContactField;
use crate::mapping;

fn columns(header: &str, separator: char) -> Vec<String> {
    header.split(separator).map(str::to_owned).collect()
}

fn options(map: &[(&str, &str)], set: &[(&str, &str)]) -> MappingOptions {
    let field = |name: &str| name.parse::<Field>().unwrap();
    MappingOptions {
        map: map
            .iter()
            .map(|(name, column)| (field(name), (*column).to_owned()))
            .collect(),
        set: set
            .iter()
            .map(|(name, text)| (field(name), text.parse().unwrap()))
            .collect(),
        ..MappingOptions::default()
    }
}

fn with_file(text: &str) -> MappingOptions {
    MappingOptions {
        file: Some(text.parse().unwrap()),
        ..MappingOptions::default()
    }
}

fn resolve(header: &str, map: &[(&str, &str)]) -> Result<Mapping, MappingError> {
    mapping::resolve(&columns(header, ','), &options(map, &[]))
}

/// `column=field` for every column that is read.
fn read(mapping: &Mapping) -> String {
    let mapped = mapping.uses().filter_map(|(column, usage)| match usage {
        ColumnUse::Mapped { fields, .. } => {
            let fields: Vec<_> = fields.iter().map(Field::to_string).collect();
            Some(format!("{column}={}", fields.join(", ")))
        }
        ColumnUse::LeftOut(_) => None,
    });
    mapped.collect::<Vec<_>>().join("; ")
}

fn why_left_out(mapping: &Mapping, column: &str) -> String {
    let (_, usage) = mapping.uses().find(|(name, _)| *name == column).unwrap();
    usage.to_string()
}

#[test]
fn bitrix24_amocrm_and_google_need_no_flag() {
    for (header, separator, wanted) in [
        (
            "ID;Контакт;Имя;Фамилия;Отчество;Компания;Ответственный;Рабочий телефон;Мобильный телефон;Номер факса;Контакт Telegram;Контакт Viber;Кем создан;",
            ';',
            "ID=id; Контакт=name; Имя=first_name; Фамилия=last_name; Отчество=middle_name; Ответственный=responsible_user_id; \
             Рабочий телефон=phone; Мобильный телефон=phone; Контакт Telegram=telegram; Контакт Viber=viber",
        ),
        (
            "ID;Тип;Полное имя контакта;Имя;Фамилия;Название компании;Ответственный;Кем создан контакт;Примечание 1;Рабочий телефон;Рабочий прямой телефон;Факс;Рабочий email",
            ';',
            "ID=id; Полное имя контакта=name; Имя=first_name; Фамилия=last_name; Ответственный=responsible_user_id; \
             Рабочий телефон=phone; Рабочий прямой телефон=phone",
        ),
        (
            "First Name,Middle Name,Last Name,File As,Organization Name,Labels,Phone 1 - Label,Phone 1 - Value,Phone 2 - Value",
            ',',
            "First Name=first_name; Middle Name=middle_name; Last Name=last_name; File As=name; Organization Name=name; Phone 1 - Value=phone; Phone 2 - Value=phone",
        ),
        (
            "Record ID,First Name,Last Name,Phone Number,Contact owner,Mobile Phone Number,Contact URL (HS)",
            ',',
            "Record ID=id; First Name=first_name; Last Name=last_name; Phone Number=phone; Contact owner=responsible_user_id; \
             Mobile Phone Number=phone; Contact URL (HS)=uri",
        ),
        (
            "Record Id,Contact Owner.id,Contact Owner,First Name,Last Name,Account Name.id,Phone,Mobile,Contact Name",
            ',',
            "Record Id=id; Contact Owner.id=responsible_user_id; First Name=first_name; Last Name=last_name; Phone=phone; Mobile=phone; Contact Name=name",
        ),
        (
            "Person - ID,Person - Name,Person - Owner,Person - Phone - Work,Person - Phone - Mobile,Person - Phone 2,Deal - ID",
            ',',
            "Person - ID=id; Person - Name=name; Person - Owner=responsible_user_id; Person - Phone - Work=phone; \
             Person - Phone - Mobile=phone; Person - Phone 2=phone",
        ),
        (
            "ID,NAME,PHONE,OWNER:User-username",
            ',',
            "ID=id; NAME=name; PHONE=phone; OWNER:User-username=responsible_user_id",
        ),
    ] {
        let mapping =
            mapping::resolve(&columns(header, separator), &MappingOptions::default()).unwrap();
        assert_eq!(read(&mapping), wanted);
    }
}

#[test]
fn two_ids_are_an_error_that_shows_the_flags() {
    let error = resolve("ID,Contact ID,name", &[]).unwrap_err();
    assert_eq!(error.hint(), "--map id='ID' or --map id='Contact ID'");
    assert_eq!(read(&resolve("id,Contact ID", &[]).unwrap()), "id=id");
    assert_eq!(
        read(&resolve("ID,Contact ID", &[("id", "contact id")]).unwrap()),
        "Contact ID=id"
    );
    let owners = resolve("id,Responsible,Contact owner", &[]).unwrap_err();
    assert!(
        owners
            .hint()
            .contains("--map responsible_user_id='Responsible'")
    );
}

#[test]
fn duplicate_headers_keep_every_column() {
    let mapping = resolve("id,Имя,Имя,Телефон,Телефон", &[]).unwrap();
    assert_eq!(mapping.assignments.len(), 5);
}

#[test]
fn the_better_name_wins_and_the_others_say_so() {
    let mapping = resolve("id,Ответственный,Ответственный за контакт", &[]).unwrap();
    assert_eq!(
        read(&mapping),
        "id=id; Ответственный за контакт=responsible_user_id"
    );
    assert!(why_left_out(&mapping, "Ответственный").contains("'Ответственный за контакт'"));
}

#[test]
fn columns_left_out_have_a_reason() {
    let mapping = resolve(
        "id,Fax,_row,Notes,,chat_id,username,Телефон (компания)",
        &[],
    )
    .unwrap();
    for (column, word) in [
        ("Fax", "fax"),
        ("_row", "rejects file"),
        ("Notes", "unknown name"),
        ("", "no name"),
        ("chat_id", "chat_type"),
        ("username", "chat_type"),
        ("Телефон (компания)", "company"),
    ] {
        assert!(
            why_left_out(&mapping, column).contains(word),
            "{}",
            why_left_out(&mapping, column)
        );
    }
}

#[test]
fn map_is_above_all() {
    let mapping = resolve(
        "id,Mobile,Phone,WhatsApp",
        &[("whatsapp", "Mobile"), ("ignore", "phone")],
    )
    .unwrap();
    assert_eq!(read(&mapping), "id=id; Mobile=whatsapp");
    assert!(why_left_out(&mapping, "WhatsApp").contains("--map assigns whatsapp"));
    assert!(why_left_out(&mapping, "Phone").contains("ignored by --map"));
    let both = resolve("Phone", &[("id", "Phone"), ("phone", "Phone")]).unwrap();
    assert_eq!(read(&both), "Phone=id, phone");
}

#[test]
fn a_column_that_is_not_there_is_named_with_those_that_are() {
    let error = resolve("id,Mobile", &[("whatsapp", "Mobil")]).unwrap_err();
    assert!(error.to_string().contains("`Mobil`") && error.to_string().contains("`Mobile`"));
    let template = options(&[], &[("uri", "https://x/{idd}")]);
    let error = mapping::resolve(&columns("id,Mobile", ','), &template).unwrap_err();
    assert!(
        error.to_string().contains("{idd}") && error.to_string().contains("`Mobile`"),
        "{error}"
    );
    let group = options(&[], &[("chat_id_1", "x")]);
    assert!(mapping::resolve(&columns("id", ','), &group).is_err());
}

#[test]
fn phones_stand_only_for_messengers_that_have_them() {
    let wrong = MappingOptions {
        phone_as: Some(vec![ChatType::Vk]),
        ..MappingOptions::default()
    };
    let error = mapping::resolve(&columns("id", ','), &wrong).unwrap_err();
    assert!(error.hint().contains("whatsapp, viber, telegram and max"));
}

#[test]
fn a_file_covers_the_chat_types_of_its_columns() {
    let mapping = resolve("id,viber,telegram_username,Mobile", &[]).unwrap();
    let wanted = [ChatType::Whatsapp, ChatType::Viber, ChatType::Telegram];
    assert_eq!(mapping.chat_types(), wanted.into());
    assert_eq!(
        resolve("id,chat_type_1,chat_id_1", &[])
            .unwrap()
            .chat_types()
            .len(),
        10
    );
    let mapping = resolve("id,name", &[]).unwrap();
    assert!(mapping.chat_types().is_empty() && !mapping.has(ContactField::ContactData));
    assert!(mapping.has(ContactField::Name) && !mapping.has(ContactField::Uri));
}

#[test]
fn phone_columns_belong_to_groups_only_beside_a_chat_type() {
    assert_eq!(
        read(&resolve("id,Phone 1,phone_2,chat_type_2", &[]).unwrap()),
        "id=id; Phone 1=phone; phone_2=phone_2; chat_type_2=chat_type_2"
    );
    assert_eq!(
        read(&resolve("id,chat_type,chat_id,phone", &[]).unwrap()),
        "id=id; chat_type=chat_type; chat_id=chat_id; phone=chat_phone"
    );
}

#[test]
fn a_messenger_that_is_not_read_is_warned_about_beside_phones() {
    let header = "id,Рабочий телефон,Мобильный телефон,Мессенджер";
    let warned = resolve(header, &[]).unwrap();
    assert!(
        warned.warnings[0].contains("--map chat_phone='Мобильный телефон'"),
        "{:?}",
        warned.warnings
    );
    let advised = resolve(header, &[("chat_phone", "Мобильный телефон")]).unwrap();
    assert_eq!(
        read(&advised),
        "id=id; Рабочий телефон=phone; Мобильный телефон=chat_phone; Мессенджер=chat_type"
    );
    assert!(advised.warnings.is_empty());
    let unused = with_file("phone_as = []\n");
    let unused = mapping::resolve(&columns(header, ','), &unused).unwrap();
    assert!(unused.warnings.is_empty());
    for header in ["id,whatsapp,Канал", "id,Mobile,chat_type_2"] {
        assert!(resolve(header, &[]).unwrap().warnings.is_empty());
    }
}

#[test]
fn a_mapping_that_was_written_decides_the_same() {
    let header = columns(
        "ID,Имя,Фамилия,Мобильный телефон,Рабочий телефон,Ответственный,Notes,Phone 1 - Type,Phone 1 - Value",
        ',',
    );
    let mut options = options(
        &[("uri", "Notes")],
        &[("uri", "https://x/{id}"), ("name", "{Имя}!")],
    );
    options.phone_as = Some(vec![ChatType::Viber]);
    let first = mapping::resolve(&header, &options).unwrap();
    let file: MappingFile = MappingFile::of(&first).write(&first, []).parse().unwrap();
    let again = MappingOptions {
        file: Some(file),
        ..MappingOptions::default()
    };
    let second = mapping::resolve(&header, &again).unwrap();
    assert_eq!(read(&second), read(&first));
    assert_eq!(MappingFile::of(&second), MappingFile::of(&first));
    assert_eq!(second.phone_as, first.phone_as);
    assert_eq!(second.templates, first.templates);
}

#[test]
fn a_mapping_file_may_name_columns_that_are_absent_only_in_lists() {
    let header = columns("ID,Tel", ',');
    let lists = with_file("[columns]\nphone = [\"Mobile\", \"Tel\"]\nviber = [\"Viber\"]\n");
    let mapping = mapping::resolve(&header, &lists).unwrap();
    assert_eq!(read(&mapping), "ID=id; Tel=phone");
    assert!(mapping.warnings[0].contains("viber") && mapping.warnings[0].contains("'Viber'"));
    mapping::resolve(&header, &with_file("[columns]\nviber = \"Viber\"\n")).unwrap_err();
    let closed = mapping::resolve(
        &header,
        &with_file("auto = false\n[columns]\nid = \"ID\"\n"),
    )
    .unwrap();
    assert_eq!(read(&closed), "ID=id");
}

#[test]
fn headers_are_recognized_by_the_names_in_them() {
    assert_eq!(recognize(&columns("ID;Имя;Телефон;Foo", ';')), 3);
    assert_eq!(recognize(&columns("1;Анна;+79991112233;x", ';')), 0);
}

#[test]
fn columns_that_would_cost_time_in_every_row_are_limited() {
    let header = |phones| format!("id,name{}", ",phone".repeat(phones));
    assert!(resolve(&header(998), &[]).is_ok());
    let error = resolve(&header(999), &[]).unwrap_err();
    assert_eq!(error, MappingError::TooManyColumns { found: 1_001 });
}

#[test]
fn a_file_without_a_known_column_is_doubted() {
    let hint = |header| {
        let options = options(&[], &[("uri", "https://e.example/{id}")]);
        let error = mapping::resolve(&columns(header, ','), &options).unwrap_err();
        error.hint()
    };
    assert!(hint("Login,Password").contains("login page"));
    assert!(hint("Key,Phone").contains("--map id='COLUMN'"));
}
