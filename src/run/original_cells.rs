//! The original cells of staged rows, from the text that is kept with each block.

use super::{RunError, RunFile, StagedSource, blocks};
use crate::source::{Block, Widths};

/// The rows of one block, split into cells.
#[derive(Debug)]
pub(crate) struct OriginalCells {
    source: u32,
    first_row: u64,
    pub(crate) rows: Vec<Vec<Vec<u8>>>,
}

impl OriginalCells {
    /// Reads the block that contains a row of a source; returns `at_hand` if it is that block.
    pub(crate) fn around(
        run: &RunFile,
        sources: &[StagedSource],
        at_hand: Option<Self>,
        source: u32,
        row: u64,
    ) -> Result<Self, RunError> {
        if let Some(cells) = at_hand
            && cells.source == source
            && (cells.first_row..cells.first_row + cells.rows.len() as u64).contains(&row)
        {
            return Ok(cells);
        }
        let (first_row, row_count, text) = blocks::cells(run, source, row)?;
        let missing = || run.damaged(format!("source {source} is missing"));
        let described = sources.get(source as usize).ok_or_else(missing)?;
        let mut rows: Vec<Vec<Vec<u8>>> = Vec::new();
        let block = Block {
            text,
            ..Block::default()
        };
        let delimiter = described.delimiter;
        let widths = Widths {
            columns: described.columns.len(),
            cells: usize::MAX,
        };
        block.rows(delimiter, widths, |row| {
            if row.offset >= row_count {
                return;
            }
            // Blank rows in between have no cells.
            rows.resize(row.offset as usize, Vec::new());
            let is_plain = row.faults.is_empty() && !row.raw.contains(&b'"');
            rows.push(if is_plain {
                row.cells.iter().map(|cell| Vec::from(*cell)).collect()
            } else {
                as_they_are(row.raw, delimiter)
            });
        });
        Ok(Self {
            source,
            first_row,
            rows,
        })
    }

    pub(crate) fn of(&self, run: &RunFile, row: u64) -> Result<&[Vec<u8>], RunError> {
        let index = usize::try_from(row.wrapping_sub(self.first_row)).unwrap_or(usize::MAX);
        let cells = self.rows.get(index).map(Vec::as_slice);
        cells.ok_or_else(|| run.damaged(format!("the text of row {row} is missing")))
    }
}

/// The cells of one record, with invalid bytes and quotes before further text unchanged.
fn as_they_are(record: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    if let Some(cells) = with_stray_quotes(record, delimiter) {
        return cells;
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(record);
    let first = reader.byte_records().next();
    // Can't fail: the record was parsed before, and is in memory.
    first.and_then(Result::ok).map_or_else(Vec::new, |record| {
        record.iter().map(<[u8]>::to_vec).collect()
    })
}

/// The cells of a record in which text follows a closing quote; `None` for other records. Such a cell ends at the next
/// delimiter.
fn with_stray_quotes(record: &[u8], delimiter: u8) -> Option<Vec<Vec<u8>>> {
    let (mut cells, mut rest, mut has_stray) = (Vec::new(), record, false);
    loop {
        let (cell, end) = match quoted(rest) {
            Some((cell, end)) if rest.get(end).is_none_or(|&byte| byte == delimiter) => (cell, end),
            start => {
                has_stray |= start.is_some();
                let end = memchr::memchr(delimiter, rest).unwrap_or(rest.len());
                (rest[..end].to_vec(), end)
            }
        };
        cells.push(cell);
        match rest.get(end + 1..) {
            Some(after) => rest = after,
            None => return has_stray.then_some(cells),
        }
    }
}

/// The text in the quotes at the start of a cell, and the position after the closing quote.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut inner = Vec::new();
    let mut at = 1;
    text.strip_prefix(b"\"")?;
    loop {
        match (text.get(at)?, text.get(at + 1)) {
            (b'"', Some(b'"')) => at += 1,
            (b'"', _) => return Some((inner, at + 1)),
            _ => {}
        }
        inner.push(text[at]);
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_before_further_text_are_kept() {
        for (record, expected) in [
            (
                "1;\"Pepe\" García;u1;",
                vec!["1", "\"Pepe\" García", "u1", ""],
            ),
            (
                "\"a;b\";\"c\" d \"e\";\"f \"\"g\"\"\"",
                vec!["a;b", "\"c\" d \"e\"", "f \"g\""],
            ),
            (
                "\"a;b\";\"\"\"c\"\" d\";e\"f\"",
                vec!["a;b", "\"c\" d", "e\"f\""],
            ),
            ("a;;b", vec!["a", "", "b"]),
        ] {
            let cells = as_they_are(record.as_bytes(), b';');
            let cells: Vec<_> = cells
                .iter()
                .map(|cell| String::from_utf8_lossy(cell))
                .collect();
            assert_eq!(cells, expected, "{record}");
        }
    }
}
