//! Files that are neither CSV nor Excel, and files without a table.

use super::*;

#[test]
fn opendocument_cells_have_their_declared_values() {
    let read = read(&ods(
        r#"<table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="3"/></table:table-row>
        <table:table-row><table:table-cell office:value-type="float" office:value="79991112233"><text:p>7.99911E+10</text:p></table:table-cell><table:table-cell office:value-type="string"><office:annotation><text:p>a note</text:p></office:annotation><draw:frame><draw:text-box><text:p>a <text:span>shape</text:span></text:p></draw:text-box></draw:frame><draw:custom-shape/><text:p>Ann &amp; <text:span>Bob</text:span><text:s text:c="2"/>!</text:p><text:p><text:ruby><text:ruby-base>two</text:ruby-base><text:ruby-text>2</text:ruby-text></text:ruby></text:p></table:table-cell></table:table-row>
        <table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="float" office:value="120363025246125486"/><table:table-cell office:value-type="date" office:date-value="2026-03-12"><text:p>12.03.26</text:p></table:table-cell></table:table-row>
        <table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>"#,
    ));
    assert_eq!(read.table.split("sheet ").last(), Some("`Contacts`"));
    assert_eq!(numbers(&read), [4, 5, 6]);
    assert_eq!(cells(&read)[0], ["79991112233", "Ann & Bob  !\ntwo"]);
    assert_eq!(cells(&read)[1][1], "2026-03-12");
    assert_eq!(read.rows[1].2, [CellFaultKind::DigitsLost]);
}

#[test]
fn a_date_is_a_number_in_the_columns_that_want_one() {
    let date = r#"<table:table-cell office:value-type="date" office:date-value="2023-03-15"><text:p>15.03.23</text:p></table:table-cell>"#;
    let bytes = ods(&format!("<table:table-row>{date}{date}</table:table-row>"));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let mut tables = open(file.path(), &ReadOptions::new(&silent(), &known)).unwrap();
    tables[0].take_values(vec![CellValue::Code, CellValue::Text]);
    let read = read_table(tables.remove(0)).unwrap();
    assert_eq!(cells(&read), [["45000", "2023-03-15"]]);
}

#[test]
fn many_sheets_of_a_document_are_read_in_one_pass() {
    const SHEETS: usize = 1_500;
    let row = |cells: [&str; 2]| {
        let cells = cells.map(|text| {
            format!(r#"<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>"#)
        });
        format!("<table:table-row>{}</table:table-row>", cells.concat())
    };
    let header = row(["id", "name"]);
    // The names are not unique.
    let sheet = |number: usize| {
        let row = row(["1", &number.to_string()]);
        format!(r#"</table:table><table:table table:name="Old">{header}{row}"#)
    };
    let bytes = ods(&(0..SHEETS).map(sheet).collect::<String>());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let mut options = ReadOptions::new(&silent(), &known);
    options.sheet = SheetChoice::All;
    let start = std::time::Instant::now();
    let read = read_path(file.path(), &options).unwrap();
    let values = read.iter().filter_map(|read| read.rows.last());
    let values: Vec<_> = values.map(|row| row.1[1].clone()).collect();
    let expected: Vec<_> = (0..SHEETS).map(|number| number.to_string()).collect();
    assert_eq!(values, expected);
    assert!(start.elapsed() < std::time::Duration::from_secs(20));
    let error = read_with(&bytes, |options| options.sheet = SheetChoice::Number(3_000));
    let error = error.err().unwrap().to_string();
    assert!(error.ends_with("Old and 1,492 more"), "{error}");
}

#[test]
fn cells_that_are_repeated_without_end_are_refused() {
    let text = "x".repeat(2000);
    let wide = format!(
        r#"<table:table-row><table:table-cell table:number-columns-repeated="16000" office:value-type="string"><text:p>{text}</text:p></table:table-cell></table:table-row>"#
    );
    assert!(matches!(
        fails(&ods(&wide)).kind,
        SourceErrorKind::RowTooLong { .. }
    ));
    let rows = |count: u32, columns: u32| {
        format!(
            r#"<table:table-row table:number-rows-repeated="{count}"><table:table-cell table:number-columns-repeated="{columns}" office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>"#
        )
    };
    for bomb in [
        rows(u32::MAX, 1),
        rows(1 << 20, 1 << 10),
        rows(1 << 16, 1 << 14),
    ] {
        let start = std::time::Instant::now();
        let error = fails(&ods(&bomb));
        assert!(
            matches!(error.kind, SourceErrorKind::TooLarge { .. }),
            "{error}"
        );
        assert!(
            start.elapsed() < std::time::Duration::from_secs(5),
            "{error}"
        );
    }
    let wide = rows(1, 1 << 14).repeat(1 << 6);
    let error = read_with(&ods(&wide), |options| options.limits.held_cells = 1 << 19);
    let error = error.err().unwrap().to_string();
    assert!(
        error.ends_with("row 34: the sheet has more than 524,288 repeated cells"),
        "{error}"
    );
    assert_eq!(numbers(&read(&ods(&rows(1 << 10, 2)))).len(), 1 << 10);
}

#[test]
fn json_lines_become_rows() {
    let read = read(
        br#"{"id":"1","name":"Ann \"A\"","uri":null,"contact_data":[{"chat_type":"vk","chat_id":"5"}]}

{"name":"Bob","id":2,"tags":["a"]}
"#,
    );
    assert_eq!(read.columns, ["id", "name", "uri", "contact_data", "tags"]);
    assert_eq!(numbers(&read), [1, 3]);
    assert_eq!(
        cells(&read)[0][1..],
        ["Ann \"A\"", "", r#"[{"chat_type":"vk","chat_id":"5"}]"#]
    );
    assert_eq!(cells(&read)[1], ["2", "Bob", "", "", "a"]);
}

#[test]
fn a_line_that_is_not_an_object_is_a_fault_and_the_others_are_read() {
    let read = read(b"{\"id\":\"1\"}\n\n{\"id\":\n[1]\n{\"id\":2,\"x\":NaN}\n{\"id\":3}");
    assert_eq!(numbers(&read), [1, 3, 4, 5, 6]);
    let why = |row: usize| match &read.rows[row].2[..] {
        [CellFaultKind::NotJson(why)] => why.as_str(),
        faults => panic!("{faults:?}"),
    };
    assert_eq!(cells(&read)[1], ["{\"id\":"]);
    assert!(
        why(1).starts_with("EOF while parsing a value"),
        "{}",
        why(1)
    );
    assert!(why(2).contains("expected an object"), "{}", why(2));
    assert_eq!(why(3), "`NaN` at character 13 is not valid JSON");
    assert_eq!(cells(&read)[4], ["3"]);
}

#[test]
fn keys_of_late_lines_are_columns_too() {
    let lines = "{\"id\":1}\n".repeat(1_500) + "{\"id\":2,\"name\":\"Ann\"}\n";
    let read = read(lines.as_bytes());
    assert_eq!(read.columns, ["id", "name"]);
    assert_eq!(cells(&read)[1_500], ["2", "Ann"]);
}

#[test]
fn values_of_json_lines_are_unwrapped_or_faults() {
    let cell = |json: &str| {
        let read = read(format!("{{\"id\":{json},\"name\":\"x\"}}\n").as_bytes());
        (read.rows[0].1[0].clone(), read.rows[0].2.clone())
    };
    for (json, text) in [
        (r#"{"$oid":"5f9b"}"#, "5f9b"),
        (r#"{"$numberLong":"42"}"#, "42"),
        (r#"{"$date":{"$numberLong":"17"}}"#, "17"),
        (r#""Anna \ud83d""#, "Anna \u{FFFD}"),
        (r#""\ud83d\ude00""#, "\u{1F600}"),
        (r#"["{"]"#, "{"),
        (r#"[42, null, ""]"#, "42"),
        ("[]", ""),
        (r#""{}""#, "{}"),
        ("null", ""),
    ] {
        assert_eq!(cell(json), (text.to_owned(), Vec::new()), "{json}");
    }
    for json in [
        r#"{"first":"Anna"}"#,
        "{}",
        r#"{"$oid":{"x":1}}"#,
        r#"{"$oid":"1","b":2}"#,
        r#"["a","b"]"#,
        r#"[{"first":"Anna"}]"#,
        r#"["a",["b"]]"#,
    ] {
        assert_eq!(
            cell(json),
            (json.to_owned(), vec![CellFaultKind::Nested]),
            "{json}"
        );
    }
}

#[test]
fn arrays_are_values_only_of_columns_that_take_several() {
    let lines = r#"{"id":1,"vk":["id5",7],"contact_data":[{"chat_type":"vk"}]}
        {"id":2,"vk":[{"id":5}],"contact_data":{"chat_type":"vk"}}
        {"id":3,"vk":["id5","id6"],"vk":"id7"}"#;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    let mut tables = open(file.path(), &ReadOptions::new(&silent(), &known)).unwrap();
    tables[0].take_values(vec![CellValue::Id, CellValue::Code, CellValue::Json]);
    let read = read_table(tables.remove(0)).unwrap();
    assert_eq!(cells(&read)[0], ["1", "id5\n7", r#"[{"chat_type":"vk"}]"#]);
    assert_eq!(read.rows[0].2, []);
    assert_eq!(
        read.rows[1].2,
        [CellFaultKind::Nested, CellFaultKind::Nested]
    );
    // Of a repeated key, the last value counts.
    assert_eq!(cells(&read)[2][..2], ["3", "id7"]);
}

#[test]
fn a_file_that_is_changed_while_it_is_read_is_refused_in_every_format() {
    let csv = "id,name\n".to_owned() + &"1,Ann\n".repeat(100);
    let json = "{\"id\":\"1\",\"name\":\"Ann\"}\n".repeat(100);
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    sheet.write_row(1, 0, ["1", "Ann"]).unwrap();
    let book = book.save_to_buffer().unwrap();
    for bytes in [csv.as_bytes(), json.as_bytes(), &book] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let options = ReadOptions::new(&silent(), &known);
        let tables = || open(file.path(), &options).unwrap();

        // The same bytes again, at another time.
        let [table] = <[_; 1]>::try_from(tables()).ok().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file.as_file().set_modified(std::time::UNIX_EPOCH).unwrap();
        read_table(table).unwrap();

        let [table] = <[_; 1]>::try_from(tables()).ok().unwrap();
        file.as_file().set_len(bytes.len() as u64 + 1).unwrap();
        let Err(error) = read_table(table) else {
            panic!("the change went unnoticed");
        };
        assert!(error.is_incomplete(), "{error}");
    }
}

#[test]
fn json_that_is_cut_off_or_spans_lines_is_refused() {
    let error = fails(b"{\"id\":1}\n{\"id\":2,\"na");
    assert!(
        matches!(error.kind, SourceErrorKind::CutOff { .. }),
        "{error}"
    );
    assert_eq!(error.row, Some(2));
    for pretty in ["{\n \"id\": 1\n}\n", "{\"id\": 1,\n \"name\": 2\n}"] {
        let error = fails(pretty.as_bytes());
        assert!(error.to_string().contains("span several lines"), "{error}");
        assert!(error.hint().unwrap().contains("jq -c ."));
    }
}

#[test]
fn a_compressed_workbook_is_unpacked_first() {
    let packed = zstd::encode_all(&ods("")[..], 1).unwrap();
    let read = read(&packed);
    assert_eq!(read.kind, Kind::Ods);
    assert_eq!(
        read.summary.blake3,
        blake3::hash(&packed).to_hex().to_string()
    );
}

#[test]
fn files_without_a_table_are_named_by_their_kind() {
    let cases: [(&[u8], &str); 19] = [
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n", "picture"),
        (b"BEGIN:VCARD\r\nVERSION:3.0", "vCard"),
        (b"SQLite format 3\0", "SQLite"),
        (b"[{\"id\":1}]", "JSON array"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n", "MHTML"),
        (b"From: <Saved by Blink>\nDate: Sat\nContent-Type: multipart/related;\n\ttype=\"text/html\"\n", "MHTML"),
        (b"<!DOCTYPE html><html><body>Log in</body>", "web page without a table"),
        (b"<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">", "Excel 2003"),
        (b"<?xml version=\"1.0\"?><office:document office:mimetype=\"application/vnd.oasis.opendocument.spreadsheet\">", ".fods"),
        (b"<?xml version=\"1.0\"?><gnm:Workbook xmlns:gnm=\"http://www.gnumeric.org/v10.dtd\">", "Gnumeric"),
        (b"ID;PWXL;N;E\r\nP;PGeneral\r\nC;Y1;X1;K\"id\"\r\nE\r\n", "SYLK"),
        (b"TABLE\r\n0,1\r\n\"EXCEL\"\r\nVECTORS\r\n0,2\r\n\"\"\r\n", "data interchange"),
        (b"\x09\0\x04\0\x02\0\x10\0", "Excel 2"),
        (b"\x09\x02\x06\0\0\0\x10\0\0\0", "Excel 3"),
        (b"\x09\x04\x06\0\0\0\x10\0\0\0", "Excel 4"),
        (b"\xFF\xFE\0\0i\0\0\0", "UTF-32"),
        (b"7z\xBC\xAF\x27\x1C", "7z"),
        (b"MZ\x90\x03\x01\x02\x04\x05id,name\x01\x02\x03", "binary"),
    ];
    for (bytes, what) in cases {
        let error = fails(bytes);
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    assert!(
        fails(&archive(&[("word/document.xml", b"x")]))
            .to_string()
            .contains("Word")
    );
    assert!(
        fails(&archive(&[("contacts.csv", b"id")]))
            .to_string()
            .contains("zip archive")
    );
    let open_document = |declared: &str, manifest: &str| {
        archive(&[
            ("mimetype", declared.as_bytes()),
            ("content.xml", b"<x/>"),
            ("META-INF/manifest.xml", manifest.as_bytes()),
        ])
    };
    let sheet = "application/vnd.oasis.opendocument.spreadsheet";
    let encrypted = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>";
    for (bytes, what) in [
        (open_document(sheet, encrypted), "protected with a password"),
        (
            open_document("application/vnd.oasis.opendocument.text", ""),
            "a text document",
        ),
    ] {
        let error = fails(&bytes);
        assert!(error.to_string().contains(what), "{error}");
    }
    // A table may begin like an exchange format.
    for table in ["ID;Phone\nC;79990000001\n", "TABLE,name\n1,Ann\n"] {
        assert_eq!(read(table.as_bytes()).kind, Kind::Text);
    }
    for empty in [&b""[..], b"\n \r\n", b"\xEF\xBB\xBF"] {
        assert!(matches!(fails(empty).kind, SourceErrorKind::Empty));
    }
    let error = fails(&[0; 5_000]);
    assert!(error.to_string().contains("a file of NULs only"), "{error}");
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let options = ReadOptions::new(&silent(), &known);
    let error = open(Path::new("/no/such/file.csv"), &options)
        .err()
        .unwrap();
    assert!(error.to_string().contains("/no/such/file.csv"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path(), &options).err().unwrap();
    assert!(matches!(error.kind, SourceErrorKind::Folder), "{error}");
}
