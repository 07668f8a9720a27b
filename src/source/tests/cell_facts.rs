//! Links, merged cells, formulas and number formats, in every format that has them.

use rust_xlsxwriter::{Format, Formula, Url, Workbook};

use super::{workbooks::*, *};

/// Reads a table, each column with its use.
fn read_as(bytes: &[u8], values: &[CellValue]) -> Read {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let options = ReadOptions::new(&silent(), &known);
    let mut table = open(file.path(), &options).unwrap().remove(0);
    table.take_values(values.to_vec());
    read_table(table).unwrap()
}

const CODE_AND_LINK: [CellValue; 2] = [CellValue::Id, CellValue::Link];

/// Records of a binary workbook, each with its kind and its content.
fn records(records: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, content) in records {
        if *kind < 0x80 {
            bytes.push(u8::try_from(*kind).unwrap());
        } else {
            bytes.push(u8::try_from(kind & 0x7F).unwrap() | 0x80);
            bytes.push(u8::try_from(kind >> 7).unwrap());
        }
        assert!(content.len() < 0x80);
        bytes.push(u8::try_from(content.len()).unwrap());
        bytes.extend(content);
    }
    bytes
}

fn longs(longs: &[u32]) -> Vec<u8> {
    longs.iter().flat_map(|long| long.to_le_bytes()).collect()
}

fn wide(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let length = u32::try_from(units.len()).unwrap();
    let units = units.into_iter().flat_map(u16::to_le_bytes);
    length.to_le_bytes().into_iter().chain(units).collect()
}

/// A binary workbook (.xlsb) whose first sheet has a header (`id`, `name`) and these records.
fn xlsb(more_sheets: &[(u16, Vec<u8>)], sheet: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let listed = [longs(&[0, 1]), wide("r1"), wide("One")].concat();
    let mut workbook = vec![(0x0099, vec![0; 12]), (0x009C, listed)];
    workbook.extend(more_sheets.iter().cloned());
    workbook.extend([(0x0090, vec![]), (0x009D, vec![]), (0x0084, vec![])]);
    let text = |column: u32, text: &str| (0x0006, [longs(&[column, 0]), wide(text)].concat());
    let mut rows = vec![
        (0x0081, vec![]),
        (0x0094, longs(&[0, 9, 0, 1])),
        (0x0091, vec![]),
        (0x0000, longs(&[0, 0, 0, 0])),
        text(0, "id"),
        text(1, "name"),
    ];
    rows.extend(sheet.iter().cloned());
    let formats = [
        (0x0267, longs(&[2])),
        (0x002C, [vec![200, 0], wide("0000")].concat()),
        (0x002C, [vec![50, 0], wide("0.0")].concat()),
        (0x0268, vec![]),
        (0x0269, longs(&[3])),
        (0x002F, vec![0; 16]),
        (0x002F, [vec![0, 0, 200, 0], vec![0; 12]].concat()),
        (0x002F, [vec![0, 0, 50, 0], vec![0; 12]].concat()),
        (0x026A, vec![]),
    ];
    let relation = |id: &str, kind: &str, target: &str| {
        format!(
            r#"<Relationship Id="{id}" Type="http://x/relationships/{kind}" Target="{target}"/>"#
        )
    };
    let list = |relations: String| format!("<Relationships>{relations}</Relationships>");
    let root = list(relation("r1", "officeDocument", "xl/workbook.bin"));
    let of_book = list(
        relation("r1", "worksheet", "worksheets/sheet1.bin")
            + &relation("r2", "xlMacrosheet", "macrosheets/sheet1.bin"),
    );
    let of_sheet = list(relation("h1", "hyperlink", "https://crm.example.com/c/1"));
    archive(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.bin", &self::records(&workbook)),
        ("xl/_rels/workbook.bin.rels", of_book.as_bytes()),
        ("xl/styles.bin", &self::records(&formats)),
        ("xl/worksheets/_rels/sheet1.bin.rels", of_sheet.as_bytes()),
        ("xl/worksheets/sheet1.bin", &self::records(&rows)),
    ])
}

fn row(number: u32) -> (u16, Vec<u8>) {
    (0x0000, longs(&[number, 0, 0, 0]))
}

fn real(kind: u16, column: u32, format: u32, number: f64) -> (u16, Vec<u8>) {
    (
        kind,
        [longs(&[column, format]), number.to_le_bytes().to_vec()].concat(),
    )
}

const END: [(u16, Vec<u8>); 1] = [(0x0092, Vec::new())];

#[test]
fn errors_of_a_binary_workbook_are_faults_of_their_cells() {
    let error =
        |kind: u16, column: u32, code: u8| (kind, [longs(&[column, 0]), vec![code, 0, 0]].concat());
    let sheet = [
        row(1),
        real(0x0005, 0, 0, 1.0),
        error(0x0003, 1, 0x2A),
        row(2),
        error(0x0003, 0, 0x66),
        real(0x0005, 1, 0, 2.0),
        row(4),
        error(0x000B, 1, 0x17),
    ];
    let read = read(&xlsb(&[], &[&sheet[..], &END].concat()));
    assert_eq!(numbers(&read), [2, 3, 5]);
    assert_eq!(
        cells(&read),
        [vec!["1", "#N/A"], vec!["#ERROR!", "2"], vec!["", "#REF!"]]
    );
    assert!(
        read.rows
            .iter()
            .all(|row| matches!(row.2[..], [CellFaultKind::Error(_)]))
    );
}

#[test]
fn errors_that_calamine_does_not_know_are_faults_of_their_cells() {
    let error = |at: &str, text: &str| format!(r#"<c r="{at}" t="e"><v>{text}</v></c>"#);
    let sheet = format!(
        r#"{HEAD}<row r="2">{}<c r="B2"><v>5</v></c></row><row r="4">{}</row></sheetData></worksheet>"#,
        error("A2", "#GETTING_DATA"),
        error("B4", "#FIELD!"),
    );
    let read = read(&workbook_of(sheet.as_bytes(), NO_TEXTS));
    assert_eq!(numbers(&read), [2, 4]);
    assert_eq!(cells(&read), [["#GETTING_DATA", "5"], ["", "#FIELD!"]]);
    // Without a reference, the position of later cells is unknown.
    let sheet = sheet.replace(" r=\"A2\"", "");
    assert!(matches!(
        fails(&workbook_of(sheet.as_bytes(), NO_TEXTS)).kind,
        SourceErrorKind::Damaged { .. }
    ));
}

#[test]
fn a_nul_never_gets_into_a_text() {
    let sheet = format!(
        r#"{HEAD}<row r="2"><c r="A2" t="inlineStr"><is><t>1_x0000_</t></is></c><c r="B2" t="inlineStr"><is><t>A_x0000_nn</t></is></c></row></sheetData></worksheet>"#
    );
    assert_eq!(
        cells(&read(&workbook_of(sheet.as_bytes(), NO_TEXTS))),
        [["1", "Ann"]]
    );
    let old = xls(&[
        label(0, 0, "id"),
        label(0, 1, "name"),
        label(1, 0, "1\0"),
        label(1, 1, "A\0nn"),
    ]);
    assert_eq!(cells(&read(&old)), [["1", "Ann"]]);
}

fn formulas_xlsx() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    sheet.write(1, 0, "1").unwrap();
    sheet.write(1, 1, Formula::new("=A1&A2")).unwrap();
    sheet.write(2, 0, "2").unwrap();
    sheet
        .write(2, 1, Formula::new("=A1").set_result("Ann"))
        .unwrap();
    saved(&mut workbook)
}

fn formulas_ods() -> Vec<u8> {
    ods(concat!(
        r#"<table:table-row><table:table-cell office:value-type="string"><text:p>1</text:p></table:table-cell>"#,
        r#"<table:table-cell table:formula="of:=[.A1]" office:value-type="float" office:value="0"><text:p>0</text:p></table:table-cell></table:table-row>"#,
        r#"<table:table-row><table:table-cell office:value-type="string"><text:p>2</text:p></table:table-cell>"#,
        r#"<table:table-cell table:formula="of:=[.A1]" office:value-type="string"><text:p>Ann</text:p></table:table-cell></table:table-row>"#,
    ))
}

fn formulas_xls(uncalculated: [u8; 8]) -> Vec<u8> {
    let formula = |row: u8, value: [u8; 8]| {
        let head = [row, 0, 1, 0, 0, 0];
        (
            0x0006,
            [&head[..], &value, &[3, 0, 0, 0, 0, 0, 0, 0]].concat(),
        )
    };
    xls(&[
        label(0, 0, "id"),
        label(0, 1, "name"),
        label(1, 0, "1"),
        formula(1, uncalculated),
        label(2, 0, "2"),
        formula(2, 7.0_f64.to_le_bytes()),
    ])
}

#[test]
fn formulas_that_were_not_calculated_are_counted_in_their_column() {
    let sheet = [
        row(1),
        real(0x0005, 0, 0, 1.0),
        real(0x0009, 1, 0, 0.0),
        row(2),
        real(0x0005, 0, 0, 2.0),
        real(0x0009, 1, 0, 7.0),
    ];
    let binary = xlsb(&[], &[&sheet[..], &END].concat());
    let old = formulas_xls([0; 8]);
    // An empty text, as libraries write it.
    let of_library = formulas_xls([3, 0, 0, 0, 0, 0, 0xFF, 0xFF]);
    for bytes in [formulas_xlsx(), formulas_ods(), old, of_library, binary] {
        let read = read_as(&bytes, &[CellValue::Id, CellValue::Text]);
        let notes = &read.summary.notes;
        assert!(
            notes.len() == 1 && notes[0].contains(": 1, in `name` ("),
            "{notes:?}"
        );
        assert_eq!(read.rows[0].2, [CellFaultKind::Uncalculated]);
        assert!(read.rows[1].2.is_empty());
        let read = read_as(&bytes, &[CellValue::Id, CellValue::Unused]);
        assert!(read.summary.notes.is_empty());
    }
}

#[test]
fn the_address_of_a_link_is_its_value_in_a_column_of_links() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    let link = Url::new("https://crm.example.com/c/1").set_text("Open");
    sheet.write(1, 0, 1).unwrap();
    sheet.write(1, 1, link).unwrap();
    let in_xml = saved(&mut workbook);
    let in_open_document = ods(
        r#"<table:table-row><table:table-cell office:value-type="float" office:value="1"/><table:table-cell office:value-type="string"><text:p><text:a xlink:href="https://crm.example.com/c/1">Open</text:a></text:p></table:table-cell></table:table-row>"#,
    );
    let sheet = [
        row(1),
        real(0x0005, 0, 0, 1.0),
        (0x0006, [longs(&[1, 0]), wide("Open")].concat()),
        END[0].clone(),
        (
            0x01EE,
            [
                longs(&[1, 1, 1, 1]),
                wide("h1"),
                wide(""),
                wide(""),
                wide(""),
            ]
            .concat(),
        ),
    ];
    let units =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let url = units("https://crm.example.com/c/1\0");
    let moniker = [
        0xE0, 0xC9, 0xEA, 0x79, 0xF9, 0xBA, 0xCE, 0x11, 0x8C, 0x82, 0, 0xAA, 0, 0x4B, 0xA9, 0x0B,
    ];
    let hyperlink = [
        &[1, 0, 1, 0, 1, 0, 1, 0][..],
        &[0; 16],
        &longs(&[2, 0x17]),
        &wide("Open\0"),
        &moniker,
        &longs(&[u32::try_from(url.len()).unwrap()]),
        &url,
    ];
    let old = xls(&[
        label(0, 0, "id"),
        label(0, 1, "name"),
        number(1, 0, 1.0),
        label(1, 1, "Open"),
        (0x01B8, hyperlink.concat()),
    ]);
    for bytes in [in_xml, in_open_document, xlsb(&[], &sheet), old] {
        let read = read_as(&bytes, &CODE_AND_LINK);
        assert_eq!(cells(&read), [["1", "https://crm.example.com/c/1"]]);
        let read = read_as(&bytes, &[CellValue::Id, CellValue::Text]);
        assert_eq!(cells(&read), [["1", "Open"]]);
    }
}

#[test]
fn the_address_in_a_formula_is_its_value_in_a_column_of_links() {
    let xml = |value: &str| {
        let call = r#"HYPERLINK("https://crm.example.com/c?a=1&amp;b=2",B9)"#;
        let sheet = format!(
            r#"{HEAD}<row r="2"><c r="A2"><v>1</v></c><c r="B2"><f>{call}</f>{value}</c></row></sheetData></worksheet>"#
        );
        workbook_of(sheet.as_bytes(), NO_TEXTS)
    };
    let in_open_document = ods(
        r#"<table:table-row><table:table-cell office:value-type="float" office:value="1"/><table:table-cell table:formula="of:=HYPERLINK(&quot;https://crm.example.com/c?a=1&amp;b=2&quot;;[.B9])"/></table:table-row>"#,
    );
    for bytes in [xml("<v>0</v>"), xml("<v/>"), in_open_document] {
        let read = read_as(&bytes, &CODE_AND_LINK);
        assert_eq!(cells(&read), [["1", "https://crm.example.com/c?a=1&b=2"]]);
        assert!(read.summary.notes.is_empty(), "{:?}", read.summary.notes);
        let read = read_as(&bytes, &[CellValue::Id, CellValue::Text]);
        assert_eq!(read.rows[0].2, [CellFaultKind::Uncalculated]);
    }
}

#[test]
fn the_value_of_merged_cells_is_in_all_rows_that_they_cover() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    sheet
        .merge_range(1, 1, 3, 1, "Ann", &Format::new())
        .unwrap();
    sheet.write(1, 0, 1).unwrap();
    sheet.write(2, 0, 2).unwrap();
    sheet.write(4, 0, 4).unwrap();
    let in_xml = saved(&mut workbook);
    let cell = |number: u32| {
        format!(r#"<table:table-cell office:value-type="float" office:value="{number}"/>"#)
    };
    let covered = "<table:covered-table-cell/>";
    let merged = r#"<table:table-cell table:number-rows-spanned="3" office:value-type="string"><text:p>Ann</text:p></table:table-cell>"#;
    let in_open_document = ods(&format!(
        "<table:table-row>{}{merged}</table:table-row><table:table-row>{}{covered}</table:table-row>
        <table:table-row><table:table-cell/>{covered}</table:table-row><table:table-row>{}</table:table-row>",
        cell(1), cell(2), cell(4)
    ));
    let sheet = [
        row(1),
        real(0x0005, 0, 0, 1.0),
        (0x0006, [longs(&[1, 0]), wide("Ann")].concat()),
        row(2),
        real(0x0005, 0, 0, 2.0),
        row(4),
        real(0x0005, 0, 0, 4.0),
        END[0].clone(),
        (0x00B0, longs(&[1, 3, 1, 1])),
    ];
    let old = xls(&[
        label(0, 0, "id"),
        label(0, 1, "name"),
        number(1, 0, 1.0),
        label(1, 1, "Ann"),
        number(2, 0, 2.0),
        number(4, 0, 4.0),
        (0x00E5, vec![1, 0, 1, 0, 3, 0, 1, 0, 1, 0]),
    ]);
    for bytes in [in_xml, in_open_document, xlsb(&[], &sheet), old] {
        let read = read(&bytes);
        assert_eq!(numbers(&read), [2, 3, 5]);
        assert_eq!(
            cells(&read),
            [vec!["1", "Ann"], vec!["2", "Ann"], vec!["4"]]
        );
    }
}

#[test]
fn names_merged_over_two_rows_are_one_header() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let plain = Format::new();
    sheet.merge_range(0, 0, 1, 0, "id", &plain).unwrap();
    sheet.merge_range(0, 1, 1, 1, "name", &plain).unwrap();
    sheet.merge_range(0, 2, 0, 3, "contact", &plain).unwrap();
    sheet.write_row(1, 2, ["phone", "whatsapp"]).unwrap();
    sheet.write_row(2, 0, ["1", "Ann", "7", "8"]).unwrap();
    let read = read(&saved(&mut workbook));
    assert_eq!(cells(&read), [["1", "Ann", "7", "8"]]);
    assert_eq!(read.columns, ["id", "name", "phone", "whatsapp"]);
    assert_eq!(read.header_row, 2);
}

#[test]
fn numbers_in_a_column_of_ids_are_read_as_they_are_shown() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    let zeros = Format::new().set_num_format("0000");
    for column in 0..2 {
        sheet.write_with_format(1, column, 7, &zeros).unwrap();
    }
    let in_xml = saved(&mut workbook);
    let cell = r#"<table:table-cell office:value-type="float" office:value="7"><text:p>0007</text:p></table:table-cell>"#;
    let in_open_document = ods(&format!("<table:table-row>{cell}{cell}</table:table-row>"));
    let sheet = [row(1), real(0x0005, 0, 1, 7.0), real(0x0005, 1, 1, 7.0)];
    let in_records = xlsb(&[], &[&sheet[..], &END].concat());
    for bytes in [
        in_xml,
        in_open_document,
        in_records,
        old_numbers(200, "0000", 7.0),
    ] {
        let read = read_as(&bytes, &[CellValue::Id, CellValue::Text]);
        assert_eq!(cells(&read), [["0007", "7"]]);
        let note = "numbers are read as their number format shows them in `id` (`0007` for 7)";
        assert_eq!(read.summary.notes, [note]);
        let read = read_as(&bytes, &[CellValue::Code, CellValue::Text]);
        assert_eq!(cells(&read), [["7", "7"]]);
    }
}

/// An old workbook with a number twice, in a custom format.
fn old_numbers(id: u8, code: &str, value: f64) -> Vec<u8> {
    let format = [
        &[id, 0, u8::try_from(code.len()).unwrap(), 0, 0][..],
        code.as_bytes(),
    ]
    .concat();
    let globals = [(0x041E, format), (0xE0, vec![0, 0, id, 0])];
    xls_with(
        &globals,
        &[
            label(0, 0, "id"),
            label(0, 1, "name"),
            number(1, 0, value),
            number(1, 1, value),
        ],
    )
}

#[test]
fn a_custom_format_is_what_its_code_says() {
    for (code, shown) in [("0.0", "45292"), ("yyyy-mm-dd", "2024-01-01")] {
        assert_eq!(
            cells(&read(&old_numbers(50, code, 45_292.0))),
            [[shown, shown]]
        );
    }
    let sheet = [row(1), real(0x0005, 0, 2, 45_292.0)];
    let read = read(&xlsb(&[], &[&sheet[..], &END].concat()));
    assert_eq!(cells(&read), [["45292"]]);
}

#[test]
fn parts_in_other_places_are_found_and_sheets_without_cells_are_passed_over() {
    let sheet = [row(1), real(0x0005, 0, 0, 1.0)];
    let sheet = [&sheet[..], &END].concat();
    let listed = |id: &str, name: &str| (0x009C, [longs(&[0, 2]), wide(id), wide(name)].concat());
    let more = [listed("r2", "Macros"), listed("", "Lost")];
    assert_eq!(cells(&read(&xlsb(&more, &sheet))), [["1"]]);
    let with_backslashes = xlsb(&[], &sheet);
    let mut parts = zip::ZipArchive::new(std::io::Cursor::new(with_backslashes)).unwrap();
    let mut renamed = Vec::new();
    for index in 0..parts.len() {
        let mut part = parts.by_index(index).unwrap();
        let name = part.name().unwrap().replace('/', "\\");
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
        renamed.push((name, bytes));
    }
    let renamed: Vec<(&str, &[u8])> = renamed
        .iter()
        .map(|(name, bytes)| (&**name, &**bytes))
        .collect();
    assert_eq!(cells(&read(&archive(&renamed))), [["1"]]);
}

#[test]
fn a_workbook_outside_its_usual_folder_is_found() {
    let relation = |kind: &str, id: &str, target: &str| {
        format!(
            r#"<Relationships><Relationship Id="{id}" Type="http://x/{kind}" Target="{target}"/></Relationships>"#
        )
    };
    let root = relation("relationships/officeDocument", "r1", "/book/main.xml");
    let of_book = relation("worksheet", "r1", "tables/one.xml");
    let book = r#"<workbook xmlns:r="x"><sheets><sheet name="Macros" r:id="r7"/><sheet name="One" r:id="r1"/><sheet name="Lost" r:id=""/></sheets></workbook>"#;
    let sheet = format!(
        r#"{HEAD}<row r="2"><c r="A2"><v>1</v></c><c r="B2"><f>x</f><v>0</v></c></row></sheetData></worksheet>"#
    );
    let read = read(&archive(&[
        ("_rels/.rels", root.as_bytes()),
        ("book/main.xml", book.as_bytes()),
        ("book/_rels/main.xml.rels", of_book.as_bytes()),
        ("book/tables/one.xml", sheet.as_bytes()),
    ]));
    assert_eq!(cells(&read), [["1", "0"]]);
    assert_eq!(read.rows[0].2, [CellFaultKind::Uncalculated]);
}

#[test]
fn a_broken_picture_costs_nothing() {
    let picture = [b"picture".repeat(9)].concat();
    let sheet = format!(r#"{HEAD}<row r="2"><c r="A2"><v>1</v></c></row></sheetData></worksheet>"#);
    for name in ["docProps/thumbnail.jpeg", "xl/media/image1.png"] {
        let whole = workbook_of(sheet.as_bytes(), NO_TEXTS);
        let mut writer = zip::ZipWriter::new_append(std::io::Cursor::new(whole)).unwrap();
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name, stored).unwrap();
        writer.write_all(&picture).unwrap();
        let mut bytes = writer.finish().unwrap().into_inner();
        let at = memchr::memmem::find(&bytes, b"picture").unwrap();
        bytes[at] = b'P';
        assert_eq!(cells(&read(&bytes)), [["1"]], "{name}");
    }
}

#[test]
fn an_old_workbook_without_padding_is_read() {
    let whole = xls(&[label(0, 0, "id"), label(0, 1, "name"), number(1, 0, 1.0)]);
    assert_eq!(
        cells(&read(&whole)),
        cells(&read(&whole[..whole.len() - 100]))
    );
}

#[test]
fn damaged_facts_never_panic() {
    let sheet = [
        row(1),
        real(0x0009, 1, 1, 0.0),
        END[0].clone(),
        (0x00B0, longs(&[1, 3, 1, 1])),
        (0x01EE, [longs(&[1, 1, 1, 1]), wide("h1")].concat()),
    ];
    hostile::damage(&xlsb(&[], &sheet));
    hostile::damage(&formulas_xls([0; 8]));
    hostile::damage(&formulas_ods());
    hostile::damage(&old_numbers(50, "0000", 1.0));
}
