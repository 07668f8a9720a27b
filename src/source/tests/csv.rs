//! CSV: rows, blocks, quotes, compression.

use super::*;

#[test]
fn rows_are_numbered_as_a_spreadsheet_shows_them() {
    let read = read("\u{FEFF}id,name\r\n\r\n1,\"Ann\r\nLee\"\r\n,,\r\n2,Bob".as_bytes());
    assert_eq!(read.columns, ["id", "name"]);
    assert_eq!(numbers(&read), [3, 5]);
    assert_eq!(cells(&read), [["1", "Ann\r\nLee"], ["2", "Bob"]]);
    assert_eq!(read.blank, 2);
    assert!(read.form.byte_order_mark);
    assert_eq!((read.form.line_end, read.form.delimiter), ("\r\n", b','));
    assert_eq!(read.summary.bytes, 37);
}

#[test]
fn blocks_of_any_size_give_the_same_rows() {
    let mut text = String::from("title\n\nid;name;phone;\n");
    for id in 0..500 {
        let _ = writeln!(text, "{id};\"N \"\"{id}\"\";\n\";7999{id:07};");
        if id % 7 == 0 {
            text += "\n";
        }
    }
    let whole = read(text.as_bytes());
    assert_eq!((whole.header_row, whole.columns.len()), (3, 3));
    assert_eq!(whole.rows.len(), 500);
    assert!(whole.ragged.is_empty());
    for block_bytes in [1, 17, 300, 5000] {
        let cut = read_with(text.as_bytes(), |options| {
            options.limits.block_bytes = block_bytes;
        })
        .unwrap();
        assert_eq!(cut.rows, whole.rows);
        assert_eq!(cut.summary, whole.summary);
    }
}

#[test]
fn a_block_of_short_rows_has_a_limited_number() {
    let rows = "1\n\"2\n\",\n".repeat(50_000);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(format!("id,name\n{rows}").as_bytes())
        .unwrap();
    let options = &ReadOptions::new(&silent(), &known);
    let mut table = open(file.path(), options).unwrap().remove(0);
    let (mut blocks, mut read) = (0, 0);
    while let Some(block) = table.next_block().unwrap() {
        blocks += 1;
        let _ = block.rows(table.delimiter, table.widths(), |_| read += 1);
    }
    // Each pair of rows has three lines.
    assert_eq!((read, blocks), (100_000, 19));
}

#[test]
fn the_hash_is_that_of_the_file() {
    let text = b"id,name\n1,Ann\n";
    let hash = blake3::hash(text).to_hex().to_string();
    assert_eq!(read(text).summary.blake3, hash);
}

#[test]
fn a_separator_line_is_not_a_row() {
    let read = read(b"\xEF\xBB\xBFsep=|\nid|name\n1|Ann, Lee; Bob\n");
    assert_eq!(read.header_row, 1);
    assert!(read.form.separator_line);
    assert_eq!(numbers(&read), [2]);
    assert_eq!(cells(&read), [["1", "Ann, Lee; Bob"]]);
}

#[test]
fn an_unclosed_quote_is_named_with_its_row() {
    let mut text = String::from("id,name\n");
    for id in 0..3000 {
        let _ = writeln!(text, "{id},\"two\nlines\"\n");
    }
    text += "x,\"never closed\n1,a\n2,b\n";
    let error = read_with(text.as_bytes(), |options| options.limits.block_bytes = 1000)
        .err()
        .unwrap();
    assert!(
        matches!(error.kind, SourceErrorKind::UnclosedQuote { .. }),
        "{error}"
    );
    assert_eq!(error.row, Some(6002));
    assert!(fails(b"id,name\n\"1,Ann\n2,Bob\n").row == Some(2));
}

/// Rows of data that a stray quote could merge into one cell.
fn hundred_rows() -> String {
    (0..100).fold(String::new(), |mut rows, id| {
        let _ = writeln!(rows, "{id};Ann;u;7999");
        rows
    })
}

#[test]
fn a_quote_that_is_not_closed_in_titles_or_names_swallows_nothing() {
    let rows = hundred_rows();
    for (text, row) in [
        (format!("id;\"name;phone;x\n{rows}"), 1),
        (
            format!("id;name;phone;\"note\n{rows}7;Kay;u;\"x\"\n{rows}"),
            1,
        ),
        (format!("id;name;phone;\"note\n{rows}7;Kay;u;\"\n{rows}"), 1),
        (
            format!("id;\"name;phone;note\n{rows}7;Kay;u;x\"\n{rows}"),
            1,
        ),
        (format!("\"Contacts;;;\nid;name;phone;note\n{rows}"), 1),
        (
            format!("all\n\n\"of May;;;\nid;name;phone;note\n{rows}7;Kay;\"u\";7\n"),
            3,
        ),
        (format!("sep=;\n\nid;name;phone;\"note\n{rows}"), 2),
    ] {
        let error = fails(text.as_bytes());
        assert!(
            matches!(error.kind, SourceErrorKind::UnclosedQuote { .. }),
            "{error}: {text:.60}"
        );
        assert_eq!(error.row, Some(row), "{text:.60}");
    }
    let text = format!("\"Contacts;;;\nid;name;phone;note\n{rows}");
    let error = read_with(text.as_bytes(), |options| options.header_row = Some(2)).err();
    assert!(
        matches!(error.unwrap().kind, SourceErrorKind::UnclosedQuote { .. }),
        "a header row that does not exist must not hide the unclosed quote"
    );
}

#[test]
fn titles_and_names_may_have_quotes_and_lines() {
    let rows = hundred_rows();
    for head in [
        "\"Contacts, \"\"our\"\" own,\nof May, June, and July\"\nid;name;phone;note\n",
        "\"Contacts\n\n- Ann;\n- Bob;\n- Kay;\";;;\nid;name;phone;note\n",
        "id;\"name\n(first; last)\";\"phone\r\n\";\"note\"\n",
        "\"OOO \"Firm\", of May\nid;name;phone;note\n",
    ] {
        let read = read(format!("{head}{rows}").as_bytes());
        assert_eq!((read.columns.len(), read.rows.len()), (4, 100), "{head}");
    }
}

#[test]
fn a_record_that_never_ends_does_not_fill_the_memory() {
    let text = [b"id,name\n1,".as_slice(), &vec![b'x'; 1 << 20]].concat();
    let error = read_with(&text, |options| options.limits.record_bytes = 1 << 16).err();
    assert!(matches!(
        error.unwrap().kind,
        SourceErrorKind::RowTooLong { .. }
    ));
}

#[test]
fn short_rows_pass_and_a_surplus_is_ragged() {
    let read = read(b"id;name;phone;\n1;Ann\n2;Bob;7;;\n3;Kay;7;x\n");
    assert_eq!(read.columns.len(), 3);
    assert_eq!(read.ragged, [3, 4]);
}

#[test]
fn compressed_files_are_read_as_they_are() {
    let text = "id,name\n1,Анна\n".repeat(3).into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).unwrap();
    let packed = [
        gzip.finish().unwrap(),
        zstd::encode_all(&text[..], 1).unwrap(),
    ];
    for packed in packed {
        let read = read(&packed);
        assert_eq!(read.rows.len(), 5);
        assert_eq!(read.summary.bytes, packed.len() as u64);
        assert_eq!(
            read.summary.blake3,
            blake3::hash(&packed).to_hex().to_string()
        );
        let cut = read_with(&packed[..packed.len() - 6], |_| {})
            .err()
            .unwrap();
        assert!(cut.is_incomplete(), "{cut}");
        let small = read_with(&packed, |options| options.limits.inflated_bytes = 20)
            .err()
            .unwrap();
        assert!(
            matches!(small.kind, SourceErrorKind::TooLarge { .. }),
            "{small}"
        );
    }
}

#[test]
fn a_file_that_ends_in_the_middle_of_a_row_is_refused() {
    for (text, row) in [
        ("id,name,uri\n1,Ann,x\n2,Bo", 3),
        ("id,name,uri\r\n1,Ann,x\r\n2", 3),
        ("id,name\n1", 2),
        ("title\nid;name;uri\n1;Ann;\n2;B", 4),
    ] {
        let error = fails(text.as_bytes());
        assert!(error.is_incomplete(), "{text:?}: {error}");
        assert_eq!(error.row, Some(row), "{text:?}");
        assert!(error.hint().unwrap().contains("line break"), "{text:?}");
        read(format!("{text}\n").as_bytes());
    }
    for text in [
        "id,name,uri\n1,Ann,x\n2,Bob,",
        "id,name,uri\n1,Ann\n2,Bob",
        "id,name,uri\n1,Ann,x\n\u{1A}",
        "id,name,uri\n1,Ann,x\n  ",
        "id\n1",
    ] {
        read(text.as_bytes());
    }
    let long = format!("id,name,uri\n{}9,Bo", "1,Ann,x\n".repeat(300_000));
    assert_eq!(fails(long.as_bytes()).row, Some(300_002));
}

#[test]
fn bytes_after_the_end_of_gzip_data_are_ignored_with_a_warning() {
    let pack = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let two = [pack("id,name\n1,Ann\n"), pack("2,Bob\n")].concat();
    assert_eq!(cells(&read(&two)), [["1", "Ann"], ["2", "Bob"]]);
    for ignored in [&b"\0\0\0\0"[..], b"garbage"] {
        let read = read(&[&two, ignored].concat());
        assert_eq!(cells(&read).len(), 2);
        assert_eq!(read.summary.may_lack_rows, ignored == b"garbage");
        assert_eq!(read.summary.bytes, (two.len() + ignored.len()) as u64);
        assert!(
            read.summary.notes[0].starts_with("ignored bytes after the end"),
            "{:?}",
            read.summary.notes
        );
    }
    let json = [pack("{\"id\":1}\n"), b"\0".to_vec()].concat();
    assert_eq!(read(&json).summary.notes.len(), 1);
}
