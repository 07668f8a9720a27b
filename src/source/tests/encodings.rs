//! Text in every encoding.

use encoding_rs::{
    IBM866, KOI8_R, MACINTOSH, UTF_8, UTF_16LE, WINDOWS_1251, WINDOWS_1252, X_MAC_CYRILLIC,
};

use proptest::prelude::*;

use super::{super::text::encoding, *};

proptest! {
    /// Bytes of any kind between cells: the detection gives one of its encodings, and a text without misfits is the
    /// same bytes again.
    #[test]
    fn any_bytes_are_read_in_an_encoding_that_writes_them_again(
        cells in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 0..40),
        high in any::<bool>(),
    ) {
        let mut bytes = cells.join(&b",1;\n"[..]);
        if high {
            bytes.iter_mut().filter(|byte| byte.is_ascii_alphabetic()).for_each(|byte| *byte |= 0x80);
        }
        let Ok(found) = encoding::detect(&bytes, &|_| 0) else {
            return Ok(());
        };
        if let Some(rival) = &found.rival {
            prop_assert!(!rival.words.is_empty());
            prop_assert!(rival.words.iter().all(|(one, other)| one != other));
        }
        if found.because == EncodingReason::Detected {
            let (text, has_misfits) = found.encoding.decode_without_bom_handling(&bytes);
            let (again, _, is_lossy) = found.encoding.encode(&text);
            prop_assert!(has_misfits || (!is_lossy && *again == *bytes));
        }
    }
}

const RUSSIAN: &str = "id;Имя;Телефон\n1;Анна Щукина;79991112233\n2;Пётр ЁЛКИН;79991112234\n";
const SPANISH: &str = "id;Nombre;Teléfono\n1;José Muñoz;5491112233\n2;Iñés ÁVILA;5491112234\n";

#[test]
fn code_pages_are_distinguished() {
    for (text, encodings) in [
        (
            RUSSIAN,
            [WINDOWS_1251, KOI8_R, IBM866, X_MAC_CYRILLIC].as_slice(),
        ),
        (SPANISH, [WINDOWS_1252, MACINTOSH].as_slice()),
    ] {
        for &encoding in encodings {
            let (bytes, _, misfits) = encoding.encode(text);
            assert!(!misfits);
            let read = read(&bytes);
            assert_eq!(read.form.encoding, encoding);
            assert_eq!(
                read.rows[0].1[1],
                text.lines().nth(1).unwrap().split(';').nth(1).unwrap()
            );
        }
    }
}

/// "CSV (MS-DOS)" of Excel in Western Europe and Latin America.
#[test]
fn text_of_ms_dos_is_named() {
    for text in [
        &b"id;nombre;celular\n1;Mu\xA4oz Jos\x82;573001112233\n2;Pe\xA4a \xB5ngel;573001112234\n3;Mar\xA1a Garc\xA1a;573001112235\n"[..],
        b"id;nome;celular\n1;Jo\xC6o Concei\x87\xC6o;5511987654321\n2;Ant\x93nio Gon\x87alves;5511987654322\n",
    ] {
        let error = read_with(text, |_| {}).err().unwrap().to_string();
        assert!(error.contains("MS-DOS code page"), "{error}");
        let given = read_with(text, |options| options.encoding = Some(WINDOWS_1252));
        assert_eq!(given.unwrap().form.encoding, WINDOWS_1252);
    }
}

#[test]
fn names_alone_distinguish_code_pages() {
    for (text, encoding) in [
        (
            "a;b\n1;Сергей Иванович Кузнецов\n2;МАРИЯ ПЕТРОВА\n",
            WINDOWS_1251,
        ),
        ("a;b\n1;Сергей Иванович Кузнецов\n2;МАРИЯ ПЕТРОВА\n", KOI8_R),
        ("a;b\n1;Сергей Иванович Кузнецов\n2;МАРИЯ ПЕТРОВА\n", IBM866),
        ("a;b\n1;María Núñez\n2;João Conceição\n", WINDOWS_1252),
    ] {
        let (bytes, ..) = encoding.encode(text);
        assert_eq!(read(&bytes).form.encoding, encoding, "{text}");
    }
}

#[test]
fn the_sample_shows_the_first_text_that_is_not_ascii() {
    let text = format!(
        "id;name\n{}2;Иван Кузнецов;3\n",
        "1;Ann;9161234567\n".repeat(30_000)
    );
    let (bytes, ..) = WINDOWS_1251.encode(&text);
    let sample = |bytes: &[u8]| read(bytes).encoding.unwrap().sample;
    assert_eq!(sample(&bytes), "2;Иван Кузнецов;3");
    let marked = format!("\u{FEFF}{text}");
    assert_eq!(sample(marked.as_bytes()), "2;Иван Кузнецов;3");
    let given = read_with(&bytes, |options| options.encoding = Some(WINDOWS_1251));
    let given = given.unwrap();
    assert_eq!(given.encoding.unwrap().sample, "2;Иван Кузнецов;3");
}

#[test]
fn utf16_is_read_with_and_without_a_bom() {
    let little = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    let big = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect::<Vec<_>>()
    };
    for bytes in [
        little(RUSSIAN),
        big(RUSSIAN),
        little(&format!("\u{FEFF}{RUSSIAN}")),
        big(&format!("\u{FEFF}{RUSSIAN}")),
    ] {
        assert_eq!(cells(&read(&bytes)), cells(&read(RUSSIAN.as_bytes())));
    }
}

#[test]
fn utf8_with_a_few_bad_bytes_stays_utf8_and_only_those_rows_have_faults() {
    let mut bytes = RUSSIAN.as_bytes().to_vec();
    bytes.extend(b"3;A\xFFnn;7\n4;Bob;7\n");
    let read = read(&bytes);
    assert_eq!(read.form.encoding, UTF_8);
    let faults: Vec<_> = read.rows.iter().map(|row| row.2.as_slice()).collect();
    assert_eq!(faults[2], [CellFaultKind::Undecodable]);
    assert_eq!(faults.iter().filter(|faults| !faults.is_empty()).count(), 1);
}

#[test]
fn a_byte_without_a_meaning_in_its_code_page_is_a_fault() {
    let (mut bytes, ..) = WINDOWS_1251.encode(RUSSIAN);
    bytes.to_mut().extend(b"3;A\x98nn;7\n");
    let read = read_with(&bytes, |options| options.encoding = Some(WINDOWS_1251)).unwrap();
    assert_eq!(read.rows[2].2, [CellFaultKind::Undecodable]);
    assert!(read.rows[1].2.is_empty());
}

#[test]
fn the_usual_encoding_is_not_used_for_text_that_it_does_not_fit() {
    let (bytes, ..) = WINDOWS_1251.encode(RUSSIAN);
    for (bytes, usual, wanted) in [
        (&*bytes, UTF_8, WINDOWS_1251),
        (RUSSIAN.as_bytes(), WINDOWS_1251, UTF_8),
        (RUSSIAN.as_bytes(), UTF_16LE, UTF_8),
        (&*bytes, KOI8_R, KOI8_R),
    ] {
        let read = read_with(bytes, |options| options.usual.encoding = Some(usual)).unwrap();
        assert_eq!(read.form.encoding, wanted);
    }
}

#[test]
fn half_a_character_of_utf16_is_a_fault_of_its_cell() {
    let mut units: Vec<u16> = "\u{FEFF}id,name\n1,A\n2,".encode_utf16().collect();
    units.extend([0xD800, u16::from(b'\n')]);
    units.extend("3,Ж\n".encode_utf16());
    let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    let read = read(&bytes);
    assert_eq!(read.rows[1].2, [CellFaultKind::Undecodable]);
    assert_eq!(cells(&read)[2], ["3", "Ж"]);
}

#[test]
fn nuls_are_dropped_and_counted() {
    let read = read(b"id,name\n1,A\0nn\0\n\0\"2\",Bob\n");
    assert_eq!(cells(&read), [["1", "Ann"], ["2", "Bob"]]);
    let said = "NUL characters removed: 3, in 2 lines (first: row 2)";
    assert_eq!(read.summary.notes, [said]);
}

#[test]
fn the_row_of_the_first_nul_is_named_wherever_blocks_end() {
    // Too few for UTF-16.
    let more = "x".repeat(200);
    for (rows, said) in [
        ("\n1,A\n2,B~\n~3,~C~\n4,D\n", "4, in 2 lines (first: row 3)"),
        ("\n\n1,\"A\n~A\"\n~2,B\n", "2, in 2 lines (first: row 3)"),
        ("\n1,A\n~~~~", "4, in 1 line (first: row 3)"),
        ("~\n1,A\n2,B~\n", "2, in 2 lines"),
    ] {
        let text = format!("id,name,{more}{rows}").replace('~', "\0");
        for block_bytes in [1, 8, 1 << 20] {
            let read = read_with(text.as_bytes(), |options| {
                options.limits.block_bytes = block_bytes;
            });
            let notes = read.unwrap().summary.notes;
            assert!(
                notes[0].ends_with(said),
                "{notes:?}, blocks of {block_bytes}"
            );
        }
    }
}

#[test]
fn text_that_is_not_ascii_may_begin_far_down() {
    let mut text = "id;name\n".to_owned() + &"1;Ann\n".repeat(300_000);
    text += "2;Анна\n";
    let (bytes, ..) = WINDOWS_1251.encode(&text);
    let read = read(&bytes);
    assert_eq!(read.form.encoding, WINDOWS_1251);
    assert_eq!(read.rows.last().unwrap().1, ["2", "Анна"]);
}

#[test]
fn nuls_in_the_place_of_rows_are_not_the_same_as_single_ones() {
    let nuls = |count: usize| "\0".repeat(count);
    for (text, is_refused, may_lack_rows) in [
        (
            format!("id,name\n1,Ann{}\n2,Bob{},\n", nuls(90), nuls(90)),
            false,
            false,
        ),
        (format!("id,name\n1,Ann\n{}", nuls(20)), false, false),
        (format!("id,name\n1,Ann\n{}", nuls(225)), false, true),
        (
            format!("id,name\n1,Ann\n{}\n3,Cid\n", nuls(90)),
            false,
            true,
        ),
        (format!("id,name\n1,A{}b\n", nuls(90)), true, false),
        (
            format!("id,name\n1,Ann{},Bob\n3,Cid\n", nuls(4_096)),
            true,
            false,
        ),
        (
            format!("id,name\n1,Ann\n{}id\n3,Cid\n", nuls(4_096)),
            true,
            false,
        ),
    ] {
        for block_bytes in [3, 1 << 20] {
            let read = read_with(text.as_bytes(), |options| {
                options.limits.block_bytes = block_bytes;
            });
            match read {
                Ok(read) => {
                    assert!(!is_refused, "{text:?}");
                    assert_eq!(read.summary.may_lack_rows, may_lack_rows, "{text:?}");
                }
                Err(error) => {
                    assert!(is_refused && error.is_incomplete(), "{text:?}: {error}");
                }
            }
        }
    }
}

#[test]
fn nuls_in_the_place_of_rows_are_noticed_in_json_lines_and_web_pages() {
    let nuls = "\0".repeat(90);
    let many = "\0".repeat(4_096);
    let line = |id: u32| format!("{{\"id\":{id},\"name\":\"Ann\"}}\n");
    let (first, third) = (line(1), line(3));
    let tag = |id: u32| format!("<tr><td>{id}</td><td>Ann</td></tr>");
    let page = |rows: String| format!("<table><tr><th>id</th><th>name</th></tr>{rows}</table>");
    let (begin, end) = (tag(1), tag(3));
    for (text, lacks_rows) in [
        (format!("{first}{third}{}", "\0".repeat(20)), Some(false)),
        (
            format!("{{\"id\":1,\"name\":\"Ann{nuls}\"}}\n"),
            Some(false),
        ),
        (format!("{first}{nuls}\n{third}"), Some(true)),
        (format!("{first}{third}{nuls}"), Some(true)),
        (format!("{first}{nuls}{third}"), None),
        (
            format!("{first}{{\"id\":2,\"name\":\"A{nuls}nn\"}}\n"),
            None,
        ),
        (
            page(format!("<tr><td>1</td><td>Ann{nuls}</td></tr>")),
            Some(false),
        ),
        (
            page(format!("<tr><td>1</td><td>{nuls}</td></tr>")),
            Some(false),
        ),
        (page(format!("{begin}\n {nuls}{end}")), Some(true)),
        (page(format!("{begin}{many}\n{end}")), Some(true)),
        (
            page(format!("<tr><td>1</td>{nuls}<td>Cid</td></tr>")),
            Some(true),
        ),
        (page(begin.clone() + &end) + &nuls, Some(true)),
        (page(format!("<tr><td>1</td><td>A{nuls}nn</td></tr>")), None),
        (page(format!("<tr><td>1</td><td>Ann{many}</td></tr>")), None),
    ] {
        match (read_with(text.as_bytes(), |_| {}), lacks_rows) {
            (Ok(read), Some(lacks_rows)) => {
                assert_eq!(read.summary.may_lack_rows, lacks_rows, "{text:?}");
                let note = &read.summary.notes[0];
                assert!(note.starts_with("NUL characters removed: "), "{note}");
                let names_row = note.contains(" (first: row ");
                assert_eq!(names_row, read.kind == Kind::JsonLines, "{note}");
            }
            (Err(error), None) => assert!(error.is_incomplete(), "{text:?}: {error}"),
            (read, _) => panic!("{text:?}: {:?}", read.map(|read| read.rows)),
        }
    }
    let fault = fails(format!("{first}{third}{{\"id\":4{nuls}5}}\n").as_bytes());
    assert!(fault.to_string().contains("row 3"), "{fault}");
}
