//! Detects the delimiter of a text file.
//!
//! Contact files use only four delimiters. Each is scored by how well rows fill the columns, times the number of
//! known column names; quotes are respected. Names that also occur in the data do not count: a cell may list
//! messengers, which are also column names.

use memchr::{memchr, memchr2};

use crate::{
    characters::is_blank,
    source::{
        COLUMNS_MAX, Recognize,
        block::{past_line_end, walk},
        header::{self, HEADER_ROWS, Header, PreviewRow},
    },
    wording::float,
};

/// The delimiters to try; on a tie, the first wins.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const COMPARED_ROWS: usize = 200;
/// One above the limit, so that a wider header is noticed.
const COMPARED_CELLS: usize = COLUMNS_MAX + 1;

#[derive(Clone, Debug)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) header: Header,
    /// The number of cells in the header, or the minimum in nine of ten rows.
    pub(super) cells: usize,
}

/// A first line such as `sep=;`: the delimiter, and the length of the line.
///
/// Spreadsheets obey that line and do not show it, so it does not count as a row.
pub(super) fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    let end = memchr2(b'\n', b'\r', text)?;
    let line = &text[..end];
    let inner = line
        .strip_prefix(b"\"")
        .and_then(|line| line.strip_suffix(b"\""));
    match inner.unwrap_or(line).split_at_checked(4)? {
        (name, &[delimiter]) if name.eq_ignore_ascii_case(b"sep=") => {
            is_delimiter(delimiter).then_some((delimiter, past_line_end(text, end)))
        }
        _ => None,
    }
}

pub(in crate::source) fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0)
}

/// Finds delimiter and header in the first part of a text.
pub(super) fn find(
    text: &[u8],
    delimiter: Option<u8>,
    header_row: Option<u32>,
    recognize: &Recognize<'_>,
) -> Option<Dialect> {
    let tried: &[u8] = delimiter.as_slice();
    let tried = if tried.is_empty() { &DELIMITERS } else { tried };
    let dialect = |&delimiter: &u8| {
        let preview = Preview::of(text, delimiter, header_row);
        let header = header::find(&preview.rows, recognize, header_row)?;
        let score = preview.score(&header, recognize);
        let dialect = Dialect {
            delimiter,
            cells: preview.usual_cells(&header),
            header,
        };
        Some((score, dialect))
    };
    // Without its delimiter, a text has a single column and a score of 0.
    let used = tried.iter().filter(|&&it| memchr(it, text).is_some());
    let mut best: Option<(f64, Dialect)> = None;
    for found in used.filter_map(dialect) {
        if found.0 > best.as_ref().map_or(0.0, |best| best.0) {
            best = Some(found);
        }
    }
    let best = best.or_else(|| tried.iter().find_map(dialect));
    best.map(|best| best.1)
}

/// The number of known column names in the best dialect.
pub(super) fn known_columns(text: &str, recognize: &Recognize<'_>) -> usize {
    let head = &text.as_bytes()[..text.len().min(1 << 13)];
    find(head, None, None, recognize).map_or(0, |dialect| dialect.header.known)
}

/// The first rows, divided by one of the delimiters.
#[derive(Default)]
struct Preview {
    /// The rows that may be the header or tell it from data.
    rows: Vec<PreviewRow>,
    widths: Vec<RowWidth>,
}

struct RowWidth {
    number: u32,
    cells: usize,
    is_filled: bool,
}

impl Preview {
    fn of(text: &[u8], delimiter: u8, header_row: Option<u32>) -> Self {
        let last_row = header_row.unwrap_or(0).max(HEADER_ROWS);
        let mut preview = Self::default();
        let mut filled = 0;
        walk(text, delimiter, |record| {
            let number = record.row + 1;
            let cells = record.cells.iter().take(COMPARED_CELLS);
            let width = RowWidth {
                number,
                cells: cells.len(),
                is_filled: cells.clone().any(|cell| !is_blank(cell)),
            };
            // A header of two rows, and as many rows of data as are compared with it.
            if filled < HEADER_ROWS + 2 || number <= last_row + 1 {
                let cells = cells.map(|cell| (*cell).to_owned()).collect();
                preview
                    .rows
                    .push(PreviewRow::new(number, cells, record.next));
            }
            filled += u32::from(width.is_filled);
            preview.widths.push(width);
            preview.widths.len() < COMPARED_ROWS || record.row <= last_row
        });
        preview
    }

    fn usual_cells(&self, header: &Header) -> usize {
        let widths = self.widths.iter();
        let of_header = widths.clone().filter(|row| row.number == header.row);
        let data = widths.filter(|row| row.number > header.row && row.is_filled);
        let mut data: Vec<usize> = data.map(|row| row.cells).collect();
        data.sort_unstable();
        let usual = data.get(data.len() / 10).copied();
        let cells = of_header.map(|row| row.cells).chain(usual).max();
        cells.unwrap_or_default().max(header.columns.len())
    }

    fn score(&self, header: &Header, recognize: &Recognize<'_>) -> f64 {
        let width = header.columns.len();
        if width < 2 {
            return 0.0;
        }
        let is_other = |number: u32| number + header.rows <= header.row || number > header.row;
        let others = self.widths.iter();
        let others = others.filter(|row| row.is_filled && is_other(row.number));
        let even = mean(others.map(|row| similarity(row.cells, width)));
        let others = self.rows.iter();
        let others = others.filter(|row| is_other(row.number) && header::filled(&row.cells) > 0);
        let first = others.take(HEADER_ROWS as usize);
        let known_in_data = mean(first.map(|row| float(row.known(recognize) as u64)));
        let names = float(header.known as u64) - known_in_data.unwrap_or(0.0);
        even.unwrap_or(1.0) * (1.0 + names.max(0.0)) + float(width.min(100) as u64) / 1000.0
    }
}

/// The fraction of the width that a row with this number of cells fills. Programs omit trailing cells or end rows
/// with an extra delimiter. A row without a delimiter does not fit.
fn similarity(cells: usize, width: usize) -> f64 {
    if cells < 2 {
        return 0.0;
    }
    float(cells.min(width) as u64) / float(cells.max(width) as u64)
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let numbers: Vec<f64> = numbers.collect();
    let sum = numbers.iter().sum::<f64>();
    (!numbers.is_empty()).then(|| sum / float(numbers.len() as u64))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn known(cells: &[String]) -> usize {
        cells
            .iter()
            .filter(|cell| ["id", "name", "tags"].contains(&cell.as_str()))
            .count()
    }

    fn delimiter(text: &str) -> u8 {
        find(text.as_bytes(), None, None, &known).unwrap().delimiter
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_known_names() {
        assert_eq!(delimiter("id;name;tags\n1;Ann;a,b,c\n2;Bob;a,b,c\n"), b';');
        assert_eq!(delimiter("id\tname\n1\tA, B\n2\tC, D\n"), b'\t');
        assert_eq!(delimiter("\"id\"|\"na;me\"\n1|\"a;b\"\n"), b'|');
    }

    #[test]
    fn cells_that_list_names_are_data() {
        let lists = "id,name,x\n1,Ann,tags\n2,Bob,tags;id;name;tags;id\n";
        assert_eq!(delimiter(lists), b',');
        let quoted = "id,name,x\n1,Ann,\"name; tags; id; name\"\n";
        assert_eq!(delimiter(quoted), b',');
        let all_rows = format!("id;name;x\n{}", "1;Ann;tags,id,name,id,tags\n".repeat(50));
        assert_eq!(delimiter(&all_rows), b';');
        let found = find(all_rows.as_bytes(), None, None, &known).unwrap();
        assert_eq!(found.header.row, 1);
    }

    #[test]
    fn names_above_the_header_count_as_data_too() {
        let lists = "id;name;x\n1;Ann;7,name,id,tags,name,id\n2;Bob;7,id,tags,name,tags,id,name\n";
        assert_eq!(delimiter(lists), b';');
    }

    #[test]
    fn rows_that_end_early_are_rows_all_the_same() {
        let short = format!("id;name, tags;tags;x;name\n{}", "1;Ann, x;7\n".repeat(20));
        assert_eq!(delimiter(&short), b';');
    }

    #[test]
    fn a_title_that_names_columns_is_a_title() {
        assert_eq!(delimiter("our, name, id\nid;name\n1;Ann\n2;Bob\n"), b';');
    }

    #[test]
    fn unknown_names_leave_it_to_evenness() {
        assert_eq!(delimiter("eins;zwei\n1,5;2\n2;1,5\n"), b';');
        assert_eq!(delimiter("one column\nand, here\nmore\n"), b',');
    }

    #[test]
    fn a_separator_line_is_obeyed_however_it_is_written() {
        assert_eq!(separator_line(b"sep=;\r\nid"), Some((b';', 7)));
        assert_eq!(separator_line(b"\"SEP=\t\"\nid"), Some((b'\t', 8)));
        assert_eq!(separator_line(b"sep=;;id"), None);
        assert_eq!(separator_line(b"separate,id\n"), None);
    }
}
