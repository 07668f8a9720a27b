//! Workbooks that calamine can't read without repair.

use super::{
    cell_facts::{END, longs, real, row, wide, xlsb},
    workbooks::*,
    *,
};

/// The workbook with its parts changed.
fn repacked(bytes: Vec<u8>, change: impl Fn(&str, &[u8]) -> (String, Vec<u8>)) -> Vec<u8> {
    let mut parts = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut changed = Vec::new();
    for index in 0..parts.len() {
        let mut part = parts.by_index(index).unwrap();
        let name = part.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
        changed.push(change(&name, &bytes));
    }
    let parts = changed.iter().map(|(name, bytes)| (&**name, &**bytes));
    archive(&parts.collect::<Vec<(&str, &[u8])>>())
}

#[test]
fn a_binary_sheet_is_found_wherever_it_is() {
    let sheet = [row(1), real(0x0005, 0, 0, 1.0)];
    let link = (0x01EE, [longs(&[1, 1, 1, 1]), wide("h1")].concat());
    let sheet = [&sheet[..], &[real(0x0005, 1, 0, 2.0)], &END, &[link]].concat();
    for (folder, target, place) in [
        ("xl", "tables/one.bin", "xl/tables/one.bin"),
        ("xl", "../data/Sheet1.bin", "data/Sheet1.bin"),
        (
            "xl",
            "/xl/worksheets/sheet1.bin",
            "xl/worksheets/sheet1.bin",
        ),
        ("xl", "Worksheets\\Sheet1.bin", "xl/Worksheets/Sheet1.bin"),
        ("book", "sheet1.bin", "book/sheet1.bin"),
    ] {
        let (in_folder, file) = place.rsplit_once('/').unwrap();
        let links = format!("{in_folder}/_rels/{file}.rels");
        let bytes = repacked(xlsb(folder, &[], &sheet), |name, bytes| {
            let name = match name.strip_prefix(folder) {
                Some("/worksheets/sheet1.bin") => place,
                Some("/worksheets/_rels/sheet1.bin.rels") => &links,
                _ => name,
            };
            let text = String::from_utf8_lossy(bytes);
            let is_list = name.ends_with("_rels/workbook.bin.rels");
            let list = text.replace("worksheets/sheet1.bin", target);
            let bytes = if is_list {
                list.into_bytes()
            } else {
                bytes.to_vec()
            };
            (name.to_owned(), bytes)
        });
        assert_eq!(cells(&read(&bytes)), [["1", "2"]], "{target}");
    }
}

/// A cell with an error value, and a formula whose result is one.
fn errors(row: u16, code: u8) -> [(u16, Vec<u8>); 2] {
    let at = |column: u16| [row, column, 0].into_iter().flat_map(u16::to_le_bytes);
    let formula = [2, 0, code, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0];
    [
        (0x0205, at(0).chain([code, 1]).collect()),
        (0x0006, at(1).chain(formula).collect()),
    ]
}

fn old_book() -> Vec<u8> {
    let mut records = vec![label(0, 0, "id"), label(0, 1, "name")];
    records.extend(errors(1, 0x66));
    records.extend(errors(2, 0x2A));
    records.extend([number(3, 0, 3.0), label(3, 1, "Ann")]);
    xls(&records)
}

fn assert_read(bytes: &[u8]) {
    let read = read(bytes);
    let shown = [["#ERROR!", "#ERROR!"], ["#N/A", "#N/A"], ["3", "Ann"]];
    assert_eq!(cells(&read), shown);
    let is_error = |fault: &CellFaultKind| matches!(fault, CellFaultKind::Error(_));
    assert!(read.rows[0].2.len() == 2 && read.rows[0].2.iter().all(is_error));
}

#[test]
fn an_unknown_error_value_of_an_old_workbook_is_a_fault_of_its_cell() {
    assert_read(&old_book());
}

#[test]
fn an_old_workbook_in_a_mini_stream_has_faults_of_cells_too() {
    const LAST: u32 = 0xFFFF_FFFE;
    // The stream without its padding, in mini sectors in the reverse order.
    let whole = old_book();
    let stream = &whole[512 * 3..512 * 3 + 1024];
    let count = u32::try_from(stream.len() / 64).unwrap();
    let mut bytes = container("Workbook", &[]);
    bytes.truncate(512 * 3);
    let set = |bytes: &mut Vec<u8>, at: usize, value: u32| {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    };
    // The mini allocation table is in sector 2, and the mini stream in sectors 3 and 4.
    for (at, value) in [(60, 2), (64, 1)] {
        set(&mut bytes, at, value);
    }
    for (sector, next) in [(2, LAST), (3, 4), (4, LAST)] {
        set(&mut bytes, 512 + sector * 4, next);
    }
    let directory = 512 * 2;
    for (at, value) in [
        (116, 3),
        (120, count * 64),
        (244, count - 1),
        (248, count * 64),
    ] {
        set(&mut bytes, directory + at, value);
    }
    let chain = (0..count).map(|id| id.checked_sub(1).unwrap_or(LAST));
    bytes.extend(chain.flat_map(u32::to_le_bytes));
    bytes.resize(512 * 4, 0xFF);
    for mini_sector in stream.chunks(64).rev() {
        bytes.extend(mini_sector);
    }
    assert_read(&bytes);
}
