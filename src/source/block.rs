//! Parses a [`Block`] of CSV text into rows, and counts rows.
//!
//! This is the hottest loop of the tool: cells are slices of the text, and only records with stray quotes or invalid
//! text are copied. Blocks are independent, so they are parsed in parallel.

use std::borrow::Cow;

use memchr::memmem;

use super::{
    CellFault, CellFaultKind,
    header::is_padding,
    marks::{CopiedRecord, Marks},
};
use crate::characters::is_blank;

/// A carriage return within a cell, as workbooks write it.
pub(crate) const CARRIAGE_RETURN: &str = "_x000D_";

/// A run of whole records, in file order. Blocks are self-contained and may be parsed in any order.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// UTF-8 CSV text: whole records, without the header. Bytes that are invalid in the file's encoding become
    /// bytes that are invalid UTF-8.
    pub text: Vec<u8>,
    /// Cells that could not be read, ordered by record and column.
    pub faults: Vec<CellFault>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockRows {
    /// Number of rows as in a spreadsheet, including blank ones.
    pub rows: u32,
    pub blank: u32,
}

/// A row with content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// Index of the row in the block. Blank rows count; line breaks within a cell don't.
    pub offset: u32,
    /// The cells; missing ones are empty.
    pub cells: &'a [&'a str],
    /// The record's text in the block, without its line end.
    pub raw: &'a [u8],
    /// Cells of this row that could not be read.
    pub faults: &'a [CellFault],
    /// The number of cells if it exceeds the header's and the extra cells have content.
    pub ragged: Option<usize>,
    /// True if a cell of the block contains [`CARRIAGE_RETURN`].
    pub has_carriage_returns: bool,
}

impl Row<'_> {
    /// True for a repeated header row, as in concatenated files, or one row of a header of two.
    pub(crate) fn repeats(&self, header: &[String]) -> bool {
        let mut filled = 0;
        let mut cells = self.cells.iter().map(|cell| unpadded(cell)).enumerate();
        let is_repeated = |(column, cell): (usize, &str)| {
            if cell.is_empty() {
                return true;
            }
            filled += 1;
            let name = header.get(column);
            name.is_some_and(|name| is_name(cell, name) || is_part(cell, name))
        };
        cells.all(is_repeated) && filled > 1
    }

    fn begins_like(&self, header: &[String]) -> bool {
        let mut pairs = self.cells.iter().zip(header);
        self.cells.len() >= header.len() && pairs.all(|(cell, name)| is_name(unpadded(cell), name))
    }

    /// True for a header with the names of these columns in another order, or with others. `id`: the column of the id, in
    /// which almost no row has the name of a column.
    pub(crate) fn is_other_header(&self, header: &ColumnNames<'_>, id: Option<usize>) -> bool {
        let is_known = |cell: &&&str| header.contains(cell);
        let suspect = self.cells.get(id.unwrap_or_default());
        if suspect.as_ref().is_none_or(|cell| !is_known(cell)) {
            return false;
        }
        let filled = self.cells.iter().filter(|cell| !is_blank(cell));
        let named = self.cells.iter().filter(is_known).count();
        // After the same names, others only add cells, which are rejected if they have content.
        named > 1 && named * 2 > filled.count() && !self.begins_like(header.names)
    }

    #[cfg(test)]
    pub(crate) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).copied().unwrap_or("")
    }
}

/// The names of the columns, to find them among cells.
pub(crate) struct ColumnNames<'h> {
    names: &'h [String],
    /// Bit n: a name with a letter has n bytes, or at least as many. A fast path: few cells have the length of a name.
    lengths: u64,
}

impl<'h> ColumnNames<'h> {
    pub(crate) fn new(names: &'h [String]) -> Self {
        let lengths = names.iter().filter(|name| has_letter(name));
        let lengths = lengths.map(|name| length_bit(name));
        Self {
            names,
            lengths: lengths.fold(0, |all, bit| all | bit) & !1,
        }
    }

    fn contains(&self, cell: &str) -> bool {
        let cell = unpadded(cell);
        // Columns may be named by numbers, such as days: those are ordinary values, too.
        self.lengths & length_bit(cell) != 0
            && has_letter(cell)
            && self.names.iter().any(|name| is_name(cell, name))
    }
}

/// The cell without spaces, and without the BOM that each of several joined files may begin with.
fn unpadded(cell: &str) -> &str {
    // A fast path: a cell of each row is compared with a name.
    if let [first, .., last] = cell.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return cell;
    }
    cell.trim_matches(is_padding)
}

/// True for the name in any letter case.
fn is_name(cell: &str, name: &str) -> bool {
    cell.len() == name.len() && (cell == name || lowercase(cell).eq(lowercase(name)))
}

fn lowercase(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// True for the upper or the lower part of a name that two rows make up.
fn is_part(cell: &str, name: &str) -> bool {
    let begins = || {
        name.strip_prefix(cell)
            .is_some_and(|rest| rest.starts_with(' '))
    };
    let ends = || {
        name.strip_suffix(cell)
            .is_some_and(|rest| rest.ends_with(' '))
    };
    cell.len() < name.len() && has_letter(cell) && (begins() || ends())
}

fn has_letter(text: &str) -> bool {
    text.contains(char::is_alphabetic)
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
}

impl Block {
    /// Calls `each` for every row that has content, in order, and counts all rows.
    pub(crate) fn rows(
        &self,
        delimiter: u8,
        widths: Widths,
        mut each: impl FnMut(Row<'_>),
    ) -> BlockRows {
        let mut faults = self.faults.as_slice();
        // Once per block: checking each cell takes 3 % of the instructions of `check`.
        let has_carriage_returns = memmem::find(&self.text, CARRIAGE_RETURN.as_bytes()).is_some();
        let mut blank = 0;
        let total = walk(&self.text, delimiter, |record| {
            let (own, rest) = faults.split_at(faults_of(faults, record.index));
            faults = rest;
            if own.is_empty() && record.cells.iter().all(|cell| is_blank(cell)) {
                blank += 1;
                return true;
            }
            let mut row = Row {
                offset: record.row,
                cells: record.cells,
                raw: &self.text[record.start..record.end],
                faults: own,
                ragged: widths.surplus(record.cells),
                has_carriage_returns,
            };
            if record.undecodable.is_empty() {
                each(row);
            } else {
                let all = with_undecodable(own, &record);
                row.faults = &all;
                each(row);
            }
            true
        });
        BlockRows {
            rows: total.rows,
            blank: total.rows - total.records + blank,
        }
    }
}

/// The faults of a row with invalid text, added to those known before.
#[cold]
fn with_undecodable(own: &[CellFault], record: &Walked<'_>) -> Vec<CellFault> {
    let undecodable = record.undecodable.iter().map(|&column| CellFault {
        record: record.index,
        column,
        kind: CellFaultKind::Undecodable,
    });
    let mut faults: Vec<_> = own.iter().cloned().chain(undecodable).collect();
    faults.sort_by_key(|fault| fault.column);
    faults
}

fn faults_of(faults: &[CellFault], record: u32) -> usize {
    if faults.is_empty() {
        return 0;
    }
    faults.partition_point(|fault| fault.record <= record)
}

/// The numbers of cells that rows may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    /// The named columns.
    pub columns: usize,
    /// The usual number of cells in a row: some programs add empty ones at the end. An unquoted delimiter in a
    /// value adds one more.
    pub cells: usize,
}

impl Widths {
    /// The number of cells if there are too many.
    fn surplus(self, cells: &[&str]) -> Option<usize> {
        let has_content = || cells.iter().skip(self.columns).any(|cell| !is_blank(cell));
        (cells.len() > self.columns && (cells.len() > self.cells || has_content()))
            .then_some(cells.len())
    }
}

pub(super) struct Walked<'a> {
    pub(super) cells: &'a [&'a str],
    pub(super) index: u32,
    /// Index of the row, blank lines included.
    pub(super) row: u32,
    /// The record's text, without preceding blank lines and its line end.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Just past the line end.
    pub(super) next: usize,
    /// The columns that are not UTF-8. Their cells have replacement characters.
    pub(super) undecodable: &'a [u32],
}

#[derive(Debug, Default)]
pub(super) struct Total {
    pub(super) rows: u32,
    pub(super) records: u32,
}

/// Calls `each` for every record until it returns `false`. Counts rows and records.
pub(super) fn walk(text: &[u8], delimiter: u8, mut each: impl FnMut(Walked<'_>) -> bool) -> Total {
    let valid = valid_start(text);
    let mut marks = Marks::new(valid, delimiter);
    let mut copied = CopiedRecord::default();
    let mut cells = Vec::new();
    let mut total = Total::default();
    let mut start = 0;
    while let Some(&byte) = text.get(start) {
        if matches!(byte, b'\n' | b'\r') {
            start = past_line_end(text, start);
            total.rows += 1;
            continue;
        }
        cells.clear();
        // The record may continue after the valid text.
        let plain = marks
            .split(start, &mut cells)
            .filter(|end| *end < valid.len() || valid.len() == text.len());
        let end = plain.unwrap_or_else(|| start + copied.read(&text[start..], delimiter));
        let record = Walked {
            cells: &cells,
            index: total.records,
            row: total.rows,
            start,
            end,
            next: past_line_end(text, end),
            undecodable: &[],
        };
        start = record.next;
        total.rows += 1;
        total.records += 1;
        let go_on = if plain.is_none() {
            let cells = copied.cells();
            pass(&cells, &undecodable(&cells), &record, &mut each)
        } else if let Some(cells) = marks.undoubled(&cells) {
            pass(&cells, &[], &record, &mut each)
        } else {
            each(record)
        };
        if !go_on {
            break;
        }
    }
    total
}

/// The columns of the cells that are not UTF-8. Only those are owned.
fn undecodable(cells: &[Cow<'_, str>]) -> Vec<u32> {
    let columns = (0..).zip(cells);
    let undecodable = columns.filter(|(_, cell)| matches!(cell, Cow::Owned(_)));
    undecodable.map(|(column, _)| column).collect()
}

/// Calls `each` with a record that has these cells, of which these columns are not UTF-8.
fn pass(
    cells: &[Cow<'_, str>],
    undecodable: &[u32],
    record: &Walked<'_>,
    each: impl FnOnce(Walked<'_>) -> bool,
) -> bool {
    let cells: Vec<&str> = cells.iter().map(|cell| &**cell).collect();
    each(Walked {
        cells: &cells,
        undecodable,
        ..*record
    })
}

/// The number of cells of the first record.
pub(super) fn cell_count(text: &[u8], delimiter: u8) -> usize {
    let mut count = 0;
    walk(text, delimiter, |record| {
        count = record.cells.len();
        false
    });
    count
}

/// The text before the first byte that is not UTF-8.
fn valid_start(text: &[u8]) -> &str {
    simdutf8::compat::from_utf8(text).unwrap_or_else(|error| {
        let (valid, _) = text.split_at(error.valid_up_to());
        str::from_utf8(valid).unwrap_or_default()
    })
}

/// The offset after the line end at `at`, if there is a line end.
pub(super) fn past_line_end(text: &[u8], at: usize) -> usize {
    match text.get(at..) {
        Some([b'\r', b'\n', ..]) => at + 2,
        Some([b'\n' | b'\r', ..]) => at + 1,
        _ => at,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    const fn widths(columns: usize) -> Widths {
        Widths {
            columns,
            cells: usize::MAX,
        }
    }

    use super::*;

    fn rows(text: &[u8]) -> (Vec<(u32, Vec<String>, String)>, BlockRows) {
        let block = Block {
            text: text.to_vec(),
            ..Block::default()
        };
        let mut seen = Vec::new();
        let total = block.rows(b',', widths(2), |row| {
            seen.push((
                row.offset,
                row.cells.iter().map(|cell| (*cell).to_owned()).collect(),
                String::from_utf8_lossy(row.raw).into_owned(),
            ));
        });
        (seen, total)
    }

    #[test]
    fn blank_lines_are_rows_with_every_kind_of_line_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["", "a,b", "", "", "c,\"x", "y\"", "", "d,e", "", ""].join(end);
            let (seen, total) = rows(text.as_bytes());
            let numbers: Vec<_> = seen.iter().map(|row| row.0).collect();
            assert_eq!(numbers, [1, 4, 6], "{end:?}");
            assert_eq!(seen[1].2, format!("c,\"x{end}y\""));
            assert_eq!(total, BlockRows { rows: 8, blank: 5 }, "{end:?}");
        }
    }

    #[test]
    fn carriage_returns_of_workbooks_are_looked_for_in_the_whole_block() {
        for (text, expected) in [("a,b\nc_x000D_,d\n", true), ("a_,b\nx000D_,d\n", false)] {
            let block = Block {
                text: text.into(),
                ..Block::default()
            };
            block.rows(b',', widths(2), |row| {
                assert_eq!(row.has_carriage_returns, expected);
            });
        }
    }

    #[test]
    fn rows_of_empty_cells_are_blank() {
        let (seen, total) = rows(b",,\n \t,\xC2\xA0\na,\n\xE2\x80\x8B,\n\x1A");
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].0, 2);
        assert_eq!(total, BlockRows { rows: 5, blank: 4 });
    }

    #[test]
    fn a_surplus_is_ragged_unless_it_is_empty_and_usual() {
        let block = Block {
            text: b"a\na,b,, \na,b,,x\na,b,,,\n".to_vec(),
            ..Block::default()
        };
        let mut ragged = Vec::new();
        let widths = Widths {
            columns: 2,
            cells: 4,
        };
        block.rows(b',', widths, |row| ragged.push(row.ragged));
        assert_eq!(ragged, [None, None, Some(4), Some(5)]);
    }

    #[test]
    fn a_byte_that_does_not_fit_is_a_fault_with_its_column() {
        let block = Block {
            text: b"a,b\n\"x,\",\xFFy\nc,d\n".to_vec(),
            ..Block::default()
        };
        let mut seen = Vec::new();
        block.rows(b',', widths(2), |row| {
            seen.push((row.offset, row.cell(1).to_owned(), row.faults.to_vec()));
        });
        assert_eq!(seen.len(), 3);
        assert_eq!(seen[1].1, "\u{FFFD}y");
        let fault = seen[1].2.first().unwrap();
        assert_eq!((fault.record, fault.column), (1, 1));
        assert_eq!(fault.kind, CellFaultKind::Undecodable);
        assert!(seen[2].2.is_empty());
    }

    /// The cells of each record, its bytes, and the rows, read with only the csv crate.
    fn by_csv_alone(text: &[u8]) -> (Vec<(Vec<String>, usize)>, u32) {
        let mut builder = csv::ReaderBuilder::new();
        let builder = builder.has_headers(false).flexible(true).delimiter(b';');
        let mut reader = builder.from_reader(text);
        let (mut record, mut records) = (csv::ByteRecord::new(), Vec::new());
        let (mut rows, mut from) = (0, 0);
        loop {
            let is_record = reader.read_byte_record(&mut record).unwrap();
            let mut to = usize::try_from(reader.position().byte()).unwrap();
            if to > 0 && text[to - 1] == b'\r' && text.get(to) == Some(&b'\n') {
                to += 1;
            }
            while from < to && matches!(text[from], b'\n' | b'\r') {
                from = past_line_end(text, from);
                rows += 1;
            }
            if !is_record {
                return (records, rows);
            }
            let lossy = |cell| String::from_utf8_lossy(cell).into_owned();
            records.push((record.iter().map(lossy).collect(), from));
            rows += 1;
            from = to;
        }
    }

    proptest::proptest! {
        #[test]
        fn records_are_those_of_the_csv_crate(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    &b"a"[..], b"long enough for several windows", b";", b"\"", b"\n", b"\r\n", b"\r", b"\xEF\xBB\xBF", b"\xFF", b" ", "é".as_bytes(),
                ]),
                0..40,
            ),
        ) {
            // The csv crate drops a BOM at the start of a text.
            let text = pieces.concat();
            let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
            proptest::prop_assume!(!text.starts_with(b"\xEF\xBB\xBF"));
            let mut records = Vec::new();
            let total = walk(text, b';', |record| {
                records.push((record.cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>(), record.start));
                assert!(record.start <= record.end && record.end <= record.next);
                true
            });
            proptest::prop_assert_eq!((records, total.rows), by_csv_alone(text));
        }
    }

    #[test]
    fn faults_go_to_the_row_that_has_them() {
        let fault = |record| CellFault {
            record,
            column: 0,
            kind: CellFaultKind::DigitsLost,
        };
        let block = Block {
            text: b"a\n\nb\nc\n".to_vec(),
            faults: vec![fault(1), fault(1)],
        };
        let mut counts = Vec::new();
        block.rows(b',', widths(1), |row| {
            counts.push((row.offset, row.faults.len()));
        });
        assert_eq!(counts, [(0, 0), (2, 2), (3, 0)]);
    }
}
