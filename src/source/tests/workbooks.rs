//! Workbooks written by real programs.

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use super::*;

pub(super) fn saved(workbook: &mut Workbook) -> Vec<u8> {
    workbook.save_to_buffer().unwrap()
}

#[test]
fn numbers_are_digits_and_rows_keep_their_numbers() {
    let mut workbook = Workbook::new();
    let date = Format::new().set_num_format("dd.mm.yyyy");
    let sheet = workbook.add_worksheet();
    sheet.write(0, 0, "Our contacts").unwrap();
    sheet.write_row(2, 0, ["id", "name", "phone"]).unwrap();
    sheet.write_row(3, 0, ["1", "Ann, \"Lee\"\nJr"]).unwrap();
    sheet.write(3, 2, 79_991_112_233.0).unwrap();
    sheet.write(6, 0, 2).unwrap();
    sheet.write(6, 1, true).unwrap();
    sheet
        .write_with_format(6, 2, 79_991_112_233.0, &date)
        .unwrap();
    sheet.write(7, 0, 120_363_025_246_125_486.0).unwrap();
    let day = ExcelDateTime::from_ymd(2026, 3, 12).unwrap();
    sheet.write_with_format(7, 1, &day, &date).unwrap();
    sheet
        .write(7, 2, Formula::new("=NA()").set_result("#N/A"))
        .unwrap();
    sheet.write(7, 9, "a note").unwrap();
    let read = read(&saved(&mut workbook));
    assert_eq!(read.header_row, 3);
    assert_eq!(numbers(&read), [4, 7, 8]);
    assert_eq!(read.blank, 2);
    assert_eq!(cells(&read)[0], ["1", "Ann, \"Lee\"\nJr", "79991112233"]);
    assert_eq!(cells(&read)[1], ["2", "TRUE", "79991112233"]);
    assert_eq!(cells(&read)[2][1], "2026-03-12");
    assert_eq!(read.rows[2].2[0], CellFaultKind::DigitsLost);
    assert!(read.ragged.is_empty());
    assert_eq!(read.summary.notes.len(), 1);
}

#[test]
fn blanks_in_the_last_cells_are_not_part_of_a_value_and_swallow_no_rows() {
    for blank in [
        "\n",
        " \n ",
        "\r\n",
        "\u{a0}\n",
        " ",
        "\u{200b}",
        "_x000D_\n",
    ] {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        sheet
            .write_row(0, 0, ["id", "name", "note", "tags"])
            .unwrap();
        for row in 1..=4 {
            sheet.write_row(row, 0, ["1", "Ann"]).unwrap();
        }
        sheet.write(2, 2, blank).unwrap();
        sheet.write(2, 3, blank).unwrap();
        sheet.write(4, 3, "\"").unwrap();
        let read = read(&saved(&mut workbook));
        let rows: Vec<_> = cells(&read).iter().map(|row| row[..2].to_vec()).collect();
        assert_eq!(rows, vec![["1", "Ann"]; 4], "{blank:?}");
    }
}

fn several_sheets() -> Vec<u8> {
    let mut workbook = Workbook::new();
    workbook
        .add_worksheet()
        .set_name("Notes")
        .unwrap()
        .write(0, 0, "hello")
        .unwrap();
    let hidden = workbook.add_worksheet().set_name("Old").unwrap();
    hidden
        .write_row(0, 0, ["id", "name"])
        .unwrap()
        .write_row(1, 0, ["0", "Old"])
        .unwrap();
    hidden.set_hidden(true);
    for name in ["First", "Second"] {
        let sheet = workbook.add_worksheet().set_name(name).unwrap();
        sheet
            .write_row(0, 0, ["id", "name"])
            .unwrap()
            .write_row(1, 0, ["1", name])
            .unwrap();
    }
    saved(&mut workbook)
}

#[test]
fn the_first_visible_sheet_with_known_names_is_read() {
    let read = read(&several_sheets());
    assert_eq!(cells(&read), [["1", "First"]]);
    let said = "reading sheet `First` (choose another with --sheet: `Notes`, `Old`, `Second`; --sheet all reads every visible one)";
    assert_eq!(read.notes[0], said);
}

#[test]
fn a_sheet_is_chosen_by_name_or_number_and_all_are_several_tables() {
    let bytes = several_sheets();
    let choose = |sheet| read_with(&bytes, |options| options.sheet = sheet);
    assert_eq!(
        cells(&choose(SheetChoice::Name("second".into())).unwrap()),
        [["1", "Second"]]
    );
    assert_eq!(
        cells(&choose(SheetChoice::Number(2)).unwrap()),
        [["0", "Old"]]
    );
    let error = choose(SheetChoice::Number(7)).err().unwrap();
    assert!(error.to_string().contains("First, Second"), "{error}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let mut options = ReadOptions::new(&silent(), &known);
    options.sheet = SheetChoice::All;
    let tables = read_path(file.path(), &options).unwrap();
    let last: Vec<_> = tables
        .iter()
        .filter_map(|table| table.rows.last())
        .map(|row| row.1[1].as_str())
        .collect();
    assert_eq!(last, ["First", "Second"]);
    assert_eq!(
        tables[0].notes,
        [
            "hidden sheets, not read: `Old` (read one with --sheet NAME)",
            "sheets of text in one column, not read: `Notes`"
        ]
    );
    assert!(tables[1].notes.is_empty());
}

#[test]
fn a_sheet_of_numbers_without_a_known_name_is_not_taken_for_text() {
    for first in ["79161112234", "Numbers"] {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        sheet
            .write_row(0, 0, ["id", "name"])
            .unwrap()
            .write_row(1, 0, ["1", "Ann"])
            .unwrap();
        let numbers = [first, "79161112235", "+7 916 111-22-36"];
        workbook
            .add_worksheet()
            .write_column(0, 0, numbers)
            .unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&saved(&mut workbook)).unwrap();
        let mut options = ReadOptions::new(&silent(), &known);
        options.sheet = SheetChoice::All;
        let tables = read_path(file.path(), &options).unwrap();
        assert_eq!(tables.len(), 2, "{first}");
        assert_eq!(tables[1].columns, [first]);
    }
}

#[test]
fn a_sheet_that_is_asked_of_a_file_without_sheets_is_warned_about() {
    for (sheet, asked) in [
        (SheetChoice::Auto, None),
        (SheetChoice::All, None),
        (SheetChoice::Number(1), None),
        (SheetChoice::Number(2), Some("--sheet 2 ")),
        (SheetChoice::Name("Ours".into()), Some("--sheet `Ours` ")),
    ] {
        for bytes in [
            &b"id,name\n1,Ann\n"[..],
            b"{\"id\":\"1\",\"name\":\"Ann\"}\n",
        ] {
            let read = read_with(bytes, |options| options.sheet = sheet.clone()).unwrap();
            assert_eq!(cells(&read), [["1", "Ann"]]);
            let notes = &read.notes;
            assert_eq!(notes.len(), asked.iter().len(), "{notes:?}");
            assert!(
                asked.is_none_or(|asked| notes[0].starts_with(asked)),
                "{notes:?}"
            );
        }
    }
}

#[test]
fn a_delimiter_for_a_workbook_is_reported_as_ignored() {
    let with = |bytes: &[u8]| read_with(bytes, |options| options.delimiter = Some(b';')).unwrap();
    let notes = with(&several_sheets()).notes.concat();
    assert!(notes.contains("--delimiter is ignored"), "{notes}");
    assert!(with(b"id;name\n1;Ann\n").notes.is_empty());
}

#[test]
fn two_cells_at_the_far_ends_cost_nothing() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    sheet.write(1_048_575, 0, "1").unwrap();
    sheet.write(1_048_575, 16_383, "far").unwrap();
    let read = read(&saved(&mut workbook));
    assert_eq!(numbers(&read), [1_048_576]);
    assert_eq!(read.blank, 1_048_574);
}

#[test]
fn a_workbook_that_was_cut_is_called_so() {
    let bytes = several_sheets();
    for part in 1..8 {
        let error = fails(&bytes[..bytes.len() * part / 8]);
        assert!(error.is_incomplete(), "{error}");
    }
}

/// An old workbook (.xls) with these records in its stream, in a minimal container.
pub(super) fn xls(sheet: &[(u16, Vec<u8>)]) -> Vec<u8> {
    xls_with(&[], sheet)
}

/// An old workbook whose stream begins with the records of its globals.
pub(super) fn xls_with(globals: &[(u16, Vec<u8>)], sheet: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let record = |kind: u16, data: &[u8]| {
        let length = u16::try_from(data.len()).unwrap();
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), data].concat()
    };
    let bof = |kind: u8| record(0x0809, &[0, 6, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let end = record(0x0A, &[]);
    let globals: Vec<u8> = globals
        .iter()
        .flat_map(|(kind, data)| record(*kind, data))
        .collect();
    let start = u8::try_from(bof(5).len() + globals.len() + 4 + 8 + 3 + end.len()).unwrap();
    let named = [start, 0, 0, 0, 0, 0, 3, 0, b'O', b'n', b'e'];
    let mut stream = [bof(5), globals, record(0x85, &named), end.clone(), bof(16)].concat();
    for (kind, data) in sheet {
        stream.extend(record(*kind, data));
    }
    stream.extend(end);
    stream.resize(4096, 0);
    container("Workbook", &stream)
}

pub(super) fn container(name: &str, stream: &[u8]) -> Vec<u8> {
    let file = std::io::Cursor::new(Vec::new());
    let mut container = cfb::CompoundFile::create_with_version(cfb::Version::V3, file).unwrap();
    let mut entry = container.create_stream(name).unwrap();
    entry.write_all(stream).unwrap();
    entry.flush().unwrap();
    container.into_inner().into_inner()
}

pub(super) fn label(row: u16, column: u16, text: &str) -> (u16, Vec<u8>) {
    let mut data = [row, column, 0, u16::try_from(text.len()).unwrap()]
        .into_iter()
        .flat_map(u16::to_le_bytes)
        .collect::<Vec<_>>();
    data.push(0);
    data.extend(text.bytes());
    (0x0204, data)
}

pub(super) fn number(row: u16, column: u16, value: f64) -> (u16, Vec<u8>) {
    let mut data = [row, column, 0]
        .into_iter()
        .flat_map(u16::to_le_bytes)
        .collect::<Vec<_>>();
    data.extend(value.to_le_bytes());
    (0x0203, data)
}

#[test]
fn old_workbooks_are_read() {
    let rows = [
        label(0, 0, "id"),
        label(0, 1, "phone"),
        label(2, 0, "crm-1"),
        number(2, 1, 79_991_112_233.0),
    ];
    let read = read(&xls(&rows));
    assert_eq!(read.kind, Kind::Xls);
    assert_eq!(numbers(&read), [3]);
    assert_eq!(cells(&read), [["crm-1", "79991112233"]]);
}

#[test]
fn hidden_rows_of_old_workbooks_are_counted_if_they_have_cells() {
    let row = |row: u16, cells: u16, flags: u16| {
        let shorts = [row, 0, cells, 255, 0, 0, flags, 15];
        (
            0x0208,
            shorts.into_iter().flat_map(u16::to_le_bytes).collect(),
        )
    };
    let rows = [
        row(0, 2, 0x0100),
        row(1, 1, 0x0120),
        row(2, 1, 0x0100),
        row(3, 0, 0x0120),
        (0x0208, vec![4]),
        label(0, 0, "id"),
        label(0, 1, "phone"),
        number(1, 0, 1.0),
        number(2, 0, 2.0),
    ];
    let read = read(&xls(&rows));
    assert!(read.notes.concat().contains("also read: 1"));
    assert_eq!(cells(&read), [["1"], ["2"]]);
}

/// Old programs wrote no code page. Since Excel 97 the text is UTF-16, so another encoding changes
/// nothing.
#[test]
fn an_old_workbook_without_a_code_page_is_read_in_the_given_encoding() {
    let (western, ..) = encoding_rs::WINDOWS_1251.encode("Имя Телефон Анна");
    let words: Vec<&[u8]> = western.split(|&byte| byte == b' ').collect();
    let rows = |flag: &[u8]| -> Vec<_> {
        let label = |(at, word): (u16, &&[u8])| {
            let (kind, mut data) = label(at / 2, at % 2, "");
            data.truncate(6);
            data.extend(u16::try_from(word.len()).unwrap().to_le_bytes());
            data.extend([flag, word].concat());
            (kind, data)
        };
        (0..).zip(&words).map(label).collect()
    };
    assert_eq!(read(&xls(&rows(&[0]))).columns, ["Èìÿ", "Òåëåôîí"]);

    // Excel 5: without the flag before each text.
    let mut old = xls(&rows(&[]));
    let stream = 3 * 512;
    for at in [stream, stream + 20 + 15 + 4] {
        assert_eq!(&old[at..at + 2], &0x0809_u16.to_le_bytes());
        old[at + 5] = 5;
    }
    let named = stream + 20;
    old[named + 2] -= 1;
    old[named + 4] -= 1;
    old.remove(named + 4 + 7);
    assert_eq!(read(&old).columns, ["Èìÿ", "Òåëåôîí"]);
    let encoding = Some(encoding_rs::WINDOWS_1251);
    let read = read_with(&old, |options| options.encoding = encoding).unwrap();
    assert_eq!(read.columns, ["Имя", "Телефон"]);
}

#[test]
fn an_old_workbook_whose_cells_lie_far_apart_is_refused_before_it_is_held() {
    let far = [label(0, 0, "id"), label(65_535, 255, "far")];
    assert!(matches!(
        fails(&xls(&far)).kind,
        SourceErrorKind::TooLarge { .. }
    ));
    let promised = (
        0x0200,
        [&[0; 4][..], &[0xFF; 4], &[0, 0, 0, 1, 0, 0]].concat(),
    );
    assert!(matches!(
        fails(&xls(&[promised])).kind,
        SourceErrorKind::TooLarge { .. }
    ));
}

#[test]
fn a_password_is_named() {
    let encrypted = container("EncryptedPackage", &[1; 4096]);
    assert!(fails(&encrypted).to_string().contains("password"));
    let word = container("WordDocument", &[1; 4096]);
    assert!(fails(&word).to_string().contains("Word"));
}

#[test]
fn sectors_that_run_in_circles_are_refused() {
    let mut bytes = container("Workbook", &[0; 4096]);
    // The directory continues at its own start.
    bytes[512 + 4..512 + 8].copy_from_slice(&1_u32.to_le_bytes());
    assert!(matches!(
        fails(&bytes).kind,
        SourceErrorKind::Damaged { .. }
    ));
}

#[test]
fn a_sheet_that_is_full_may_have_been_cut() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    sheet.write(65_535, 0, "1").unwrap();
    let notes = read(&saved(&mut workbook)).summary.notes;
    assert!(notes[0].contains("65536"), "{notes:?}");
}
