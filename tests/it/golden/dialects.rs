//! Hand-made sheets in every format that a program offers.

use std::io::Write as _;

use super::{encoded, golden, text, utf_16le};

const RU: [&str; 4] = ["--region", "RU", "--set", "id={ФИО}"];
const ES: [&str; 6] = [
    "--region",
    "ES",
    "--map",
    "id=Código",
    "--set",
    "uri=https://example.com/c/{id}",
];

const PLAIN: [&str; 4] = [
    "--set",
    "uri=https://x.io/{id}",
    "--set",
    "responsible_user_id=u1",
];

#[test]
fn a_russian_sheet() {
    insta::assert_snapshot!(golden("people.csv", text("hand_ru.csv"), &RU));
}

#[test]
fn a_russian_sheet_without_a_region_is_told_about_it() {
    insta::assert_snapshot!(golden("people.csv", text("hand_ru.csv"), &RU[2..]));
}

#[test]
fn a_sheet_whose_id_has_a_name_that_nobody_knows_is_asked_about() {
    insta::assert_snapshot!(golden("people.csv", text("hand_es.csv"), &ES[4..]));
}

#[test]
fn a_spanish_sheet_in_cp1252() {
    let bytes = encoded(&text("hand_es.csv"), "windows-1252");
    insta::assert_snapshot!(golden("people.csv", bytes, &ES));
}

#[test]
fn unicode_text_of_excel() {
    let tabs = text("hand_ru.csv").replace(';', "\t").replace('\n', "\r\n");
    let bytes = utf_16le(&format!("\u{feff}{tabs}"));
    insta::assert_snapshot!(golden("people.txt", bytes, &RU));
}

#[test]
fn utf_16_without_a_mark() {
    let bytes = utf_16le(&text("hand_ru.csv"));
    insta::assert_snapshot!(golden("people.csv", bytes, &RU));
}

#[test]
fn utf_16_with_the_high_byte_first() {
    let text = format!("\u{feff}{}", text("hand_ru.csv"));
    let bytes: Vec<_> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    insta::assert_snapshot!(golden("people.csv", bytes, &RU));
}

#[test]
fn excel_on_a_mac_with_lines_that_end_in_cr() {
    let bytes = encoded(&text("hand_es.csv").replace('\n', "\r"), "macintosh");
    insta::assert_snapshot!(golden("people.csv", bytes, &ES));
}

#[test]
fn a_line_that_names_the_delimiter() {
    let bytes = format!("sep=;\r\n{}", text("hand_es.csv").replace('\n', "\r\n"));
    insta::assert_snapshot!(golden("people.csv", bytes, &ES));
}

#[test]
fn gzip() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text("hand_es.csv").as_bytes()).unwrap();
    insta::assert_snapshot!(golden("people.csv.gz", packer.finish().unwrap(), &ES));
}

#[test]
fn zstandard() {
    let bytes = zstd::encode_all(text("hand_es.csv").as_bytes(), 1).unwrap();
    insta::assert_snapshot!(golden("people.csv.zst", bytes, &ES));
}

#[test]
fn a_file_that_is_utf_8_but_for_one_byte() {
    let mut bytes = text("hand_es.csv").into_bytes();
    let at = bytes.windows(3).position(|window| window == b"Jos");
    bytes[at.unwrap() + 1] = 0xff;
    insta::assert_snapshot!(golden("people.csv", bytes, &ES));
}

/// Each lists more messengers in one cell than the header has names.
#[test]
fn cells_that_list_messengers_leave_delimiter_and_header_alone() {
    let mut shown = String::new();
    for text in [
        "Record ID,First Name,Last Name,Phone Number,Preferred channels\n\
         1,Ann,L,+79161234567,WhatsApp\n\
         2,Bob,L,+79161234568,WhatsApp;Phone;Mobile;Telegram;Viber;Instagram\n",
        "ID;Имя;Телефон;Каналы\n1;Анна;79161234567;WhatsApp, Telegram, Viber, Instagram, VK\n",
        "ID;Имя;Телефон;Каналы\n1;Анна;79161234567;\"WhatsApp, Telegram, Viber, Instagram, VK\"\n",
        "id,name,phone,tags\n1,Ann,79161234567,\n\
         2,Bob,79161234568,\"name; phone; id; whatsapp; viber; telegram\"\n",
    ] {
        shown.push_str(&golden("people.csv", text, &PLAIN));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn of_two_exports_in_one_file_the_first_has_the_names() {
    let text = "ID;Имя;Телефон\n1;Анна;79161234567\n2;Боб;79161234568\n\
                ID;Имя;Телефон;WhatsApp\n3;Вера;79161234569;79161234569\n";
    insta::assert_snapshot!(golden("people.csv", text, &PLAIN));
}

#[test]
fn rows_above_the_names_are_counted() {
    let text = "7;Отдел продаж;2026\nID;Имя;Телефон\n1;Анна;79161234567\n";
    insta::assert_snapshot!(golden("people.csv", text, &PLAIN));
}

#[test]
fn rows_that_show_nothing_and_the_end_mark_of_dos_are_no_rows() {
    let text = "ID;Имя;Телефон\n1;Анна;79161234567\n\u{200b};;\n2;Боб;79161234568\u{1a}";
    insta::assert_snapshot!(golden("people.csv", text, &PLAIN));
}

#[test]
fn stray_quotes_that_make_a_pair_are_named_with_their_row() {
    let text =
        "ID;Имя;Телефон\n1;\"A;79991234567\n2;B;79991234568\n3;C\";79991234569\n4;D;79991234570\n";
    insta::assert_snapshot!(golden("people.csv", text, &PLAIN));
}

#[test]
fn a_delimiter_that_nobody_guesses_is_asked_for() {
    let text = "ID^Имя^Телефон\n1^Анна^79161234567\n";
    insta::assert_snapshot!(golden("people.csv", text, &PLAIN));
}

#[test]
fn names_of_columns_that_are_missing_are_asked_for() {
    let text = "1;Анна;79161234567\n2;Боб;79161234568\n";
    let shown = [&PLAIN[..], &[]].map(|flags| golden("people.csv", text, flags));
    insta::assert_snapshot!(shown.concat());
}

#[test]
fn a_quote_that_is_never_closed_is_named_with_its_row() {
    let text = text("hand_ru.csv").replace("Тихая", "\"Тихая");
    insta::assert_snapshot!(golden("people.csv", text, &RU));
}

#[test]
fn a_quote_that_is_never_closed_in_the_names_is_named_too() {
    let text = text("hand_ru.csv").replacen(';', ";\"", 1);
    insta::assert_snapshot!(golden("people.csv", text, &RU));
}

#[test]
fn what_is_no_table_is_named_as_what_it_is() {
    let mut shown = String::new();
    for (name, bytes) in [
        (
            "people.vcf",
            &b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nEND:VCARD\r\n"[..],
        ),
        ("people.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
        ("people.xlsx", b""),
        ("~$people.xlsx", b"x"),
    ] {
        shown.push_str(&golden(name, bytes, &[]));
    }
    insta::assert_snapshot!(shown);
}
