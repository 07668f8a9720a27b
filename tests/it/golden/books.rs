//! Workbooks.

use std::io::{Cursor, Write as _};

use rust_xlsxwriter::{Format, Formula, Workbook};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    golden,
    xlsb::{self, Cell},
};

const URI: &str = "uri=https://example.com/c/{id}";

/// Titles, two rows of names, phones as numbers and as dates, an error, a lost group id, a formula.
pub(crate) fn everything() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let hidden = workbook.add_worksheet().set_name("Черновик").unwrap();
    hidden.write_row(0, 0, ["id", "name", "whatsapp"]).unwrap();
    hidden
        .write_row(1, 0, ["0", "Nobody", "79990000000"])
        .unwrap();
    hidden.set_hidden(true);
    let sheet = workbook.add_worksheet().set_name("Клиенты").unwrap();
    sheet.set_active(true);
    sheet.write(0, 0, "Клиенты на 22.11.2026").unwrap();
    let names = [
        "ID",
        "ФИО",
        "Мобильный телефон",
        "Группа WhatsApp",
        "Ответственный",
    ];
    sheet.write_row(2, 0, names).unwrap();
    let date = Format::new().set_num_format("dd.mm.yyyy");
    let mask = Format::new().set_num_format("+0 (000) 000-00-00");
    sheet.write_row(3, 0, ["x-1", "Алла Бор"]).unwrap();
    sheet
        .write_with_format(3, 2, 79_990_000_081.0, &mask)
        .unwrap();
    sheet.write(3, 4, "user-1").unwrap();
    sheet.write(4, 0, 2.0).unwrap();
    sheet.write(4, 1, "Вадим Гук").unwrap();
    sheet
        .write_with_format(4, 2, 79_990_000_082.0, &date)
        .unwrap();
    sheet.write(4, 4, "user-1").unwrap();
    sheet.write_row(5, 0, ["x-3", "Ева Жук"]).unwrap();
    let missing = Formula::new("=VLOOKUP(1,A1:A2,1)").set_result("#N/A");
    sheet.write(5, 2, missing).unwrap();
    sheet.write(5, 4, "user-1").unwrap();
    sheet
        .write_row(6, 0, ["x-4", "Зоя Ива", "79990000084"])
        .unwrap();
    sheet.write(6, 3, 120_363_025_246_125_486.0).unwrap();
    sheet.write(6, 4, "user-1").unwrap();
    sheet.write_row(7, 0, ["x-5", "Кир Лот"]).unwrap();
    sheet
        .write(7, 2, Formula::new("=1+1").set_result(""))
        .unwrap();
    sheet.write(7, 4, "user-1").unwrap();
    sheet
        .write_row(9, 0, ["x-6", "Мия Нос", "+7 999 000-00-86", "", "user-1"])
        .unwrap();
    sheet.set_row_hidden(9).unwrap();
    workbook.save_to_buffer().unwrap()
}

#[test]
fn a_workbook_with_everything_that_people_do_to_one() {
    insta::assert_snapshot!(golden("clients.xlsx", everything(), &["--set", URI]));
}

#[test]
fn another_sheet_by_its_name_though_it_is_hidden() {
    let flags = [
        "--sheet",
        "Черновик",
        "--set",
        URI,
        "--set",
        "responsible_user_id=user-1",
    ];
    insta::assert_snapshot!(golden("clients.xlsx", everything(), &flags));
}

/// The same as an old workbook, written with xlwt.
#[test]
fn an_old_workbook() {
    let bytes = include_bytes!("people.xls");
    insta::assert_snapshot!(golden("clients.xls", bytes, &["--set", URI]));
}

#[test]
fn a_binary_workbook() {
    use Cell::{Date, Missing, MissingByFormula, Number, Text};
    let names = ["ID", "ФИО", "Мобильный телефон", "Ответственный"];
    let row = |id, name, phone| {
        let cells = [Text(id), Text(name), phone, Text("user-1")];
        (0..).zip(cells).collect()
    };
    let bytes = xlsb::workbook(&[
        vec![(0, Text("Клиенты на 22.11.2026"))],
        Vec::new(),
        (0..).zip(names.map(Text)).collect(),
        row("x-1", "Алла Бор", Number(79_990_000_081.0)),
        row("x-2", "Вадим Гук", Date(79_990_000_082.0)),
        row("x-3", "Ева Жук", Missing),
        row("x-4", "Зоя Ива", MissingByFormula),
        row("x-5", "Мия Нос", Text("+7 999 000-00-86")),
    ]);
    insta::assert_snapshot!(golden("clients.xlsb", bytes, &["--set", URI]));
}

/// Whole columns are formatted as dates.
#[test]
fn ids_and_phones_that_are_shown_as_dates() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let date = Format::new().set_num_format("dd.mm.yyyy");
    sheet
        .write_row(0, 0, ["ID", "Code", "Name", "Avito"])
        .unwrap();
    for (column, number) in (0..).zip([45_000.0, 45_001.0, 45_002.0, 45_003.0]) {
        sheet.write_with_format(1, column, number, &date).unwrap();
    }
    let bytes = workbook.save_to_buffer().unwrap();
    let flags = [
        "--set",
        "uri=https://example.com/{id}",
        "--set",
        "responsible_user_id={Code}",
    ];
    insta::assert_snapshot!(golden("dates.xlsx", bytes, &flags));
}

#[test]
fn names_in_two_rows() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let plain = Format::new();
    sheet.write(0, 0, "id").unwrap();
    sheet.write(0, 1, "Name").unwrap();
    sheet.merge_range(0, 2, 0, 3, "Phone", &plain).unwrap();
    sheet.write_row(1, 2, ["Mobile", "Work"]).unwrap();
    sheet
        .write_row(2, 0, ["1", "Ann Lee", "+1 650-253-0091", "+1 650-253-0092"])
        .unwrap();
    let bytes = workbook.save_to_buffer().unwrap();
    let flags = ["--set", URI, "--set", "responsible_user_id=user-1"];
    insta::assert_snapshot!(golden("two rows.xlsx", bytes, &flags));
}

/// A zip archive of these parts.
pub(crate) fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, part) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(part.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn an_opendocument_sheet() {
    let cell = |text: &str| {
        format!(
            "<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"
        )
    };
    let row = |cells: &[&str]| {
        let cells: String = cells.iter().map(|text| cell(text)).collect();
        format!("<table:table-row>{cells}</table:table-row>")
    };
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content \
         xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
         xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
         xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>\
         <table:table table:name=\"Hoja1\">{}{}\
         <table:table-row><table:table-cell office:value-type=\"float\" office:value=\"2\"><text:p>2</text:p></table:table-cell>{}\
         <table:table-cell office:value-type=\"float\" office:value=\"34612000094\"><text:p>3,46E+10</text:p></table:table-cell></table:table-row>\
         <table:table-row table:number-rows-repeated=\"1048570\"><table:table-cell table:number-columns-repeated=\"1024\"/></table:table-row>\
         </table:table></office:spreadsheet></office:body></office:document-content>",
        row(&["ID", "Nombre", "Teléfono móvil"]),
        row(&["1", "Iñaki Paz", "'+34612000093"]),
        cell("Noa Rey"),
    );
    let bytes = archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", &content),
        (
            "META-INF/manifest.xml",
            "<?xml version=\"1.0\"?><manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>",
        ),
    ]);
    let flags = ["--set", URI, "--set", "responsible_user_id=user-1"];
    insta::assert_snapshot!(golden("gente.ods", bytes, &flags));
}
