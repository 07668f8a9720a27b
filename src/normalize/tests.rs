//! Whole rows: header and cells in, contact or problems out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod properties;

use std::borrow::Cow::Borrowed;

use super::*;
use crate::{
    contact::{ChatType, Contact},
    employees::OwnerRule,
    mapping::{self, MappingFile, MappingOptions, Template},
    reject::{Problem, RejectCode},
    source::{CellFault, CellFaultKind, Row},
};

/// A row as a block delivers it.
fn row_of<'r>(cells: &'r [&'r str]) -> Row<'r> {
    Row {
        offset: 0,
        cells,
        raw: &[],
        faults: &[],
        ragged: None,
        has_carriage_returns: true,
    }
}

fn read_cells<'r>(
    rules: &'r FileRules,
    cells: &'r [&'r str],
    edits: &mut Edits,
) -> Result<Contact<'r>, Vec<Problem>> {
    let read = read_row(rules, row_of(cells), Vec::new(), edits).unwrap();
    read.map_err(|rejected| rejected.problems.into_owned())
}

fn words(line: &str) -> Vec<String> {
    line.split(',').map(|word| word.replace('¦', ",")).collect()
}

fn slices(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// A file with one row: `,` between cells, `¦` for a comma in one.
struct File {
    header: &'static str,
    options: MappingOptions,
    numbers: NumberRules,
    required: Required,
}

fn file(header: &'static str) -> File {
    File {
        header,
        options: MappingOptions::default(),
        numbers: NumberRules::default(),
        required: Required::IdOnly,
    }
}

impl File {
    fn set(mut self, field: &str, template: &str) -> Self {
        let template: Template = template.parse().unwrap();
        self.options.set.push((field.parse().unwrap(), template));
        self
    }

    fn mapping(mut self, text: &str) -> Self {
        self.options.file = Some(text.parse::<MappingFile>().unwrap());
        self
    }

    fn region(mut self, region: &str) -> Self {
        self.numbers.national = region.parse().unwrap();
        self
    }

    fn all_required(mut self) -> Self {
        self.required = Required::All;
        self
    }

    fn normalizer(&self) -> FileRules {
        let mapping = mapping::resolve(&words(self.header), &self.options).unwrap();
        FileRules::new(mapping, self.numbers, self.required, OwnerRule::default())
    }

    /// The contact as JSON, or the problems as `column:code`.
    fn row(&self, cells: &str) -> String {
        let normalizer = self.normalizer();
        let words = words(cells);
        let cells = slices(&words);
        match read_cells(&normalizer, &cells, &mut Edits::default()) {
            Ok(contact) => serde_json::to_string(&contact).unwrap(),
            Err(problems) => codes(&problems),
        }
    }

    fn chats(&self, cells: &str) -> String {
        let row = self.row(cells);
        let chats = row
            .split_once("\"contact_data\":")
            .map(|(_, chats)| chats.trim_end_matches('}'));
        chats.map_or(row.clone(), str::to_owned)
    }
}

fn codes(problems: &[Problem]) -> String {
    let codes: Vec<_> = problems
        .iter()
        .map(|problem| {
            format!(
                "{}:{}",
                problem.column.as_deref().unwrap_or("-"),
                problem.code
            )
        })
        .collect();
    codes.join(" ")
}

#[test]
fn a_typical_row_borrows_everything() {
    let file = file("id,responsible_user_id,name,uri,whatsapp,telegram_username").all_required();
    let normalizer = file.normalizer();
    let words = words("c-1,user-1,Анна Ёлкина,https://x.example/1,79161234567,user_123");
    let cells = slices(&words);
    let contact = read_cells(&normalizer, &cells, &mut Edits::default()).unwrap();
    assert!(matches!(contact.id, Borrowed(_)) && matches!(contact.name, Borrowed(_)));
    assert!(matches!(
        contact.contact_data[0].chat_id,
        Borrowed("79161234567")
    ));
    assert!(matches!(
        contact.contact_data[1].username,
        Borrowed("user_123")
    ));
}

#[test]
fn every_missing_field_is_reported_in_the_order_of_the_columns() {
    let file = file("name,id,uri,responsible_user_id,whatsapp").all_required();
    assert_eq!(
        file.row(",,,,"),
        "name:name_missing id:id_missing uri:uri_missing responsible_user_id:responsible_user_id_missing -:no_chat"
    );
    let long = "ж".repeat(101);
    assert_eq!(
        file.row(&format!("{long}{long},{long},{long}{long},{long},нет")),
        "name:name_too_long id:id_too_long uri:uri_too_long responsible_user_id:responsible_user_id_too_long -:no_chat"
    );
}

#[test]
fn a_limit_is_reached_exactly_by_characters() {
    let at_limit = "ж".repeat(100);
    assert!(
        file("id,name")
            .row(&format!("{at_limit},{at_limit}{at_limit}"))
            .starts_with('{')
    );
}

#[test]
fn carriage_returns_of_workbooks_are_left_out() {
    let row = file("id,name").row("1,a_x000D_b_ _x000D_");
    assert_eq!(row, r#"{"id":"1","name":"ab_"}"#);
}

#[test]
fn an_update_needs_only_the_id() {
    assert_eq!(file("id,name").row("1,Ann"), r#"{"id":"1","name":"Ann"}"#);
    assert_eq!(file("id,name").row(",Ann"), "id:id_missing");
}

#[test]
fn the_reason_of_a_cell_with_several_numbers_says_so() {
    for header in ["id,phone", "id,whatsapp"] {
        let normalizer = file(header).normalizer();
        let reason = |cell: &str| {
            let cells = ["1", cell];
            let problems = read_cells(&normalizer, &cells, &mut Edits::default()).unwrap_err();
            problems[0].reason.clone()
        };
        for cell in ["+79991112233, 12345", "+79991112233; +7999111223399999999"] {
            let said = reason(cell);
            assert!(said.contains("seems to contain 2 numbers"), "{said}");
        }
        let said = reason("12345");
        assert!(!said.contains("seems to contain"), "{said}");
    }
}

#[test]
fn reasons_name_the_flag() {
    let file = file("id,whatsapp").all_required();
    let normalizer = file.normalizer();
    let words = words("1,89161234567");
    let cells = slices(&words);
    let problems = read_cells(&normalizer, &cells, &mut Edits::default()).unwrap_err();
    let reasons: Vec<_> = problems
        .iter()
        .map(|problem| problem.reason.as_str())
        .collect();
    assert!(
        reasons[0].contains("`89161234567`") && reasons[0].contains("--region RU"),
        "{reasons:?}"
    );
    assert!(
        reasons.iter().any(|reason| reason.contains("--set uri=")),
        "{reasons:?}"
    );
}

#[test]
fn national_numbers_in_groups_are_completed() {
    for (header, cells, wanted) in [
        (
            "id,chat_type_1,phone_1",
            "1,whatsapp,89111000037",
            r#"[{"chat_type":"whatsapp","chat_id":"79111000037"}]"#,
        ),
        (
            "id,chat_type,chat_id",
            "1,viber,9111000039",
            r#"[{"chat_type":"viber","chat_id":"79111000039"}]"#,
        ),
        (
            "id,chat_type,chat_id",
            "1,whatsapp,34600111222",
            r#"[{"chat_type":"whatsapp","chat_id":"34600111222"}]"#,
        ),
        (
            "id,chat_type,chat_phone",
            "1,telegram,89111000041",
            r#"[{"chat_type":"telegram","phone":"79111000041"}]"#,
        ),
        (
            "id,chat_type,chat_id",
            "1,whatsapp,12345",
            "chat_id:phone_invalid",
        ),
    ] {
        assert_eq!(file(header).region("RU").chats(cells), wanted, "{header}");
    }
}

#[test]
fn a_name_beside_a_last_name_is_completed_unless_it_is_the_full_name() {
    for (header, cells, wanted) in [
        ("id,Name,Surname", "1,Ann,Baker", "Ann Baker"),
        ("id,Name,Surname", "1,Li,Alice", "Li Alice"),
        ("id,Name,Surname", "1,Ann Baker,BAKER", "Ann Baker"),
        ("id,Name,Surname", "1,Baker,Baker", "Baker"),
        ("id,Name,Surname", "1,Ann,", "Ann"),
        ("id,Name,Surname", "1,,Baker", "Baker"),
        (
            "id,NAME,SECOND_NAME,LAST_NAME",
            "1,Анна,Петровна,Ильина",
            "Анна Петровна Ильина",
        ),
        (
            "id,NAME,SECOND_NAME,LAST_NAME",
            "1,Анна,Петровна,",
            "Анна Петровна",
        ),
        (
            "id,Контакт,Отчество,Фамилия",
            "1,Ильина А.П.,Петровна,Ильина",
            "Ильина А.П.",
        ),
        (
            "id,Имя клиента,Фамилия клиента",
            "1,Пётр,Ильин",
            "Пётр Ильин",
        ),
        (
            "id,Nombre,Apellido paterno,Apellido materno",
            "1,Ana,Peña,Ruiz",
            "Ana Peña Ruiz",
        ),
        (
            "id,Primer nombre,Segundo nombre,Primer apellido,Segundo apellido",
            "1,Ana,Eva,Gil,Ruiz",
            "Ana Eva Gil Ruiz",
        ),
        (
            "id,Name,First name,Last name",
            "1,Company 1,Ann,Baker",
            "Company 1",
        ),
        (
            "id,Name,First name,Last name",
            "1,Ann,Ann,Baker",
            "Ann Baker",
        ),
        (
            "id,Name,First name,Last name",
            "1,Baker,Ann,Baker",
            "Ann Baker",
        ),
        ("id,Name,First name,Last name", "1,Ann,,Baker", "Ann"),
        ("id,Name,Middle name", "1,Ann Baker,Eve", "Ann Baker"),
        (
            "id,Контакт,Отчество,Фамилия",
            "1,Анна Петровна,Петровна,Ильина",
            "Анна Петровна Ильина",
        ),
        (
            "id,Контакт,Отчество,Фамилия",
            "1,Пётр,.,Ильин",
            "Пётр Ильин",
        ),
        (
            "id,Контакт,Отчество,Фамилия",
            "1,Пётр,--,Ильин",
            "Пётр Ильин",
        ),
        ("id,Контакт,Отчество,Фамилия", "1,Пётр,,?", "Пётр"),
        (
            "id,Контакт,Фамилия",
            "1,Кузнецова А.,Кузнецова (Ильина)",
            "Кузнецова А.",
        ),
        ("id,Name,Surname", "1,Ana Pérez,Pérez López", "Ana Pérez"),
        ("id,Name,Surname", "1,J. Baker,Baker Jr", "J. Baker"),
        ("id,Name,Surname", "1,Ann O’Brien,O'Brien", "Ann O’Brien"),
        (
            "id,Name,Surname",
            "1,María de los Ángeles,de la Fuente",
            "María de los Ángeles de la Fuente",
        ),
    ] {
        let wanted = format!(r#"{{"id":"1","name":"{wanted}"}}"#);
        assert_eq!(file(header).row(cells), wanted, "{header}");
    }
}

#[test]
fn names_are_joined_if_there_is_no_full_name() {
    let file = file("id,name,Имя,Отчество,Фамилия,File As");
    for (cells, name) in [
        ("1,Ann Full,Анна,,Ёлкина,x", "Ann Full"),
        ("1,,Анна,Петровна,Ёлкина,x", "Анна Петровна Ёлкина"),
        ("1,,Анна,,,x", "Анна"),
        ("1,,,,,Ёлкина Анна", "Ёлкина Анна"),
    ] {
        assert!(
            file.row(cells).contains(&format!("\"name\":\"{name}\"")),
            "{}",
            file.row(cells)
        );
    }
}

#[test]
fn in_googles_files_a_company_or_a_nickname_stands_for_a_name() {
    let header = "id,First Name,Last Name,Nickname,File As,Organization Name";
    let looked_at = file(header);
    let written =
        MappingFile::of(&looked_at.normalizer().mapping).write(&looked_at.normalizer().mapping, []);
    for file in [looked_at, file(header).mapping(&written)] {
        for (cells, name) in [
            ("1,Ann,Lee,Annie,Lee¦ Ann,Sun Ltd", "Ann Lee"),
            ("1,,,Annie,Lee¦ Ann,Sun Ltd", "Lee, Ann"),
            ("1,,,Annie,,Sun Ltd", "Sun Ltd"),
            ("1,,,Annie,,", "Annie"),
        ] {
            let name = format!("{{\"id\":\"1\",\"name\":\"{name}\"}}");
            assert_eq!(file.row(cells), name);
        }
    }
    let elsewhere = file("id,First Name,Nickname,Organization Name");
    assert_eq!(elsewhere.row("1,,Annie,Sun Ltd"), r#"{"id":"1"}"#);
}

#[test]
fn ids_keep_their_case_and_lose_excels_apostrophe() {
    for (cell, id) in [(" '00Ab ", "00Ab"), ("=\"007\"", "007"), ("0012X", "0012X")] {
        assert_eq!(file("id").row(cell), format!("{{\"id\":\"{id}\"}}"));
    }
    assert_eq!(file("id").row("1¦20363E+17"), "id:digits_lost");
    for (cell, id) in [
        ("1001.0", "1001"),
        ("1.006E+03", "1006"),
        ("1.5", "1.5"),
        ("v1.0", "v1.0"),
        ("1.00", "1.00"),
    ] {
        assert_eq!(file("id").row(cell), format!("{{\"id\":\"{id}\"}}"));
    }
    assert_eq!(file("id").row("1e5"), r#"{"id":"1e5"}"#);
}

#[test]
fn telegram_columns_of_one_row_make_one_chat() {
    let file = file("id,telegram,telegram_username,telegram_phone,max,max_phone");
    assert_eq!(
        file.chats("1,55,@ann,+7 999 111-22-33,77,79991112233"),
        r#"[{"chat_type":"telegram","chat_id":"55","username":"ann","phone":"79991112233"},{"chat_type":"max","chat_id":"77","phone":"79991112233"}]"#
    );
    assert_eq!(
        file.chats("1,55;66,@ann,,,"),
        r#"[{"chat_type":"telegram","chat_id":"55"},{"chat_type":"telegram","chat_id":"66"},{"chat_type":"telegram","username":"ann"}]"#
    );
}

#[test]
fn several_values_in_a_cell_are_several_chats_each_once() {
    let file = file("id,whatsapp,vk");
    assert_eq!(
        file.chats("1,+79991112233; 79992223344 | 7 999 111 22 33,https://vk.com/id5¦ ann"),
        r#"[{"chat_type":"whatsapp","chat_id":"79991112233"},{"chat_type":"whatsapp","chat_id":"79992223344"},{"chat_type":"vk","chat_id":"5"},{"chat_type":"vk","chat_id":"ann"}]"#
    );
}

#[test]
fn loose_numbers_become_the_types_of_phone_as_unless_the_row_has_its_own() {
    let mut file = file("id,WhatsApp,Мобильный телефон,Рабочий телефон");
    assert_eq!(
        file.chats("1,,+79991112233,7 999 111 22 33"),
        r#"[{"chat_type":"whatsapp","chat_id":"79991112233"}]"#
    );
    assert_eq!(
        file.chats("1,79990000000,+79991112233,нет"),
        r#"[{"chat_type":"whatsapp","chat_id":"79990000000"}]"#
    );
    assert_eq!(
        file.chats("1,,+79991112233,доб. 5"),
        r#"[{"chat_type":"whatsapp","chat_id":"79991112233"}]"#
    );
    assert_eq!(file.row("1,,,доб. 5"), "Рабочий телефон:phone_invalid");
    assert_eq!(
        file.row("1,,+79991112233,7¦9991E+10"),
        "Рабочий телефон:phone_truncated"
    );
    file.options.phone_as = Some(vec![ChatType::Viber, ChatType::Telegram]);
    assert_eq!(
        file.chats("1,79990000000,+79991112233,"),
        r#"[{"chat_type":"whatsapp","chat_id":"79990000000"},{"chat_type":"viber","chat_id":"79991112233"},{"chat_type":"telegram","phone":"79991112233"}]"#
    );
    file.options.phone_as = Some(Vec::new());
    assert_eq!(file.row("1,,+79991112233,x"), r#"{"id":"1"}"#);
}

#[test]
fn mobile_numbers_come_before_others_and_the_users_order_before_all() {
    let header = "Рабочий телефон,Phone,Телефон переносной,Моб. тел.";
    let (cells, set) = (
        "+74951112233,+74951112244,+79991112233,+79991112244",
        "{phone}",
    );
    let by_name = file(header).set("id", set).row(cells);
    assert_eq!(
        by_name,
        r#"{"id":"79991112233","contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233"},{"chat_type":"whatsapp","chat_id":"79991112244"},{"chat_type":"whatsapp","chat_id":"74951112233"},{"chat_type":"whatsapp","chat_id":"74951112244"}]}"#
    );
    let listed = "[columns]\nphone = [\"Phone\", \"Моб. тел.\", \"Рабочий телефон\"]\n";
    let by_list = file(header).set("id", set).mapping(listed).row(cells);
    assert_eq!(
        by_list,
        r#"{"id":"74951112244","contact_data":[{"chat_type":"whatsapp","chat_id":"74951112244"},{"chat_type":"whatsapp","chat_id":"79991112244"},{"chat_type":"whatsapp","chat_id":"74951112233"}]}"#
    );
}

#[test]
fn googles_fax_numbers_are_skipped_row_by_row() {
    let file = file("id,Phone 1 - Type,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value");
    assert_eq!(
        file.chats("1,Home Fax,+74951112233,* Mobile,+79991112233 ::: +79992223344"),
        r#"[{"chat_type":"whatsapp","chat_id":"79991112233"},{"chat_type":"whatsapp","chat_id":"79992223344"}]"#
    );
}

#[test]
fn numbered_groups_come_back_as_they_were() {
    let file = file(
        "id,chat_type_1,chat_id_1,username_1,phone_1,chat_type_2,chat_id_2,username_2,phone_2",
    );
    assert_eq!(
        file.chats("1,telegram,123,Ann_1,79991112233,whatsapp,12025550143,,"),
        r#"[{"chat_type":"telegram","chat_id":"123","username":"Ann_1","phone":"79991112233"},{"chat_type":"whatsapp","chat_id":"12025550143"}]"#
    );
    assert_eq!(
        file.row("1,icq,5,,,,6,,"),
        "chat_type_1:chat_type_unknown chat_type_2:chat_type_unknown"
    );
    assert_eq!(file.row("1,vk,,,,,,,"), "chat_id_1:chat_id_missing");
    assert_eq!(
        file.chats("1,Ватсап,+7 999 111 22 33,,,,,,"),
        r#"[{"chat_type":"whatsapp","chat_id":"79991112233"}]"#
    );
}

#[test]
fn the_long_layout_has_one_chat_in_a_row() {
    let file = file("id,chat_type,chat_id,username,phone");
    assert_eq!(
        file.chats("1,telegram,,ann,79991112233"),
        r#"[{"chat_type":"telegram","username":"ann","phone":"79991112233"}]"#
    );
    assert_eq!(file.row("1,,,,"), r#"{"id":"1"}"#);
}

#[test]
fn templates_fill_fields_that_the_columns_leave_empty() {
    let file = file("ID,Link,Phone")
        .set("uri", "https://crm.example.com/c/{id}?p={phone}")
        .set("responsible_user_id", "user-1")
        .set("name", "Client {{{ID}}}");
    assert_eq!(
        file.row("a/б 1,,+79991112233"),
        r#"{"id":"a/б 1","responsible_user_id":"user-1","name":"Client {a/б 1}","contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233"}],"uri":"https://crm.example.com/c/a%2F%D0%B1%201?p=79991112233"}"#
    );
    assert!(
        file.row("1,https://own.example,+79991112233")
            .contains(r#""uri":"https://own.example""#)
    );
    assert!(
        !file.row("1,,").contains("uri"),
        "a template with an empty value gives nothing"
    );
}

#[test]
fn a_template_can_make_the_id_and_chats() {
    let file = file("Phone")
        .set("id", "tel-{phone}")
        .set("viber", "{phone}")
        .set("uri", "{Phone}");
    assert_eq!(
        file.row("+7 999 111-22-33"),
        r#"{"id":"tel-79991112233","contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233"},{"chat_type":"viber","chat_id":"79991112233"}],"uri":"79991112233"}"#
    );
}

#[test]
fn a_template_takes_the_digits_of_one_phone_column_among_several() {
    let file = file("Mobile,Phone")
        .set("id", "{Phone}")
        .set("name", "{phone}");
    assert!(
        file.row("+7 999 111-22-33,'+7 (999) 222-33-44")
            .starts_with(r#"{"id":"79992223344","name":"79991112233""#)
    );
}

#[test]
fn value_tables_turn_names_into_ids() {
    let file = file("id,Ответственный")
        .mapping("[values.responsible_user_id]\n\"Пётр Ильин\" = \"user-1\"\n");
    assert_eq!(
        file.row("1,петр ильин"),
        r#"{"id":"1","responsible_user_id":"user-1"}"#
    );
    assert_eq!(
        file.row("1,user-1"),
        r#"{"id":"1","responsible_user_id":"user-1"}"#
    );
    assert_eq!(file.row("1,Кто-то"), "Ответственный:responsible_unknown");
    assert_eq!(file.row("1,"), r#"{"id":"1"}"#);
}

#[test]
fn ids_are_owners_beside_a_table_of_names_but_not_beside_one_that_replaces_ids() {
    let sent = r#"{"id":"1","responsible_user_id":"107"}"#;
    for (table, owner) in [
        ("Eva = \"108\"", sent),
        ("Eva = \"\"", sent),
        ("106 = \"user-1\"", "Owner:responsible_unknown"),
    ] {
        let table = format!("[values.responsible_user_id]\n{table}\n");
        assert_eq!(
            file("id,Owner").mapping(&table).row("1,107"),
            owner,
            "{table}"
        );
    }
}

#[test]
fn names_without_a_table_are_worth_a_hint() {
    for (header, owner, is_name) in [
        ("id,Owner", "Ivan Petrov", true),
        ("id,responsible_user_id", "Иван", true),
        ("id,Responsable", "Ana", true),
        ("id,Contact owner", "j.smith@example.com", true),
        ("Person - ID,Person - Owner", "MARY", true),
        ("id,Owner", "user-1", false),
        ("id,responsible_user_id", "ana", false),
        ("id,Contact Owner.id", "ana", false),
        ("id,OwnerId", "ana", false),
        ("id,ID ответственного", "ana", false),
    ] {
        let mut edits = Edits::default();
        let (normalizer, cells) = (file(header).normalizer(), words(&format!("1,{owner}")));
        let cells = slices(&cells);
        let row = read_cells(&normalizer, &cells, &mut edits);
        row.unwrap();
        let hints = edits.hints().concat();
        let hint = "[values.responsible_user_id]";
        assert_eq!(hints.contains(hint), is_name, "{header}: {owner}: {hints}");
    }
}

#[test]
fn rows_of_companies_are_worth_a_hint() {
    let auto = file("ID,Тип,Наименование,Телефон");
    let written = MappingFile::of(&auto.normalizer().mapping).write(&auto.normalizer().mapping, []);
    for file in [auto, file("ID,Тип,Наименование,Телефон").mapping(&written)]
    {
        let (normalizer, mut edits) = (file.normalizer(), Edits::default());
        for row in [
            "1,контакт,Анна,+79991112233",
            "2,Компания,ООО,+74951112233",
            "3,,Олег,",
        ] {
            let words = words(row);
            let cells = slices(&words);
            let row = read_cells(&normalizer, &cells, &mut edits);
            row.unwrap();
        }
        let hint = edits.hints().concat();
        let wanted =
            "1 row: marked as something other than a contact (such as `Компания` in row 0): ";
        assert!(hint.starts_with(wanted), "{hint}");
    }
}

#[test]
fn values_that_reach_no_person_are_counted() {
    for (header, cells, wanted) in [
        ("id,Telegram", "1,89161234567", "similar to a phone number"),
        ("id,Telegram", "1,79161234567", "similar to a phone number"),
        ("id,Telegram", "1,7123456789", ""),
        (
            "id,responsible_user_id,name,uri,chat_type_1,chat_id_1,username_1,phone_1",
            "1,u,A,https://e/1,whatsapp,8 916 123-45-67,,",
            "has only digits",
        ),
        (
            "id,responsible_user_id,name,uri,chat_type_1,chat_id_1,username_1,phone_1",
            "1,u,A,https://e/1,whatsapp,79161234567,,",
            "",
        ),
    ] {
        let (normalizer, mut edits) = (file(header).region("RU").normalizer(), Edits::default());
        let words = words(cells);
        read_cells(&normalizer, &slices(&words), &mut edits).unwrap();
        let said = [edits.hints().concat(), edits.value_warnings().concat()].concat();
        assert_eq!(said.is_empty(), wanted.is_empty(), "{said}");
        assert!(said.contains(wanted), "{cells}: {said}");
    }
}

#[test]
fn national_numbers_follow_the_region() {
    let file = file("id,whatsapp").region("RU");
    assert_eq!(
        file.chats("1,8 (999) 123-45-67"),
        r#"[{"chat_type":"whatsapp","chat_id":"79991234567"}]"#
    );
}

#[test]
fn faults_of_the_source_become_problems_in_columns_that_are_read() {
    let normalizer = file("id,Edits,whatsapp,name").all_required().normalizer();
    let fault = |column, kind| CellFault {
        record: 0,
        column,
        kind,
    };
    let faults = [
        fault(1, CellFaultKind::Error("#N/A".into())),
        fault(2, CellFaultKind::DigitsLost),
        fault(3, CellFaultKind::Undecodable),
    ];
    let words = words("1,#N/A,1E20,?");
    let cells = slices(&words);
    let row = Row {
        faults: &faults,
        ragged: Some(5),
        ..row_of(&cells)
    };
    let problems = read_row(&normalizer, row, Vec::new(), &mut Edits::default())
        .unwrap()
        .unwrap_err()
        .problems;
    assert_eq!(
        codes(&problems),
        "-:row_ragged whatsapp:digits_lost name:bytes_undecodable -:responsible_user_id_missing -:uri_missing"
    );
}

#[test]
fn a_short_row_is_padded() {
    assert_eq!(file("id,name,uri").row("1"), r#"{"id":"1"}"#);
}

#[test]
fn contact_data_is_read_and_merged_with_other_columns() {
    let file = file("id,contact_data,whatsapp");
    assert_eq!(
        file.chats(r#"1,[{"chat_type":"whatsapp"¦"chat_id":"79991112233"}],+7 999 111 22 33"#),
        r#"[{"chat_type":"whatsapp","chat_id":"79991112233"}]"#
    );
    assert_eq!(file.row("1,{},"), "contact_data:contact_data_invalid");
}

/// `-` in one messenger's column is a remark about that messenger, not about the contact.
#[test]
fn a_remark_in_a_chat_column_rejects_the_row_only_if_there_is_no_chat() {
    let file = file("id,whatsapp,telegram,phone");
    for scrap in ["-", "нет", "да", "+", "#N/A"] {
        let (row, alone) = (format!("1,79991234567,{scrap},"), format!("1,,{scrap},"));
        assert_eq!(
            file.chats(&row),
            r#"[{"chat_type":"whatsapp","chat_id":"79991234567"}]"#,
            "{scrap}"
        );
        let is_empty = matches!(scrap, "-" | "нет" | "да");
        let outcome = if is_empty { "{" } else { "telegram:" };
        assert!(file.row(&alone).starts_with(outcome), "{scrap}");
    }
    assert_eq!(
        file.chats("1,#N/A,,8 800 2000 600;+79991234567").as_str(),
        "phone:phone_invalid"
    );
    assert_eq!(file.row("1,79991234567,#REF!,"), "telegram:cell_error");
    assert_eq!(file.row("#N/A,79991234567,,"), "id:cell_error");
}

#[test]
fn a_missing_value_is_not_a_fault_if_another_column_has_one() {
    let file = file("id,name,first name,last name,uri").set("uri", "https://x.example/{id}");
    let lee = r#"{"id":"1","name":"Ann Lee","uri":"https://x.example/1"}"#;
    assert_eq!(file.row("1,#N/A,Ann,Lee,#N/A"), lee);
    assert_eq!(file.row("1,Ann Lee,#Н/Д,,"), lee);
    assert_eq!(file.row("1,#N/A,,,"), "name:cell_error");
    assert_eq!(file.row("1,#REF!,Ann,Lee,"), "name:cell_error");
    assert_eq!(file.row("#N/A,Ann,,,u"), "id:cell_error");
    let (normalizer, mut edits) = (file.normalizer(), Edits::default());
    let words = words("1,#N/A,Ann,Lee,");
    let cells = slices(&words);
    let read = read_cells(&normalizer, &cells, &mut edits);
    assert!(read.is_ok());
    assert!(edits.lines().concat().contains("1 cell: #N/A"));
    let mut edits = Edits::default();
    let cells = ["1", "#Н/Д", "Ann", "Lee", ""];
    assert!(read_cells(&normalizer, &cells, &mut edits).is_ok());
    assert!(
        edits.lines().concat().contains("(#Н/Д)"),
        "{:?}",
        edits.lines()
    );
}

#[test]
fn one_fault_is_one_reason() {
    let normalizer = file("id,Имя,Телефон")
        .set("uri", "https://x.example/{id}")
        .set("responsible_user_id", "u")
        .all_required()
        .normalizer();
    let codes_of = |column, cells: &str| {
        let fault = CellFault {
            record: 0,
            column,
            kind: CellFaultKind::Undecodable,
        };
        let words = words(cells);
        let cells = slices(&words);
        let row = Row {
            faults: &[fault],
            ..row_of(&cells)
        };
        let read = read_row(&normalizer, row, Vec::new(), &mut Edits::default());
        codes(&read.unwrap().unwrap_err().problems)
    };
    assert_eq!(codes_of(0, "?,Анна,79991234567"), "id:bytes_undecodable");
    assert_eq!(codes_of(1, "1,?,79991234567"), "Имя:bytes_undecodable");
    assert_eq!(codes_of(2, "1,Анна,?"), "Телефон:bytes_undecodable");
}

/// An unquoted delimiter has moved the cells: the id's column holds a name.
#[test]
fn the_id_of_a_ragged_row_is_unknown() {
    let normalizer = file("name,id,whatsapp").normalizer();
    let words = words("Ivanov,Ivan,1017");
    let cells = slices(&words);
    let id = |ragged| {
        let row = Row {
            ragged,
            ..row_of(&cells)
        };
        read_row(&normalizer, row, Vec::new(), &mut Edits::default())
            .unwrap()
            .unwrap_err()
            .id
    };
    assert_eq!(id(Some(4)), None);
    assert_eq!(id(None).as_deref(), Some("Ivan"));
}

#[test]
fn a_column_of_numbers_that_is_not_read_is_worth_a_hint() {
    let hints = |header, rows: [&str; 2]| {
        let normalizer = file(header).normalizer();
        let mut edits = Edits::default();
        for row in rows {
            let words = words(row);
            let cells = slices(&words);
            let _ = read_cells(&normalizer, &cells, &mut edits);
        }
        edits.end_table(&normalizer.mapping.columns);
        edits.hints()
    };
    let found = hints(
        "id,Тел. для связи,Заметка",
        ["1,+7 999 123-45-67,звонить +79991234567", "2,89991234568,-"],
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("most of its values look like phone numbers")
            && found[0].contains("--map phone='Тел. для связи'"),
        "{found:?}"
    );
    let none = hints(
        "id,Тел. для связи,Факс,ip",
        [
            "1,2026-11-23,79991234567,79.161.112.233",
            "2,1 500.00,,212.116.112.23",
        ],
    );
    assert!(none.is_empty(), "{none:?}");
    let headless = hints("id,79991234566", ["1,79991234567", "2,79991234568"]);
    assert!(
        headless[0].ends_with("add a row of names above it"),
        "{headless:?}"
    );
    let quoted = hints("id,Ann's phone", ["1,79991234567", "2,79991234568"]);
    assert!(
        quoted[0].contains(r"--map phone='Ann'\''s phone'"),
        "{quoted:?}"
    );
}

#[test]
fn words_for_a_missing_value_are_empty_cells_except_in_our_own_export() {
    let other = file("id,name,uri,whatsapp,instagram,telegram_username").normalizer();
    let read = |normalizer: &FileRules, row: &str| {
        let mut edits = Edits::default();
        let words = words(row);
        let cells = slices(&words);
        let contact = read_cells(normalizer, &cells, &mut edits).unwrap();
        (
            contact.name.to_string(),
            contact.contact_data.len(),
            edits.lines(),
        )
    };
    for word in [
        "NULL",
        "null",
        "\\N",
        "None",
        "nan",
        "N/A",
        "undefined",
        "—",
        "нет",
    ] {
        let row = format!("1,{word},{word},79991234567,{word},{word}");
        let (name, chats, lines) = read(&other, &row);
        assert_eq!((name.as_str(), chats), ("", 1), "{word}");
        assert!(
            lines[0].starts_with("4 cells: a word for"),
            "{word}: {lines:?}"
        );
    }
    for word in ["Null", "Nan", "none at all", "no"] {
        let (name, _, lines) = read(&other, &format!("1,{word},,79991234567,,"));
        assert_eq!((name.as_str(), lines.len()), (word, 0));
    }
    let own = "id,responsible_user_id,name,uri,chat_type_1,chat_id_1,username_1,phone_1";
    let (name, chats, lines) = read(&file(own).normalizer(), "1,107,NULL,,instagram,none,,");
    assert_eq!((name.as_str(), chats, lines.len()), ("NULL", 1, 0));
}

#[test]
fn a_row_with_too_many_chats_is_rejected() {
    let numbers = (0..5_000).map(|number| format!("7999{number:07}"));
    let cell = numbers.collect::<Vec<_>>().join("; ");
    let normalizer = file("id,responsible_user_id,name,uri,whatsapp,phone").normalizer();
    for columns in [[&*cell, ""], ["", &*cell]] {
        let cells = [&["1", "u", "Ann", "https://x.y/1"][..], &columns].concat();
        let problems = read_cells(&normalizer, &cells, &mut Edits::default()).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].code, RejectCode::ContactDataInvalid);
    }
}
