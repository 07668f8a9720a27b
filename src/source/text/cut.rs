//! Finds the last position at which CSV text can be cut: after a line end that is not inside a quoted cell.
//!
//! The rules are those of the csv crate, so that a block parses to the same records as the whole file: a quote
//! opens a quoted cell only as its first byte, `""` within one is a quote, and any other quote is text. Text
//! without quotes is cut by looking only at its end; otherwise the scan jumps from quote to quote.
//!
//! An unclosed quote would silently swallow the rows after it. There are three signs: the text ends inside a cell,
//! a cell has an implausible number of lines, or a multi-line cell is followed by something other than a delimiter
//! (the next row's quote closed it). Two stray quotes that form a pair have none of these signs, so cells that may
//! contain whole rows are reported as suspects, and cells that continue after a quote for repair.

use memchr::{memchr_iter, memchr2, memrchr2};

use super::swallowed::Suspect;

/// The position of a cut, or the reason for its absence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Everything before this offset is whole records.
    At(usize),
    /// No record ends here; more text is needed.
    More,
    /// The quoted cell that opens at this offset is never closed.
    Unclosed(usize),
}

/// Suspicious quoted cells, by the offsets of their opening quotes.
#[derive(Debug, Default)]
pub(super) struct OddCells {
    /// Cells that may contain whole rows. To be certain, look at the whole record.
    pub(super) suspects: Vec<Suspect>,
    /// Cells with text after the quote that seems to close them.
    pub(super) strays: Vec<usize>,
}

/// Maximum number of suspects of a record. Two stray quotes make one.
const SUSPECTS_MAX: usize = 4;

impl OddCells {
    /// Adds a cell of the record that begins after this line end, unless the record has enough of them: looking at
    /// one costs as much as reading its record.
    fn add_suspect(&mut self, cell: impl FnOnce() -> Option<Suspect>, record: Option<usize>) {
        let start = record.unwrap_or(0);
        let of_record = self.suspects.iter().rev();
        let of_record = of_record.take_while(|cell| cell.record == start);
        if of_record.take(SUSPECTS_MAX).count() < SUSPECTS_MAX {
            self.suspects.extend(cell());
        }
    }

    /// Keeps the cells before this offset.
    pub(super) fn truncate(&mut self, end: usize) {
        self.suspects.retain(|cell| cell.opened < end);
        self.strays.retain(|&cell| cell < end);
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cutter {
    pub(super) delimiter: u8,
    /// Maximum number of line ends in a cell.
    pub(super) cell_lines: usize,
    /// The number of columns of a row; `None` while the header is read.
    pub(super) columns: Option<usize>,
}

impl Cutter {
    /// Finds the last cut in `text`, which begins with a record, and the odd cells. `ended`: the end of the file
    /// is reached.
    pub(super) fn cut(self, text: &[u8], ended: bool, odd: &mut OddCells) -> Cut {
        odd.truncate(0);
        let mut scan = Scan::default();
        for quote in memchr_iter(b'"', text) {
            if let Some(opened) = scan.quoted {
                scan.quoted = None;
                scan.closed = Some((opened, quote));
                scan.outside = quote + 1;
                if self.closes_badly(text, opened, quote) {
                    return Cut::Unclosed(opened);
                }
                let is_doubled = text.get(quote + 1) == Some(&b'"');
                if !is_doubled && memchr2(b'\n', b'\r', &text[opened..quote]).is_some() {
                    odd.add_suspect(|| self.suspect(text, scan.last, opened, quote), scan.last);
                }
                if self.is_stray(text, quote) {
                    odd.strays.push(opened);
                }
            } else if let Some((opened, closed)) = scan.closed.filter(|pair| pair.1 + 1 == quote) {
                debug_assert!(opened < closed);
                scan.quoted = Some(opened);
            } else if self.opens(text, quote) {
                scan.pass_outside(text, quote);
                scan.quoted = Some(quote);
            }
        }
        self.settle(text, ended, scan)
    }

    fn settle(self, text: &[u8], ended: bool, mut scan: Scan) -> Cut {
        if let Some(opened) = scan.quoted {
            if ended || self.has_too_many_lines(&text[opened..]) {
                return Cut::Unclosed(opened);
            }
        } else if ended {
            return Cut::At(text.len());
        } else {
            // A `\r` at the very end may be the first half of `\r\n`.
            let end = text.len() - usize::from(text.last() == Some(&b'\r'));
            scan.pass_outside(text, end);
        }
        scan.last.map_or(Cut::More, Cut::At)
    }

    /// True if this quote, which is outside quotes, is the first byte of a cell.
    fn opens(self, text: &[u8], quote: usize) -> bool {
        quote == 0 || self.ends_cell(text[quote - 1])
    }

    fn ends_cell(self, byte: u8) -> bool {
        byte == self.delimiter || matches!(byte, b'\n' | b'\r')
    }

    fn closes_badly(self, text: &[u8], opened: usize, quote: usize) -> bool {
        let cell = &text[opened..quote];
        match text.get(quote + 1) {
            None | Some(b'"') => false,
            Some(&next) if self.ends_cell(next) => self.has_too_many_lines(cell),
            Some(_) => memchr2(b'\n', b'\r', cell).is_some(),
        }
    }

    /// True if a quote within a cell is followed by more text of the cell.
    fn is_stray(self, text: &[u8], quote: usize) -> bool {
        let next = text[quote + 1..].iter().find(|&&byte| byte != b' ');
        next.is_some_and(|&next| next != b'"' && !self.ends_cell(next))
            || text[quote + 1..].starts_with(b" ") && next == Some(&b'"')
    }

    /// The cell between these quotes if it may hold rows. The last line end before it begins its record.
    fn suspect(
        self,
        text: &[u8],
        record: Option<usize>,
        opened: usize,
        closed: usize,
    ) -> Option<Suspect> {
        let suspect = Suspect {
            record: record.unwrap_or(0),
            opened,
            closed,
        };
        let next = text.get(closed + 1);
        let is_closed = next.is_none_or(|&next| self.ends_cell(next));
        let may_hold_rows = is_closed && suspect.may_hold_rows(text, self.delimiter, self.columns);
        may_hold_rows.then_some(suspect)
    }

    fn has_too_many_lines(self, cell: &[u8]) -> bool {
        let lines = |end| memchr_iter(end, cell).count();
        cell.len() > self.cell_lines && lines(b'\n').max(lines(b'\r')) > self.cell_lines
    }
}

#[derive(Debug, Default)]
struct Scan {
    /// The offset at which the current quoted cell opened.
    quoted: Option<usize>,
    /// The offsets at which the last quoted cell opened and closed.
    closed: Option<(usize, usize)>,
    /// The offset of unscanned text outside quotes.
    outside: usize,
    last: Option<usize>,
}

impl Scan {
    fn pass_outside(&mut self, text: &[u8], end: usize) {
        if let Some(found) = memrchr2(b'\n', b'\r', &text[self.outside.min(end)..end]) {
            self.last = Some(self.outside + found + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::block::walk;

    const CUTTER: Cutter = Cutter {
        delimiter: b',',
        cell_lines: 100,
        columns: Some(3),
    };

    fn blocks(text: &[u8], size: usize) -> Result<Vec<&[u8]>, usize> {
        let mut blocks = Vec::new();
        let (mut start, mut end) = (0, 0);
        while start < text.len() {
            end = (end.max(start) + size).min(text.len());
            match CUTTER.cut(
                &text[start..end],
                end == text.len(),
                &mut OddCells::default(),
            ) {
                Cut::At(at) => {
                    blocks.push(&text[start..start + at]);
                    start += at;
                }
                Cut::More => {}
                Cut::Unclosed(at) => return Err(start + at),
            }
        }
        Ok(blocks)
    }

    fn records(text: &[u8]) -> (Vec<(u32, Vec<String>)>, u32) {
        let mut seen = Vec::new();
        let total = walk(text, b',', |record| {
            seen.push((
                record.row,
                record.cells.iter().map(|cell| (*cell).to_owned()).collect(),
            ));
            true
        });
        (seen, total.rows)
    }

    #[test]
    fn an_unclosed_quote_is_found_regardless_of_the_text_after_it() {
        for text in [
            "1,a\n2,\"b\n3,c\n",
            "1,a\n2,\"b\n3,\"c\"\n4,d\n",
            "1,a\n2,\"b\",\"c\n3,\"d\"\n",
        ] {
            let opened = blocks(text.as_bytes(), 1 << 20);
            assert!(opened.is_err_and(|at| at > 4 && at < 12), "{text:?}");
        }
        let many_lines = format!("1,\"{}\"\n", "x\n".repeat(200));
        assert_eq!(blocks(many_lines.as_bytes(), 1 << 20), Err(2));
        assert_eq!(
            blocks(b"1,a\"b\n2,\"c\"d\n", 1 << 20).map(|all| all.len()),
            Ok(1)
        );
    }

    #[test]
    fn a_line_end_of_two_bytes_is_never_cut() {
        let cut = |text| CUTTER.cut(text, false, &mut OddCells::default());
        assert_eq!(cut(b"a\r"), Cut::More);
        assert_eq!(cut(b"a\r\nb\r"), Cut::At(3));
        assert_eq!(cut(b"a\rb"), Cut::At(2));
    }

    #[test]
    fn few_cells_of_a_record_are_suspects() {
        let text = ["1", &",\"a\nb,1,2\nc\"".repeat(1_000), "\n"].concat();
        let mut odd = OddCells::default();
        CUTTER.cut(text.repeat(2).as_bytes(), true, &mut odd);
        assert_eq!(odd.suspects.len(), 2 * SUSPECTS_MAX);
    }

    fn csv_like() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            4 => Just("a".to_owned()),
            4 => Just(",".to_owned()),
            3 => Just("\n".to_owned()),
            2 => Just("\r\n".to_owned()),
            1 => Just("\r".to_owned()),
            2 => Just("\"".to_owned()),
            2 => Just("\"x\ny\"".to_owned()),
            2 => Just(",\"\"\"q\"\"\",".to_owned()),
            1 => "[ая ]{0,3}",
        ];
        proptest::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn blocks_cut_anywhere_parse_to_the_records_of_the_whole(text in csv_like(), size in 1_usize..40) {
            if let Ok(blocks) = blocks(text.as_bytes(), size) {
                let mut seen = Vec::new();
                let mut before = 0;
                for block in &blocks {
                    let (records, rows) = records(block);
                    seen.extend(records.into_iter().map(|(row, cells)| (row + before, cells)));
                    before += rows;
                }
                prop_assert_eq!(blocks.concat(), text.as_bytes());
                prop_assert_eq!((seen, before), records(text.as_bytes()));
            }
        }

        #[test]
        fn well_formed_text_is_never_called_unclosed(
            rows in proptest::collection::vec(proptest::collection::vec("[a,\"\r\n ]{0,6}", 2..4), 0..12),
            size in 1_usize..40,
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &rows {
                prop_assert!(writer.write_record(row).is_ok());
            }
            let text = writer.into_inner().unwrap_or_default();
            prop_assert!(blocks(&text, size).is_ok());
        }
    }
}
