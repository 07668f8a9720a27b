//! The rejected rows with their original cells, from the run file.

use encoding_rs::{Encoding, UTF_8};

use super::text::{can_hold, common_encoding};
use crate::{
    reject::ADDED_COLUMNS,
    run::{RunError, RunFile, StagedSource, blocks, rejects, sources},
    source::{Block, SourceForm, Widths},
};

pub(crate) struct Originals<'a> {
    run: &'a RunFile,
    pub(crate) sources: Vec<StagedSource>,
    open: Option<OpenCells>,
}

/// The rows of one block, split into cells.
struct OpenCells {
    source: u32,
    first_row: u64,
    rows: Vec<Vec<Vec<u8>>>,
}

impl<'a> Originals<'a> {
    pub(crate) fn of(run: &'a RunFile) -> Result<Self, RunError> {
        Ok(Self {
            run,
            sources: sources::all(run)?,
            open: None,
        })
    }

    /// The file of a row, if there are several.
    pub(crate) fn file_of(&self, source: u32) -> Option<String> {
        let has_several = added(&self.sources) == ADDED_COLUMNS;
        let source = self.sources.get(source as usize).filter(|_| has_several)?;
        Some(source.name())
    }

    /// The form of the first source. If the encoding differs from the source's, the file gets a BOM.
    pub(crate) fn form(&mut self) -> Result<SourceForm, RunError> {
        let encoding = self.encoding()?;
        let first = self.sources.first();
        let mut form = first.map_or_else(SourceForm::default, |source| source.form.clone());
        form.byte_order_mark |= form.encoding != encoding;
        form.encoding = encoding;
        Ok(form)
    }

    /// The common encoding of the sources if it can represent every rejected row; otherwise UTF-8.
    fn encoding(&mut self) -> Result<&'static Encoding, RunError> {
        let Some(encoding) = common_encoding(&self.sources) else {
            return Ok(UTF_8);
        };
        let mut columns = self.sources.iter().flat_map(|source| &source.columns);
        let mut is_enough = columns.all(|column| can_hold(encoding, column.as_bytes()));
        if encoding != UTF_8 {
            rejects::for_each::<RunError>(self.run, |line| {
                let mut cells = self.cells(line.source, line.row)?.iter();
                is_enough = is_enough && cells.all(|cell| can_hold(encoding, cell));
                Ok(())
            })?;
        }
        Ok(if is_enough { encoding } else { UTF_8 })
    }

    pub(crate) fn cells(&mut self, source: u32, row: u64) -> Result<&[Vec<u8>], RunError> {
        let holds = |open: &OpenCells| {
            open.source == source
                && (open.first_row..open.first_row + open.rows.len() as u64).contains(&row)
        };
        let open = match self.open.take().filter(holds) {
            Some(open) => open,
            None => self.open_cells(source, row)?,
        };
        let open = self.open.insert(open);
        let index = usize::try_from(row - open.first_row).unwrap_or(usize::MAX);
        match open.rows.get(index) {
            Some(cells) => Ok(cells),
            None => Err(self
                .run
                .damaged(format!("the text of row {row} is missing"))),
        }
    }

    /// The cells of the first rows of a source, from its first block.
    pub(crate) fn first_rows(&self, source: u32) -> Result<Vec<Vec<Vec<u8>>>, RunError> {
        match blocks::first_row(self.run, source)? {
            Some(row) => Ok(self.open_cells(source, row)?.rows),
            None => Ok(Vec::new()),
        }
    }

    fn open_cells(&self, source: u32, row: u64) -> Result<OpenCells, RunError> {
        let (first_row, row_count, text) = blocks::cells(self.run, source, row)?;
        let missing = || self.run.damaged(format!("source {source} is missing"));
        let described = self.sources.get(source as usize).ok_or_else(missing)?;
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
        Ok(OpenCells {
            source,
            first_row,
            rows,
        })
    }
}

/// The added columns: `_file` only if there are several sources.
pub(super) fn added(sources: &[StagedSource]) -> &'static [&'static str] {
    if sources.len() > 1 {
        &ADDED_COLUMNS
    } else {
        &ADDED_COLUMNS[1..]
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
