//! Repairs cells with undoubled quotes: `"Petrov "Ace" Ivan"` and `"Petrov \"Ace\" Ivan"`.
//!
//! The csv crate ends the cell at the first such quote and drops it. Here a quote ends a cell only if a delimiter
//! or the end of the row follows. If the row then has as many cells as the header, it is repaired; otherwise the
//! cell has a fault.

use crate::source::{
    CellFault, CellFaultKind,
    block::{cell_count, walk},
};

/// Repairs the rows of a block. `strays`: the opening quotes of such cells, in ascending order.
pub(super) fn repair(
    text: &[u8],
    strays: &[usize],
    delimiter: u8,
    columns: usize,
) -> (Vec<u8>, Vec<CellFault>) {
    let mut repaired = Vec::with_capacity(text.len() + strays.len() * 4);
    let mut faults = Vec::new();
    let (mut strays, mut copied) = (strays, 0);
    walk(text, delimiter, |record| {
        let (own, rest) = strays.split_at(strays.partition_point(|&stray| stray < record.end));
        strays = rest;
        let Some(&first) = own.first() else {
            return true;
        };
        let row = &text[record.start..record.end];
        match repair_row(row, first - record.start, delimiter) {
            Some(row) if has_width(&row, delimiter, columns) => {
                repaired.extend(&text[copied..record.start]);
                repaired.extend(row);
                copied = record.end;
            }
            _ => faults.push(CellFault {
                record: record.index,
                column: column(&text[record.start..first], delimiter),
                kind: CellFaultKind::StrayQuote,
            }),
        }
        true
    });
    repaired.extend(&text[copied..]);
    (repaired, faults)
}

/// The row, with quotes doubled in every cell from this quote on.
fn repair_row(row: &[u8], first: usize, delimiter: u8) -> Option<Vec<u8>> {
    let mut repaired = row[..first].to_vec();
    let mut at = first;
    while at < row.len() {
        if row[at] == b'"' {
            at += repair_cell(&row[at..], delimiter, &mut repaired)?;
        }
        let cell = row[at..].split(|&byte| byte == delimiter).next()?;
        repaired.extend(cell);
        at += cell.len();
        repaired.extend(row.get(at));
        at += 1;
    }
    Some(repaired)
}

/// Doubles the quotes in a quoted cell and returns its length; `None` if it is not closed.
fn repair_cell(text: &[u8], delimiter: u8, repaired: &mut Vec<u8>) -> Option<usize> {
    let ends = |at: usize| {
        let next = text[at..].iter().find(|&&byte| byte != b' ');
        next.is_none_or(|&byte| byte == delimiter)
    };
    let mut at = 1;
    let mut is_inner_open = false;
    repaired.push(b'"');
    loop {
        match (*text.get(at)?, text.get(at + 1)) {
            (b'\\', Some(b'"')) if !ends(at + 2) => {
                repaired.extend(b"\"\"");
                at += 2;
            }
            // The inner quote and the cell's closing quote.
            (b'"', Some(b'"')) if is_inner_open && ends(at + 2) => {
                repaired.extend(b"\"\"\"");
                return Some(at + 2);
            }
            (b'"', Some(b'"')) => {
                repaired.extend(b"\"\"");
                at += 2;
            }
            (b'"', _) if ends(at + 1) => {
                repaired.push(b'"');
                return Some(at + 1);
            }
            (b'"', _) => {
                repaired.extend(b"\"\"");
                is_inner_open = !is_inner_open;
                at += 1;
            }
            (byte, _) => {
                repaired.push(byte);
                at += 1;
            }
        }
    }
}

/// True if the row has a cell for each column, optionally with an extra empty one.
fn has_width(row: &[u8], delimiter: u8, columns: usize) -> bool {
    let cells = cell_count(row, delimiter);
    cells == columns || cells == columns + 1 && row.ends_with(&[delimiter])
}

/// The column number of the cell after this part of a row.
pub(super) fn column(before: &[u8], delimiter: u8) -> u32 {
    let cells = cell_count(&[before, b"x"].concat(), delimiter);
    u32::try_from(cells - 1).unwrap_or(u32::MAX)
}
