//! Malicious and broken files.

use super::*;

#[test]
fn a_small_archive_that_unpacks_to_much_is_refused() {
    let zeros = vec![b' '; 3 << 20];
    for name in [
        "xl/sharedStrings.xml",
        "xl/worksheets/sheet1.xml",
        "xl/media/picture.bin",
    ] {
        let bytes = archive(&[("xl/workbook.xml", b"<workbook/>"), (name, &zeros)]);
        assert!(bytes.len() < 8000);
        let error = read_with(&bytes, |options| options.limits.workbook_bytes = 1 << 20);
        assert!(
            matches!(error.err().unwrap().kind, SourceErrorKind::TooLarge { .. }),
            "{name}"
        );
    }
}

#[test]
fn shared_texts_that_are_listed_as_a_sheet_have_the_limit_of_what_is_held() {
    let relations = r#"<Relationships><Relationship Id="r1" Type="x/worksheet" Target="sharedStrings.xml"/></Relationships>"#;
    let workbook = r#"<workbook xmlns:r="x"><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>"#;
    let texts = format!("<sst>{}</sst>", "<si><t>x</t></si>".repeat(1 << 16));
    let bytes = archive(&[
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/sharedStrings.xml", texts.as_bytes()),
    ]);
    let error = read_with(&bytes, |options| options.limits.held_bytes = 1 << 20);
    let error = error.err().unwrap().to_string();
    assert!(error.contains("its part xl/sharedstrings.xml"), "{error}");
}

#[test]
fn a_promise_of_many_texts_takes_no_room() {
    for promise in ["18446744073709551615", "99999999999", "20000000"] {
        let shared = format!(r#"<sst uniqueCount="{promise}"><si><t>x</t></si></sst>"#);
        let bytes = workbook_of(
            format!("{HEAD}</sheetData></worksheet>").as_bytes(),
            shared.as_bytes(),
        );
        assert!(matches!(
            fails(&bytes).kind,
            SourceErrorKind::TooLarge { .. }
        ));
    }
}

#[test]
fn entities_that_multiply_are_not_expanded() {
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>"#;
    let sheet = format!(
        r#"{bomb}{HEAD}<row r="2"><c r="A2" t="inlineStr"><is><t>1</t></is></c><c r="B2" t="inlineStr"><is><t>&c;</t></is></c></row></sheetData></worksheet>"#
    );
    match read_with(&workbook_of(sheet.as_bytes(), NO_TEXTS), |_| {}) {
        Ok(read) => assert!(read.rows.iter().all(|row| row.1.concat().len() < 20)),
        Err(error) => assert!(
            matches!(error.kind, SourceErrorKind::Damaged { .. }),
            "{error}"
        ),
    }
}

#[test]
fn a_cell_without_an_end_is_refused() {
    let endless = "<t>x</t>".repeat(400_000);
    let sheet = format!(r#"{HEAD}<row r="2"><c r="A2" t="inlineStr"><is>{endless}"#);
    let error = read_with(&workbook_of(sheet.as_bytes(), NO_TEXTS), |options| {
        options.limits.record_bytes = 1 << 20;
    });
    assert!(matches!(
        error.err().unwrap().kind,
        SourceErrorKind::TooLarge { .. }
    ));
}

#[test]
fn rows_that_come_out_of_order_are_refused_rather_than_misnumbered() {
    let row = |number: u32| {
        format!(
            r#"<row r="{number}"><c r="A{number}" t="inlineStr"><is><t>{number}</t></is></c></row>"#
        )
    };
    let sheet = format!("{HEAD}{}{}</sheetData></worksheet>", row(9), row(5));
    let error = fails(&workbook_of(sheet.as_bytes(), NO_TEXTS));
    assert!(
        error.to_string().contains("row 5 comes after row 9"),
        "{error}"
    );
    let late = format!(
        r#"<worksheet><sheetData><row r="5"><c r="A5" t="inlineStr"><is><t>id</t></is></c><c r="B5" t="inlineStr"><is><t>name</t></is></c></row>{}</sheetData></worksheet>"#,
        row(2)
    );
    let error = fails(&workbook_of(late.as_bytes(), NO_TEXTS));
    assert!(
        error.to_string().contains("row 2 comes after row 5"),
        "{error}"
    );
}

#[test]
fn a_row_that_occurs_twice_and_cells_out_of_order_are_refused() {
    let cell = |at: &str| format!(r#"<c r="{at}" t="inlineStr"><is><t>x</t></is></c>"#);
    for rows in [
        format!(r#"<row r="2">{0}</row><row r="2">{0}</row>"#, cell("A2")),
        format!(r#"<row r="2">{}{}</row>"#, cell("B2"), cell("A2")),
    ] {
        let sheet = format!("{HEAD}{rows}</sheetData></worksheet>");
        let error = fails(&workbook_of(sheet.as_bytes(), NO_TEXTS));
        let message = "row 2 occurs twice, or its cells are out of order";
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_row_that_comes_late_at_the_start_of_a_block_is_refused_too() {
    let row = |number: u32| format!(r#"<row r="{number}"><c r="A{number}"><v>1</v></c></row>"#);
    let sheet = format!("{HEAD}{}{}</sheetData></worksheet>", row(9), row(5));
    let bytes = workbook_of(sheet.as_bytes(), NO_TEXTS);
    let error = read_with(&bytes, |options| options.limits.block_bytes = 1);
    let error = error.err().unwrap();
    assert!(
        error.to_string().contains("row 5 comes after row 9"),
        "{error}"
    );
}

#[test]
fn hidden_rows_and_formulas_without_a_result_are_counted() {
    let sheet = format!(
        r#"{HEAD}<row r="2" hidden="1"><c r="A2"><v>1</v></c><c r="B2"><f>1+1</f></c></row><row r="3"><c r="A3"><v>2</v></c><c r="B3"><f>1+1</f><v /></c></row></sheetData></worksheet>"#
    );
    let read = read(&workbook_of(sheet.as_bytes(), NO_TEXTS));
    assert_eq!(read.notes, ["hidden rows, also read: 1"]);
    let notes = &read.summary.notes;
    assert!(
        notes.len() == 1 && notes[0].contains("place: 2, in `name` ("),
        "{notes:?}"
    );
    assert_eq!(cells(&read), [["1"], ["2"]]);
}

#[test]
fn hidden_rows_of_opendocument_are_counted_if_they_have_content() {
    let row = |attributes: &str, cell: &str| {
        format!("<table:table-row {attributes}>{cell}</table:table-row>")
    };
    let cell = r#"<table:table-cell office:value-type="float" office:value="1"/>"#;
    let filtered = r#"table:visibility="filter" table:number-rows-repeated="2""#;
    let empty = r#"table:visibility="collapse" table:number-rows-repeated="1000000""#;
    let rows = [
        row(r#"table:visibility="collapse""#, &[cell, cell].concat()),
        row(filtered, cell),
        row(r#"table:visibility="visible""#, cell),
        row(empty, "<table:table-cell/>"),
    ];
    let read = read(&ods(&rows.concat()));
    assert!(read.notes.concat().contains("also read: 3"));
}

#[test]
fn a_packed_file_without_its_end_is_not_sent_to_a_spreadsheet_program() {
    let text = "id,name\n1,Ann\n".repeat(1000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for packed in [gzip.finish().unwrap(), zstd] {
        let error = fails(&packed[..packed.len() - 9]);
        assert!(error.is_incomplete(), "{error}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("download it again"), "{hint}");
        assert!(!hint.contains("spreadsheet"), "{hint}");
    }
}

#[test]
fn a_reader_that_panics_is_an_error_about_the_file() {
    let error = cell::contain::<()>(|| panic!("boom")).err().unwrap();
    assert!(matches!(error, SourceErrorKind::Damaged { .. }));
    assert!(error.to_string().contains("gave up"), "{error}");
}

/// Reads a file and ignores the result. A panic in one of our own readers is a bug, though it is caught and becomes an
/// error; panics are caught because of calamine.
fn read_without_panic(bytes: &[u8]) {
    let Err(error) = read_with(bytes, |_| {}) else {
        return;
    };
    let is_ours = match kind::of_head(bytes) {
        Ok(Some(kind)) => kind != Kind::Xls,
        Ok(None) => {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            matches!(kind::of_archive(file.reopen().unwrap()), Ok(Kind::Ods))
        }
        Err(_) => true,
    };
    let gave_up = error.to_string().contains("gave up");
    assert!(!(is_ours && gave_up), "{error}");
}

/// Damages every part of a good file and reads it.
pub(super) fn damage(good: &[u8]) {
    for at in (0..good.len()).step_by(good.len() / 150 + 1) {
        for value in [0, 0xFF, good[at] ^ 0x10] {
            let mut bytes = good.to_vec();
            bytes[at] = value;
            read_without_panic(&bytes);
        }
        read_without_panic(&good[..at]);
    }
}

#[test]
fn damaged_workbooks_never_panic() {
    let sheet = format!(r#"{HEAD}<row r="2"><c r="A2"><v>1</v></c></row></sheetData></worksheet>"#);
    damage(&workbook_of(sheet.as_bytes(), NO_TEXTS));
    damage(&ods(
        r#"<table:table-row><table:table-cell office:value-type="float" office:value="1"/></table:table-row>"#,
    ));
}

proptest::proptest! {
    #[test]
    fn no_bytes_cause_a_panic(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        head in proptest::sample::select(vec![
            &b""[..], b"id,name\n", b"PK\x03\x04", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"\x1F\x8B\x08",
            b"\x28\xB5\x2F\xFD", b"<table><tr><td>", b"{\"id\":", b"\xFF\xFE", b"\xFE\xFF", b"sep=",
        ]),
    ) {
        read_without_panic(&[head, &bytes].concat());
    }

    #[test]
    fn no_table_like_text_panics(
        text in "(id|name|[,;\t|\"]|\r\n|\r|\n|<td>|</td>|<tr>|<table|>|&#x|[{}:]|\\PC){0,60}",
        head in proptest::sample::select(vec!["", "id;name\n", "<table>", "{", "\u{FEFF}"]),
    ) {
        read_without_panic(format!("{head}{text}").as_bytes());
    }
}

#[test]
fn more_columns_than_a_spreadsheet_program_allows_are_refused_in_every_format() {
    let cells =
        |count: usize, cell: &dyn Fn(usize) -> String| -> String { (0..count).map(cell).collect() };
    let csv = |count| format!("id,name{}\n1,Ann\n", cells(count, &|n| format!(",c{n}")));
    let json = |count| {
        format!(
            "{{\"id\":1,\"name\":\"Ann\"{}}}\n",
            cells(count, &|n| format!(",\"c{n}\":1"))
        )
    };
    let html = |count| {
        let header = cells(count, &|n| format!("<td>c{n}"));
        format!("<table><tr><td>id<td>name{header}<tr><td>1<td>Ann</table>")
    };
    let xlsx = |count| {
        let cell = |n| format!(r#"<c t="inlineStr"><is><t>c{n}</t></is></c>"#);
        let header = cells(count + 2, &cell);
        workbook_of(
            format!("{HEAD}<row r=\"2\">{header}</row></sheetData></worksheet>").as_bytes(),
            NO_TEXTS,
        )
    };
    let open_document = |count| {
        let cell =
            r#"<table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell>"#;
        let repeated = cell.replace(
            "-cell office",
            &format!("-cell table:number-columns-repeated=\"{count}\" office"),
        );
        ods(&format!(
            "<table:table-row>{cell}{cell}{repeated}</table:table-row>"
        ))
    };
    let most = COLUMNS_MAX - 2;
    for make in [
        &|count| csv(count).into_bytes() as Vec<u8>,
        &|count| json(count).into_bytes(),
        &|count| html(count).into_bytes(),
        &xlsx,
        &open_document,
    ] as [&dyn Fn(usize) -> Vec<u8>; 5]
    {
        assert!(!read(&make(most)).rows.is_empty());
        let error = fails(&make(most + 1));
        assert!(
            matches!(error.kind, SourceErrorKind::TooManyColumns { .. }),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("remove the columns"));
    }
}
