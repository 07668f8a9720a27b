//! Tells rows that a pair of stray quotes made part of a cell from cells with line breaks, as notes and addresses
//! have them.
//!
//! The record is read again without these two quotes. If rows were swallowed, each of its lines is a whole row
//! then, whichever columns the quotes are in, and their ids, phones and links are in the same columns. Lines of a
//! note are not: if they have as many delimiters at all, words are where the ids, phones and links should be. Such
//! a record is rejected: its cells belong to several contacts.

use memchr::{memchr_iter, memchr2, memchr3_iter};

use super::stray_quotes::column;
use crate::{
    reject::ADDED_COLUMNS,
    source::{CellFault, CellFaultKind, block::walk},
};

/// The minimum number of columns of a header in which rows are searched.
const HEADER_COLUMNS: usize = 3;

/// The number of cells that a row may have in addition: some exporters end rows with an extra delimiter, and a rejects
/// file has more columns than its source.
const MORE_CELLS: usize = 1 + ADDED_COLUMNS.len();

/// A quoted cell with line breaks, by its offsets in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    /// The start of the record.
    pub(super) record: usize,
    /// The quotes.
    pub(super) opened: usize,
    pub(super) closed: usize,
}

/// The kind of a value, as far as it can be told from one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blank,
    Words,
    Link,
    /// At least seven digits.
    Phone,
    Number,
    /// A word with digits, as an id.
    Code,
}

impl Suspect {
    /// True unless the first line or a line within the cell has too few delimiters for a row. The text may end
    /// within the record.
    pub(super) fn may_hold_rows(self, text: &[u8], delimiter: u8, columns: Option<usize>) -> bool {
        let columns = columns.unwrap_or(HEADER_COLUMNS);
        let cell = &text[self.opened..self.closed];
        let Some(line_end) = memchr2(b'\n', b'\r', cell).filter(|_| columns > 1) else {
            return false;
        };
        let is_long = |line: &[u8]| memchr_iter(delimiter, line).count() + 1 >= columns;
        let mut lines = cell.split(|&byte| byte == cell[line_end]);
        let _ = (lines.next(), lines.next_back());
        lines.all(is_long) && is_long(&text[self.record..self.opened + line_end])
    }

    /// True if all lines of the record are rows. `text` has the whole record. `columns`: `None` for the header, whose
    /// lines are rows if they have the same number of cells.
    pub(super) fn holds_rows(self, text: &[u8], delimiter: u8, columns: Option<usize>) -> bool {
        let after = &text[self.closed + 1..];
        let mut is_quoted = false;
        let end = memchr3_iter(b'"', b'\n', b'\r', after).find(|&at| {
            is_quoted ^= after[at] == b'"';
            !is_quoted && after[at] != b'"'
        });
        let record = [
            &text[self.record..self.opened],
            &text[self.opened + 1..self.closed],
            &after[..end.unwrap_or(after.len())],
        ]
        .concat();
        let mut rows: Vec<Vec<Kind>> = Vec::new();
        walk(&record, delimiter, |row| {
            rows.push(row.cells.iter().map(|cell| kind_of(cell)).collect());
            true
        });
        let Some(columns) = columns else {
            let width = rows.first().map_or(0, Vec::len);
            return width >= HEADER_COLUMNS && rows.iter().all(|row| row.len() == width);
        };
        let is_row = |row: &Vec<Kind>| (columns..=columns + MORE_CELLS).contains(&row.len());
        rows.len() > 1 && rows.iter().all(is_row) && are_alike(&rows, columns)
    }
}

/// The faults of the cells that hold rows. `suspects`: in ascending order.
pub(super) fn faults(
    text: &[u8],
    suspects: &[Suspect],
    delimiter: u8,
    columns: usize,
) -> Vec<CellFault> {
    let certain = suspects.iter();
    let mut certain = certain
        .filter(|cell| cell.holds_rows(text, delimiter, Some(columns)))
        .peekable();
    let mut faults = Vec::new();
    if certain.peek().is_none() {
        return faults;
    }
    walk(text, delimiter, |record| {
        if let Some(cell) = certain.next_if(|cell| cell.opened < record.end) {
            faults.push(CellFault {
                record: record.index,
                column: column(&text[record.start..cell.opened], delimiter),
                kind: CellFaultKind::Rows,
            });
        }
        while certain.next_if(|cell| cell.opened < record.end).is_some() {}
        certain.peek().is_some()
    });
    faults
}

/// True if most columns that do not have words have values of one kind. Two of them at least: each contact has an
/// id, and a phone or a link.
fn are_alike(rows: &[Vec<Kind>], columns: usize) -> bool {
    let (mut alike, mut mixed) = (0, 0);
    for column in 0..columns {
        let kinds = || rows.iter().map(|row| row[column]);
        let mut values = kinds().filter(|&kind| kind != Kind::Blank);
        let Some(first) = values.next() else {
            continue;
        };
        if values.any(|kind| kind != first) {
            mixed += 1;
        } else if first != Kind::Words && kinds().all(|kind| kind == first) {
            alike += 1;
        }
    }
    alike > 1 && alike > mixed
}

fn kind_of(cell: &str) -> Kind {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let has_spaces = cell.contains(char::is_whitespace);
    if cell.trim().is_empty() {
        Kind::Blank
    } else if cell.contains("://") && !has_spaces {
        Kind::Link
    } else if digits == 0 || cell.starts_with(char::is_whitespace) {
        // In prose, a space follows a comma.
        Kind::Words
    } else if !cell.contains(char::is_alphabetic) {
        if digits < 7 {
            Kind::Number
        } else {
            Kind::Phone
        }
    } else if has_spaces {
        Kind::Words
    } else {
        Kind::Code
    }
}

#[cfg(test)]
mod tests {
    use crate::source::text::cut::{Cutter, OddCells};

    const HEADER: [&str; 6] = ["id", "owner", "name", "uri", "whatsapp", "note"];

    /// True if a cell of the text holds rows for certain.
    fn holds_rows(text: &str, columns: usize) -> bool {
        let cutter = Cutter {
            delimiter: b',',
            cell_lines: 100,
            columns: Some(columns),
        };
        let mut odd = OddCells::default();
        cutter.cut(text.as_bytes(), true, &mut odd);
        !super::faults(text.as_bytes(), &odd.suspects, b',', columns).is_empty()
    }

    /// Four rows of these columns; the text of an edit is put before or after a cell.
    fn rows(columns: usize, opened: (usize, usize), closed: (usize, usize)) -> String {
        let mut text = String::new();
        for row in 0..4 {
            let number = 79_990_000_000_u64 + row as u64;
            let cells = [
                format!("A{row}"),
                "u1".into(),
                format!("Ann {row}"),
                format!("https://x.example/{row}"),
                number.to_string(),
                if row == 2 {
                    "call back".into()
                } else {
                    String::new()
                },
            ];
            let cells = cells.into_iter().take(columns).enumerate();
            let cells = cells.map(|(column, cell)| match (row, column) {
                at if at == opened => format!("\"{cell}"),
                at if at == closed => format!("{cell}\""),
                _ => cell,
            });
            text += &(cells.collect::<Vec<_>>().join(",") + "\n");
        }
        text
    }

    #[test]
    fn quotes_in_any_two_columns_of_any_two_rows_hold_rows() {
        for columns in [5, HEADER.len()] {
            for (from, to) in [(0, 1), (0, 2), (0, 3), (1, 3)] {
                for opened in 0..columns {
                    for closed in 0..columns {
                        let text = rows(columns, (from, opened), (to, closed));
                        assert!(holds_rows(&text, columns), "{text}");
                        let text = text.trim_end().replace('\n', "\r\n");
                        assert!(holds_rows(&text, columns), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn two_columns_hold_rows() {
        assert!(holds_rows(
            "A1,\"7999000001\nA2,7999000002\nA3,7999000003\"\n",
            2
        ));
        assert!(!holds_rows("A1,\"Street 1\n5, Moscow\"\n", 2));
        assert!(!holds_rows("A1,\"a,b\nc,d\"\n", 2));
    }

    #[test]
    fn a_row_with_other_quoted_cells_is_whole() {
        let text = "A1,u1,\"Ann,https://x.example/1,79990000001,\nA2,u1,Bob\",https://x.example/2,79990000002,\"x,\ny\"\n";
        assert!(holds_rows(text, 6));
    }

    #[test]
    fn notes_and_addresses_with_line_breaks_hold_no_rows() {
        let notes = [
            "Av. Insurgentes Sur 1602, Piso 4, Col. Crédito\nAlcaldía Benito Juárez, C.P. 03940, Ciudad de México, México",
            "Pidió: leche, pan, huevos, queso\nFalta: azúcar, café, té",
            "Hola\nbuenos días, gracias\nadios",
            "a, b\nc, d\ne, f\ng, h\ni, j",
            "Ordered:\n5, 6, 7, 8, 9, 10\n1, 2, 3, 4, 5, 6",
            "Sizes\n1,2,3,4,5,6\n1,2,3,4,5,6",
            "Total\n10,20,30,40,50,60",
            "79990000001\n79990000002",
            "a,b,c,d,e,f\ng,h,i,j,k,l\nm,n,o,p,q,r",
            "\n\n,,,,,\n",
        ];
        for note in notes {
            for column in 0..HEADER.len() {
                let mut cells = [
                    "1001",
                    "5",
                    "Ann",
                    "https://x.example/1",
                    "79990000001",
                    "x",
                ];
                let quoted = format!("\"{note}\"");
                cells[column] = &quoted;
                let text = cells.join(",") + "\n";
                assert!(!holds_rows(&text, HEADER.len()), "{text}");
            }
        }
    }
}
