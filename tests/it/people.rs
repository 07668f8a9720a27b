//! The generated people of `samples/`, the same each time.
//!
//! Names are combined from lists, numbers count upwards in unassigned blocks, and accounts contain `example`, so
//! that no real person is affected.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

/// The number of people.
pub(crate) const COUNT: usize = 250;

/// The columns of the samples.
pub(crate) const HEADER: [&str; 12] = [
    "id",
    "responsible_user_id",
    "name",
    "uri",
    "whatsapp",
    "viber",
    "instagram",
    "telegram_username",
    "telegram_phone",
    "vk",
    "avito",
    "max_phone",
];

/// Given name, and its form in an account name.
type Given = (&'static str, &'static str);

const RUSSIAN: ([Given; 12], [&str; 10]) = (
    [
        ("Анна", "anna"),
        ("Пётр", "petr"),
        ("Мария", "maria"),
        ("Сергей", "sergey"),
        ("Ольга", "olga"),
        ("Илья", "ilya"),
        ("Юлия", "yulia"),
        ("Артём", "artem"),
        ("Дарья", "darya"),
        ("Никита", "nikita"),
        ("Зоя", "zoya"),
        ("Фёдор", "fedor"),
    ],
    [
        "Шевченко",
        "Кузьмич",
        "Черных",
        "Белых",
        "Ткаченко",
        "Гринь",
        "Сойко",
        "Ёлкин-Орлов",
        "Долгих",
        "Жук",
    ],
);

const SPANISH: ([Given; 12], [&str; 10]) = (
    [
        ("José", "jose"),
        ("Lucía", "lucia"),
        ("Íñigo", "inigo"),
        ("María José", "mariajose"),
        ("Andrés", "andres"),
        ("Begoña", "begona"),
        ("Nicolás", "nicolas"),
        ("Inés", "ines"),
        ("Raúl", "raul"),
        ("Sofía", "sofia"),
        ("Martín", "martin"),
        ("Camila", "camila"),
    ],
    [
        "García Núñez",
        "Muñoz",
        "Peña López",
        "Ibáñez",
        "Rodríguez",
        "Gómez Ávila",
        "Ordóñez",
        "Castaño",
        "Vázquez",
        "Zúñiga",
    ],
);

/// The cells of person `number`, which counts from 1.
pub(crate) fn person(number: usize) -> [String; 12] {
    let spanish = number % 5 >= 3;
    let (given, family) = if spanish { SPANISH } else { RUSSIAN };
    let (name, account) = given[number % given.len()];
    let family = family[number / 3 % family.len()];
    let digits = phone(number);
    let account = format!("{account}_example_{number}");
    let when = |has: bool, value: String| if has { value } else { String::new() };
    let kind = number % 8;
    let vk = if number.is_multiple_of(2) {
        format!("https://vk.com/{account}")
    } else {
        account.clone()
    };
    [
        format!("C-{number:04}"),
        format!("user-{}", number % 5 + 1),
        format!("{name} {family}"),
        format!("https://crm.example.com/contacts/C-{number:04}"),
        when(matches!(kind, 0 | 1 | 4 | 6 | 7), written(number, &digits)),
        when(matches!(kind, 3 | 4), digits.clone()),
        when(matches!(kind, 3 | 7), format!("@{account}")),
        when(matches!(kind, 1 | 2), format!("@{account}")),
        when(kind == 5, digits.clone()),
        when(kind == 5, vk),
        when(kind == 7, format!("u2i-example-{number:04}")),
        when(kind == 6, digits),
    ]
}

/// An international number: Russia, Kazakhstan, Spain or Colombia.
fn phone(number: usize) -> String {
    match number % 5 {
        0 | 1 => format!("7999000{number:04}"),
        2 => format!("7701000{number:04}"),
        3 => format!("34600000{number:03}"),
        _ => format!("573000000{number:03}"),
    }
}

/// Most numbers are plain, some are formatted, and some cells contain two.
fn written(number: usize, digits: &str) -> String {
    if number.is_multiple_of(40) {
        return format!("+{digits}; +{}", phone(number + 500));
    }
    if number % 10 != 1 {
        return digits.to_owned();
    }
    let (front, last) = digits.split_at(digits.len() - 4);
    let (front, middle) = front.split_at(front.len() - 3);
    let (country, area) = front.split_at(front.len() - 3);
    format!("+{country} ({area}) {middle}-{}-{}", &last[..2], &last[2..])
}

/// The people as CSV.
pub(crate) fn csv() -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER).unwrap();
    for number in 1..=COUNT {
        csv.write_record(person(number)).unwrap();
    }
    csv.into_inner().unwrap()
}

/// The people as a workbook from a spreadsheet program: plain numbers are numbers.
pub(crate) fn xlsx() -> Vec<u8> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_ymd(2026, 1, 1).unwrap();
    let properties = rust_xlsxwriter::DocProperties::new().set_creation_datetime(&made);
    book.set_properties(&properties);
    let sheet = book.add_worksheet().set_name("Contacts").unwrap();
    sheet.set_freeze_panes(1, 0).unwrap();
    let (bold, whole) = (Format::new().set_bold(), Format::new().set_num_format("0"));
    for (column, name) in (0..).zip(HEADER) {
        sheet
            .write_string_with_format(0, column, name, &bold)
            .unwrap();
        sheet
            .set_column_width(column, if column < 2 { 12 } else { 22 })
            .unwrap();
    }
    for (row, number) in (1..).zip(1..=COUNT) {
        for (column, cell) in (0..).zip(person(number)) {
            match cell.parse::<u64>() {
                // Up to 15 digits a workbook's numbers are exact.
                Ok(digits) =>
                {
                    #[expect(clippy::cast_precision_loss, reason = "it has at most 13 digits")]
                    sheet.write_number_with_format(row, column, digits as f64, &whole)
                }
                Err(_) => sheet.write_string(row, column, cell),
            }
            .unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

/// A list in which every possible mistake in a CSV row occurs once, among good rows.
pub(crate) fn with_mistakes() -> Vec<u8> {
    // Excel marks UTF-8 like this, and so a byte that is none is known to be a mistake.
    let mut file = "\u{feff}".as_bytes().to_vec();
    file.extend_from_slice(MISTAKES_HEADER.as_bytes());
    let mut mistakes = mistakes().into_iter();
    for number in 1..=48 {
        let name = &person(number)[2];
        let id = format!("G-{number:02}");
        let uri = format!("https://crm.example.com/contacts/{id}");
        let responsible = if number.is_multiple_of(2) {
            "Anna Petrova"
        } else {
            "user-2"
        };
        let phone = phone(number);
        file.extend_from_slice(
            format!("{id},{responsible},{name},{uri},{phone},,,,\r\n").as_bytes(),
        );
        if number.is_multiple_of(2)
            && let Some(line) = mistakes.next()
        {
            file.extend_from_slice(&line);
            file.extend_from_slice(b"\r\n");
        }
    }
    assert_eq!(mistakes.next(), None, "every mistake has a place");
    file
}

const MISTAKES_HEADER: &str = "id,responsible_user_id,name,uri,whatsapp,telegram_username,contact_data,chat_type_1,chat_id_1\r\n";

/// Lines with one obvious mistake each, in the order of the documentation.
fn mistakes() -> Vec<Vec<u8>> {
    let good = |id: &str, rest: &str| {
        format!("{id},user-1,Mistake {id},https://crm.example.com/contacts/{id},{rest}")
    };
    let uri = "https://crm.example.com/contacts";
    let texts = [
        format!(",user-1,No Id,{uri}/none,79990001001,,,,"),
        format!(
            "{},user-1,Id Too Long,{uri}/long,79990001002,,,,",
            "M-".repeat(51)
        ),
        format!("M-03,user-1,,{uri}/M-03,79990001003,,,,"),
        format!(
            "M-04,user-1,{},{uri}/M-04,79990001004,,,,",
            "Name ".repeat(41).trim_end().replace(' ', "-")
        ),
        format!("M-05,,No Responsible,{uri}/M-05,79990001005,,,,"),
        format!(
            "M-06,{},Responsible Too Long,{uri}/M-06,79990001006,,,,",
            "user-".repeat(21)
        ),
        format!("M-07,Nobody Known,Responsible Unknown,{uri}/M-07,79990001007,,,,"),
        "M-08,user-1,No Uri,,79990001008,,,,".to_owned(),
        format!(
            "M-09,user-1,Uri Too Long,{uri}/{},79990001009,,,,",
            "0123456789".repeat(20)
        ),
        good("M-10", ",,,,"),
        good("M-11", ",,,pigeon,79990001011"),
        good("M-12", ",,,viber,"),
        good("M-13", "+7 999 12,,,,"),
        good("M-14", "\"7,9991E+10\",,,,"),
        good("1.23457E+17", "79990001015,,,,"),
        good("M-16", ",two words,,,"),
        good("M-17", ",,{\"chat_type\": \"whatsapp\",,"),
        format!("M-18,user-1,Twice,{uri}/M-18,79990001018,,,,"),
        format!("M-18,user-1,Twice But Different,{uri}/M-18,79990001019,,,,"),
        good("M-19", "79990001020,,,,,a cell too many"),
        good("M-20", "#N/A,,,,"),
    ];
    let mut lines: Vec<_> = texts.map(String::into_bytes).into();
    let mut undecodable = good("M-21", "79990001021,,,,").into_bytes();
    let at = undecodable.iter().position(|byte| *byte == b'k').unwrap();
    undecodable[at] = 0xef;
    lines.push(undecodable);
    lines
}
