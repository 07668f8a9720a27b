//! A writer of minimal binary workbooks (.xlsb), because no library writes them.

use std::io::{Cursor, Write as _};

use zip::{ZipWriter, write::SimpleFileOptions};

/// The content of a cell.
pub(crate) enum Cell {
    Text(&'static str),
    Number(f64),
    /// A date's number.
    Date(f64),
    /// A formula whose result is `#N/A`.
    MissingByFormula,
    /// `#N/A` itself.
    Missing,
}

/// A workbook with one sheet: rows of cells with their columns.
pub(crate) fn workbook(rows: &[Vec<(u32, Cell)>]) -> Vec<u8> {
    let parts = [
        (
            "[Content_Types].xml",
            br#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>"#.to_vec(),
        ),
        (
            "xl/_rels/workbook.bin.rels",
            br#"<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.bin"/></Relationships>"#.to_vec(),
        ),
        ("xl/workbook.bin", contents()),
        ("xl/styles.bin", styles()),
        ("xl/sharedStrings.bin", texts(rows)),
        ("xl/worksheets/sheet1.bin", sheet(rows)),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A number in digits of seven bits, the lowest first.
fn digits(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = u8::try_from(number & 0x7F).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(digit);
            return bytes;
        }
        bytes.push(digit | 0x80);
    }
}

fn record(kind: u16, fields: &[&[u8]]) -> Vec<u8> {
    let body = fields.concat();
    [digits(kind.into()), digits(body.len()), body].concat()
}

fn wide(text: &str) -> Vec<u8> {
    let units: Vec<_> = text.encode_utf16().collect();
    let length = u32::try_from(units.len()).unwrap().to_le_bytes().to_vec();
    let units = units.into_iter().flat_map(u16::to_le_bytes);
    length.into_iter().chain(units).collect()
}

fn contents() -> Vec<u8> {
    let visible = 0_u32.to_le_bytes();
    let id = 1_u32.to_le_bytes();
    [
        record(0x99, &[&[0; 12]]),
        record(0x9C, &[&visible, &id, &wide("rId1"), &wide("Клиенты")]),
        record(0x90, &[]),
        record(0x9D, &[&[0; 26]]),
        record(0x84, &[]),
    ]
    .concat()
}

/// Two formats: a number's and a date's.
fn styles() -> Vec<u8> {
    let format = |code: u16| record(0x2F, &[&[0, 0], &code.to_le_bytes(), &[0; 12]]);
    let count = 2_u32.to_le_bytes();
    [record(0x269, &[&count]), format(0), format(14)].concat()
}

fn texts(rows: &[Vec<(u32, Cell)>]) -> Vec<u8> {
    let cells = rows.iter().flatten();
    let texts = cells.filter_map(|(_, cell)| match cell {
        Cell::Text(text) => Some(record(0x13, &[&[0], &wide(text)])),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    let count = u32::try_from(texts.len()).unwrap().to_le_bytes();
    [record(0x9F, &[&count, &count]), texts.concat()].concat()
}

fn sheet(rows: &[Vec<(u32, Cell)>]) -> Vec<u8> {
    let mut bytes = [
        record(0x81, &[]),
        record(0x94, &[&[0; 16]]),
        record(0x91, &[]),
    ]
    .concat();
    let mut text = 0_u32;
    for (row, cells) in (0_u32..).zip(rows) {
        bytes.extend(record(0x00, &[&row.to_le_bytes(), &[0; 13]]));
        for (column, cell) in cells {
            let at = |format: u32| [column.to_le_bytes(), format.to_le_bytes()].concat();
            bytes.extend(match cell {
                Cell::Text(_) => {
                    text += 1;
                    record(0x07, &[&at(0), &(text - 1).to_le_bytes()])
                }
                Cell::Number(number) => record(0x05, &[&at(0), &number.to_le_bytes()]),
                Cell::Date(number) => record(0x05, &[&at(1), &number.to_le_bytes()]),
                Cell::Missing => record(0x03, &[&at(0), &[0x2A]]),
                Cell::MissingByFormula => record(0x0B, &[&at(0), &[0x2A], &[0; 10]]),
            });
        }
    }
    bytes.extend(record(0x92, &[]));
    bytes
}
